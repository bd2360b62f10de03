/** Events of the XenAPI broker over a fake store: every change is told once, to each who asked for it. */
import { describe, expect, test } from 'vitest';
import { hubId } from '../../../mappings/generic/ids.ts';
import { NULL_REF } from '../../../mappings/xenapi/ids.ts';
import { writeOwn } from '../../../mappings/xenapi/own-data.ts';
import { estate, from, host, machine, pool, ref, told, VM, vdi, vm } from './broker-estate.ts';
import { member } from './broker-fake.ts';

describe('events', () => {
  test('from the beginning everything comes as an addition; from then on only what changes', async () => {
    const at = estate();
    const first = await from(at, '');
    expect(told(first)).toContain('add vm');
    expect(first.events.every(({ operation }) => operation === 'add')).toBe(true);
    expect(first.valid_ref_counts).toMatchObject({ vm: 1, vbd: 1, vdi: 1, task: 0, vgpu: 0 });
    expect(first.token).toMatch(/^\d{20},\d{20}$/);
    const idle = await from(at, first.token);
    expect(idle.events).toEqual([]);
    at.put(VM, machine('web', 'Running'));
    const next = await from(at, idle.token);
    expect(told(next)).toEqual(['mod host', 'mod vbd', 'mod vdi', 'mod vm']);
    expect(next.events.find((one) => one.class === 'vm')?.snapshot).toMatchObject({
      power_state: 'Running',
      resident_on: host,
    });
    expect(told(await from(at, next.token))).toEqual([]);
  });

  test('changes of one object are one event, what came and went is none, what went is an end', async () => {
    const at = estate();
    const { token } = await from(at, '');
    at.put(VM, machine('a', 'Halted'));
    at.put(VM, machine('b', 'Halted'));
    const other = hubId('vm', 9);
    at.put(other, member('VM', ref('VM', other), '<name_label>short</name_label>'));
    await at.ask('VM.get_all', {});
    at.remove(other);
    const changed = await from(at, token, ['vm']);
    expect(told(changed)).toEqual(['mod vm']);
    expect(changed.events[0]?.snapshot?.['name_label']).toBe('b');
    at.remove(VM);
    const gone = await from(at, changed.token, ['VM', 'VDI']);
    expect(told(gone)).toEqual(['del vm', 'mod vdi']);
    expect(gone.events.find(({ operation }) => operation === 'del')).not.toHaveProperty('snapshot');
    expect(await at.ask('VDI.get_VBDs', { self: vdi })).toEqual([]);
  });

  test('classes in any case, single objects, unknown names', async () => {
    const at = estate();
    const { token } = await from(at, '');
    at.put(VM, machine('web', 'Running'));
    expect(told(await from(at, token, ['vBd']))).toEqual(['mod vbd']);
    expect(told(await from(at, token, [`VM/${vm}`]))).toEqual(['mod vm']);
    expect(told(await from(at, token, ['vm/OpaqueRef:other', 'session', 'nonsense']))).toEqual([]);
  });

  test('a change of a field of ours, and an injected one, are events', async () => {
    const at = estate();
    const { token } = await from(at, '');
    writeOwn(at.context, pool, 'other_config', { barrier: '1' });
    const next = await from(at, token, ['pool']);
    expect(next.events[0]?.snapshot?.['other_config']).toEqual({ barrier: '1' });
    const before = (await at.ask('event.inject', { class: 'pool', ref: pool })) as string;
    expect(told(await from(at, before, ['*']))).toEqual(['mod pool']);
    expect(await at.ask('event.inject', { class: 'POOL', ref: pool })).toEqual({
      error: ['HANDLE_INVALID', 'POOL', pool],
    });
    expect(await at.ask('event.inject', { class: 'pool', ref: NULL_REF })).toEqual({
      error: ['HANDLE_INVALID', 'pool', NULL_REF],
    });
  });

  test('a wait ends with the first change that is asked for, or with its time', async () => {
    const at = estate();
    const { token } = await from(at, '');
    const answer = from(at, token, ['vdi'], 30);
    await new Promise(setImmediate);
    expect(at.waiting()).toBe(1);
    writeOwn(at.context, pool, 'other_config', { x: '1' });
    await new Promise(setImmediate);
    expect(at.waiting()).toBe(1);
    writeOwn(at.context, vdi, 'tags', ['t']);
    expect(told(await answer)).toEqual(['mod vdi']);
    const late = from(at, (await answer).token, ['vdi'], 30);
    await new Promise(setImmediate);
    at.elapse(30_000);
    expect(told(await late)).toEqual([]);
  });

  test('tokens of another time are lost, and no tokens are refused', async () => {
    const at = estate();
    const { token } = await from(at, '');
    const [version = '', epoch = ''] = token.split(',');
    const old = `${'1'.padStart(20, '0')},${epoch}`;
    expect(await from(at, old)).toEqual({ error: ['EVENTS_LOST'] });
    expect(await from(at, `${version},${'5'.padStart(20, '0')}`)).toEqual({ error: ['EVENTS_LOST'] });
    expect(await from(at, `${'9'.repeat(15).padStart(20, '0')},${epoch}`)).toEqual({ error: ['EVENTS_LOST'] });
    expect(await from(at, 'nonsense')).toEqual({ error: ['EVENT_FROM_TOKEN_PARSE_FAILURE', 'nonsense'] });
  });

  test('swapped sheets are told where they come out different', async () => {
    const at = estate();
    const { token } = await from(at, '');
    at.swapSheets((text) => text.replace('<value>web</value>', '<value>by the new sheet</value>'));
    const next = await from(at, token);
    expect(told(next)).toEqual(['mod vm']);
    expect(next.events[0]?.snapshot?.['name_label']).toBe('by the new sheet');
    at.swapSheets((text) => text);
    expect(told(await from(at, next.token))).toEqual([]);
  });

  test('many who come at once read the same, and nothing twice', async () => {
    const at = estate();
    for (let n = 0; n < 400; n++)
      at.put(
        hubId('vm', 1000 + n),
        member('VM', ref('VM', hubId('vm', 1000 + n)), `<uuid>m${n}</uuid><name_label>m${n}</name_label>`),
      );
    const reads = Array.from({ length: 20 }, () => at.ask('VM.get_all_records', {}));
    const changes = at.ask('VM.get_all', {}).then(() => at.put(VM, machine('while others read', 'Running')));
    const [first, ...others] = (await Promise.all(reads)) as Record<string, { name_label: string }>[];
    await changes;
    expect(Object.keys(first ?? {})).toHaveLength(401);
    for (const other of others) expect(Object.keys(other)).toEqual(Object.keys(first ?? {}));
    expect(await at.ask('VM.get_name_label', { self: vm })).toBe('while others read');
  });

  test('many who wait share one encoding of a record', async () => {
    const at = estate();
    const { token } = await from(at, '');
    const answers = Array.from({ length: 200 }, () => from(at, token, ['vm'], 30));
    await new Promise(setImmediate);
    expect(at.waiting()).toBe(200);
    const before = at.textsRead();
    at.put(VM, machine('told once', 'Halted'));
    for (const answer of await Promise.all(answers)) expect(told(answer)).toEqual(['mod vm']);
    // Once by `put` above, which compares; once for all clients.
    expect(at.textsRead() - before).toBeLessThanOrEqual(4);
  });
});

