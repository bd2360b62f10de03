/** Reads that the data model derives for every class (get_record, get_<field>, get_all, get_all_where, get_by_uuid, ...) from the world of a front. */
import type { Call, Reply } from '../../generic/call.ts';
import type { Brokered } from '../../generic/platform.ts';
import type { Does, Message } from '../types.ts';
import { encodeInner, encodeRecord, encodeRefs, encodingOf, refuse, value, write, writeRecords } from './answers.ts';
import { fieldAt, type Item, placesOf } from './item.ts';
import type { Scope } from './sync.ts';
import { sync } from './sync.ts';
import { refreshVolatile } from './volatile.ts';
import { BadExpression, type Condition, parseExpression } from './where.ts';
import type { World } from './world.ts';

const conditionOf = (cls: string, call: Call): Condition | Reply => {
  try {
    return parseExpression(cls, String(call.args['expr'] ?? ''));
  } catch (error) {
    if (error instanceof BadExpression) return refuse('INVALID_VALUE', 'expr', error.message);
    throw error;
  }
};

const filtered = (items: Iterable<Item>, condition: Condition): Item[] => [...items].filter(condition);

const refsOf = (items: Iterable<Item>): string[] => Array.from(items, ({ ref }) => ref);

/** What clients chose by hand comes with the object; there is nothing to wait for. */
const ofObject = (world: World, item: Item, does: Does, call: Call): Brokered => {
  const encoding = encodingOf(call);
  if (does.kind !== 'get-field') return write(encodeRecord(world, item, encoding));
  const { name, type } = does.field;
  return write(encodeInner(type, fieldAt(item, placesOf(item.cls).get(name) ?? -1), encoding));
};

const ofClass = (world: World, cls: string, does: Does, call: Call): Brokered | Reply => {
  const encoding = encodingOf(call);
  switch (does.kind) {
    case 'get-all':
      return write(encodeRefs(refsOf(world.all(cls)), encoding));
    case 'get-all-records':
      return writeRecords(world, [...world.all(cls)], encoding);
    case 'get-all-where':
    case 'get-all-records-where': {
      const condition = conditionOf(cls, call);
      if (typeof condition !== 'function') return condition;
      const found = filtered(world.all(cls), condition);
      return does.kind === 'get-all-where'
        ? write(encodeRefs(refsOf(found), encoding))
        : writeRecords(world, found, encoding);
    }
    case 'get-by-name-label':
      return write(encodeRefs(refsOf(world.byName(cls, String(call.args['label'] ?? ''))), encoding));
    case 'get-by-uuid': {
      const uuid = String(call.args['uuid'] ?? '');
      const item = world.byUuid(cls, uuid);
      return item === undefined ? refuse('UUID_INVALID', cls, uuid) : value(item.ref);
    }
    default:
      throw new Error(`${call.method} is no read`);
  }
};

export function* readRecords(scope: Scope, call: Call, { class: cls, does }: Message): Brokered {
  if (does === undefined) throw new Error(`${call.method} is not derived`);
  const world = yield* sync(scope);
  refreshVolatile(world, cls, scope.context);
  if (does.kind === 'get-field' || does.kind === 'get-record') {
    const item = world.get(cls, call.target.id);
    if (item === undefined) return refuse('HANDLE_INVALID', cls, call.target.id);
    return yield* ofObject(world, item, does, call);
  }
  const answer = ofClass(world, cls, does, call);
  return 'kind' in answer ? answer : yield* answer;
}
