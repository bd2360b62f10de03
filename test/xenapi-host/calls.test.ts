/** Every call of the model on the simulated XenServer host, with arguments of the right types: answered, refused in the API's words, never a bug. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startXenHost, type XenHost } from '../../fixtures/xenapi-host/server.ts';
import { isStruct, WireTime, type WireValue } from '../../mappings/wire/rpc-value.ts';
import { decodeResponse, encodeCall } from '../../mappings/wire/xmlrpc.ts';
import { classNames, classOf, enumValues, type Message, recordFields, type Type } from '../../mappings/xenapi/types.ts';

let host: XenHost;

beforeAll(async () => {
  host = await startXenHost({
    user: 'root',
    password: 'pw',
    loginDelayMs: 1,
    operationMs: 0,
    busyMs: 0,
    eventBatchMs: 0,
  });
});
afterAll(() => host.close());

/** The newest object of a class, which a call before may have made; else a ref of nothing. */
const refOf = (owner: string, newest: boolean): string => {
  const refs = [...host.sim.db.rows(owner)].map(({ ref }) => ref);
  return (newest ? refs.at(-1) : refs[0]) ?? 'OpaqueRef:none';
};

const sample = (type: Type, newest: boolean): WireValue => {
  switch (type.kind) {
    case 'int':
      return '1';
    case 'float':
      return 0;
    case 'bool':
      return false;
    case 'datetime':
      return new WireTime('20260102T03:04:05Z');
    case 'enum':
      return [...(enumValues(type.name) ?? [])][0] ?? '';
    case 'ref':
      return refOf(type.class, newest);
    case 'record':
      return new Map(
        recordFields(type.class)
          .filter((field) => field.qualifier !== 'RO')
          .map((field) => [field.name, sample(field.type, newest)]),
      );
    case 'set':
      return [sample(type.of, newest)];
    case 'map':
      return new Map([[String(sample(type.key, newest)), sample(type.value, newest)]]);
    case 'option':
      return sample(type.of, newest);
    default:
      return 'true';
  }
};

/** Status and code of the answer. */
const ask = async (
  message: Message,
  newest: boolean,
): Promise<readonly [status: string, code: string, text: string]> => {
  const session = await host.sim.sessions.login('root', 'pw', '');
  const params = message.params.map((param) => sample(param.type, newest));
  const body = encodeCall(message.wire, message.session ? [session, ...params] : params);
  const response = await fetch(host.url, { method: 'POST', body });
  const read = decodeResponse(Buffer.from(await response.arrayBuffer()), { maxBytes: 1e8, maxValues: 1e7 });
  if (!read.ok || read.response.value === undefined || !isStruct(read.response.value)) throw new Error(message.wire);
  const error = (read.response.value.get('ErrorDescription') ?? []) as readonly WireValue[];
  return [String(read.response.value.get('Status')), String(error[0] ?? ''), String(error[1] ?? '')];
};

describe.each([false, true])('with the newest objects: %s', (newest) => {
  test.each(classNames.filter((name) => (classOf(name)?.messages.length ?? 0) > 0))(
    '%s',
    { timeout: 60_000 },
    async (name) => {
      for (const message of classOf(name)?.messages ?? []) {
        const [status, code, text] = await ask(message, newest);
        if (status === 'Success') continue;
        expect(code, `${message.wire}: ${text}`).not.toBe('INTERNAL_ERROR');
        expect(code, message.wire).toMatch(/^[A-Z][A-Z0-9_]+$/);
        // Withdrawn calls, and only they, say so.
        expect(code === 'MESSAGE_REMOVED', message.wire).toBe(message.stage === 'removed');
      }
    },
  );
});

test('afterwards every object still has every reference of a relation in both ends', () => {
  const { db } = host.sim;
  for (const row of db.rows('VBD')) {
    const vm = String(db.valueOf(row, 'VM'));
    if (db.has('VM', vm)) expect(db.refs('VM', vm, 'VBDs')).toContain(row.ref);
  }
  for (const row of db.rows('VM'))
    for (const vbd of db.valueOf(row, 'VBDs') as readonly string[]) expect(db.text('VBD', vbd, 'VM')).toBe(row.ref);
});