describe('events of clients from before event.from', () => {
  type Told = readonly { readonly operation: string; readonly class: string; readonly snapshot?: object }[];
  const next = async (at: ReturnType<typeof estate>) =>
    ((await at.ask('event.next', {})) as Told).map((one) => `${one.operation} ${one.class}`).toSorted();

  test('are those since the subscription, each told once; a call waits for one', async () => {
    const at = estate();
    expect(await at.ask('event.next', {})).toEqual({ error: ['SESSION_NOT_REGISTERED', NULL_REF] });
    await at.ask('event.register', { classes: ['vm'] });
    at.put(VM, machine('web', 'Running'));
    expect(await next(at)).toEqual(['mod vm']);
    const waiting = next(at);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(at.waiting()).toBe(1);
    at.put(VM, machine('again', 'Running'));
    expect(await waiting).toEqual(['mod vm']);
  });

  test('are of all classes that were registered, until they are unregistered', async () => {
    const at = estate();
    await at.ask('event.register', { classes: ['vm'] });
    await at.ask('event.register', { classes: ['VDI'] });
    at.put(VM, machine('web', 'Running'));
    expect(await next(at)).toEqual(['mod vdi', 'mod vm']);
    await at.ask('event.unregister', { classes: ['VDI'] });
    at.put(VM, machine('web', 'Halted'));
    expect(await next(at)).toEqual(['mod vm']);
    await at.ask('event.unregister', { classes: ['vm'] });
    expect(await at.ask('event.next', {})).toEqual({ error: ['SESSION_NOT_REGISTERED', NULL_REF] });
  });

  test('a session cannot fill the memory with what it is subscribed to', async () => {
    const at = estate();
    const many = (name: string, count: number): string[] =>
      Array.from({ length: count }, (_, n) => `${name}/${n} ${'x'.repeat(1000)}`);
    expect(await at.ask('event.register', { classes: many('nonsense', 1000) })).toBeUndefined();
    expect(await at.ask('event.register', { classes: ['vm', ...many('VM', 100)] })).toBeUndefined();
    expect(await at.ask('event.register', { classes: many('VM', 1000) })).toEqual({
      error: ['VALUE_NOT_SUPPORTED', 'classes', '1001', 'these are too many for one session'],
    });
    at.put(VM, machine('web', 'Running'));
    expect(await next(at)).toEqual(['mod vm']);
  });

  test('come over both wires, and are lost when the program that knew them is', async () => {
    const at = estate();
    await at.ask('event.register', { classes: ['vm'] });
    at.put(VM, machine('web', 'Running'));
    expect(await at.ask('event.next', {}, 'xmlrpc')).toMatch(
      /^<value><array><data><value><struct>.*<name>operation<\/name><value>mod<\/value>.*<\/data><\/array><\/value>$/s,
    );
    at.context.locals.put('event.register', { classes: ['vm'], version: 1, epoch: 'another' });
    expect(await at.ask('event.next', {})).toEqual({ error: ['EVENTS_LOST'] });
    expect(await at.ask('event.get_current_id', {})).toBe(at.context.store.version);
  });
});
