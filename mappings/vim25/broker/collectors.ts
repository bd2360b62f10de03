/** Property collectors and filters of a session: calls in; records in its locals, which outlive the program, out. */
import type { Call, Reply } from '../../generic/call.ts';
import type { Brokered } from '../../generic/platform.ts';
import { FURNITURE } from '../ids.ts';
import { type MoRef, moRef } from '../values.ts';
import { forgetFilter } from './filter-state.ts';
import { furnish } from './registry.ts';
import { refuse, value } from './retrieve.ts';
import type { CollectorState, Scope } from './scope.ts';
import { checkSpec, type FilterSpec, objectNotFound, select } from './select.ts';
import { newMoid } from './tokens.ts';

export interface FilterRecord {
  readonly id: string;
  readonly collector: string;
  readonly spec: FilterSpec;
  readonly partial: boolean;
}

const collectorKey = (moid: string): string => `collector/${moid}`;
const filterKey = (moid: string): string => `filter/${moid}`;

/** The default collector is one of each session, under a name that all share. */
const collectorExists = ({ context }: Scope, moid: string): boolean =>
  moid === FURNITURE.propertyCollector.value || context.locals.get(collectorKey(moid)) !== undefined;

const filterRecord = ({ context }: Scope, moid: string): FilterRecord | undefined =>
  context.locals.get(filterKey(moid)) as FilterRecord | undefined;

export const filtersOf = ({ context }: Scope, collector: string): readonly FilterRecord[] =>
  context.locals
    .list('filter/')
    .map((row) => row.value as FilterRecord)
    .filter((record) => record.collector === collector);

const MAX_COLLECTORS = 4096;

export const collectorState = ({ context, caches }: Scope, moid: string): CollectorState => {
  const key = `${context.session.id} ${moid}`;
  let state = caches.collectors.get(key);
  if (!state) {
    // Oldest first; one without a waiter loses nothing but a counter that the client's token brings back.
    if (caches.collectors.size >= MAX_COLLECTORS) {
      for (const [old, { waiting }] of caches.collectors) {
        if (waiting > 0) continue;
        caches.collectors.delete(old);
        break;
      }
    }
    state = { serial: 0, cancelled: 0, poked: 0, waiting: 0 };
    caches.collectors.set(key, state);
  }
  return state;
};

export const waitKey = ({ context }: Scope, collector: string): string => `wait ${context.session.id} ${collector}`;

/** Ends the collector's waits for good. */
const cancelWaits = (scope: Scope, collector: string): void => {
  collectorState(scope, collector).cancelled++;
  scope.context.cancel(waitKey(scope, collector));
};

/** Lets waits look again: a filter is new. */
const wakeWaits = (scope: Scope, collector: string): void => {
  const state = collectorState(scope, collector);
  state.poked++;
  if (state.waiting > 0) scope.context.cancel(waitKey(scope, collector));
};

export function createCollector(scope: Scope): Reply {
  const moid = newMoid(scope);
  scope.context.locals.put(collectorKey(moid), { moid });
  return value(moRef('PropertyCollector', moid));
}

export function destroyCollector(scope: Scope, call: Call): Reply {
  const moid = call.target.id;
  for (const record of filtersOf(scope, moid)) dropFilter(scope, record);
  scope.context.locals.delete(collectorKey(moid));
  cancelWaits(scope, moid);
  scope.caches.collectors.delete(`${scope.context.session.id} ${moid}`);
  return value(undefined);
}

export function* createFilter(scope: Scope, call: Call): Brokered {
  const spec = call.args['spec'] as FilterSpec;
  const wrong = checkSpec(spec);
  if (wrong) return refuse(wrong);
  const selection = yield* select(scope, spec);
  if (!selection.ok) return refuse(selection.fault);
  const record: FilterRecord = {
    id: newMoid(scope),
    collector: call.target.id,
    spec,
    partial: call.args['partialUpdates'] === true,
  };
  scope.context.locals.put(filterKey(record.id), record);
  wakeWaits(scope, record.collector);
  return value(moRef('PropertyFilter', record.id));
}

const dropFilter = (scope: Scope, { id }: FilterRecord): void => {
  scope.context.locals.delete(filterKey(id));
  forgetFilter(scope, id);
};

export function destroyFilter(scope: Scope, call: Call): Reply {
  const record = filterRecord(scope, call.target.id);
  if (!record) return refuse(objectNotFound({ type: 'PropertyFilter', value: call.target.id }));
  dropFilter(scope, record);
  return value(undefined);
}

export function cancelWaitForUpdates(scope: Scope, call: Call): Reply {
  cancelWaits(scope, call.target.id);
  return value(undefined);
}

const refs = (records: readonly FilterRecord[]): MoRef[] => records.map(({ id }) => moRef('PropertyFilter', id));

export const furnishCollectors = (): void => {
  furnish('PropertyCollector', (scope, { value: moid }) =>
    collectorExists(scope, moid) ? { values: { filter: () => refs(filtersOf(scope, moid)) } } : undefined,
  );
  furnish('PropertyFilter', (scope, { value: moid }) => {
    const record = filterRecord(scope, moid);
    return record && { values: { spec: () => record.spec, partialUpdates: () => record.partial } };
  });
};
