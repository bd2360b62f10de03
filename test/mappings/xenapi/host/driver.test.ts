/** The agent half towards XenServer hosts with a host that answers by method: power, steps, probes, locators. */
import { describe, expect, test } from 'vitest';
import { done, type Outcome, refused } from '../../../../mappings/generic/faults.ts';
import type { DriverSend } from '../../../../mappings/generic/platform.ts';
import { xenFault } from '../../../../mappings/xenapi/faults.ts';
import { driver } from '../../../../mappings/xenapi/host/driver.ts';
import type { Plain } from '../../../../mappings/xenapi/host/plain.ts';

type Answer = Plain | { readonly error: readonly [string, ...string[]] };
const isError = (answer: Answer): answer is { readonly error: readonly [string, ...string[]] } =>
  typeof answer === 'object' && 'error' in answer;

/** What it was asked, in order; a method without an answer is unknown to it. */
const hostOf = (answers: Readonly<Record<string, Answer | ((args: Record<string, unknown>) => Answer)>>) => {
  const asked: string[] = [];
  const send: DriverSend = {
    call: async (procedure, args, lane): Promise<Outcome<Record<string, unknown>>> => {
      asked.push(`${lane} ${procedure}`);
      const found = answers[procedure];
      const answer: Answer =
        found === undefined
          ? { error: ['MESSAGE_METHOD_UNKNOWN', procedure] }
          : typeof found === 'function'
            ? found({ ...args })
            : found;
      return isError(answer) ? refused(xenFault(...answer.error)) : done({ value: answer });
    },
    gather: () => Promise.reject(new Error('nothing is gathered')),
  };
  return { asked, send };
};
const GONE: Answer = { error: ['UUID_INVALID', 'VM', 'u'] };
const FOUND = { 'VM.get_by_uuid': 'OpaqueRef:vm' };

describe('power', () => {
  test('is one call on the VM that the uuid names', async () => {
    const { asked, send } = hostOf({ ...FOUND, 'Async.VM.hard_shutdown': '' });
    expect(await driver.execute(send, 'vm.stop', 'u')).toEqual(done({ touches: [{ kind: 'vm', native: 'u' }] }));
    expect(asked).toEqual(['work VM.get_by_uuid', 'work Async.VM.hard_shutdown']);
  });

  test('of a start is the word that its state has: found by the host’s refusal', async () => {
    for (const [state, other] of [
      ['suspended', 'Async.VM.resume'],
      ['paused', 'Async.VM.unpause'],
    ] as const) {
      const { asked, send } = hostOf({
        ...FOUND,
        'Async.VM.start': { error: ['VM_BAD_POWER_STATE', 'OpaqueRef:vm', 'halted', state] },
        [other]: '',
      });
      expect((await driver.execute(send, 'vm.start', 'u')).ok, state).toBe(true);
      expect(asked.at(-1)).toBe(`work ${other}`);
    }
    const running = hostOf({
      ...FOUND,
      'Async.VM.start': { error: ['VM_BAD_POWER_STATE', 'OpaqueRef:vm', 'halted', 'running'] },
    });
    expect(await driver.execute(running.send, 'vm.start', 'u')).toMatchObject({
      ok: false,
      fault: { kind: 'wrong-state', members: { requested: 'stopped', existing: 'running' } },
    });
  });

  test('of what is gone, and a scan of a storage', async () => {
    expect(await driver.execute(hostOf({ 'VM.get_by_uuid': GONE }).send, 'vm.start', 'u')).toMatchObject({
      fault: { kind: 'object-not-found' },
    });
    const { asked, send } = hostOf({ 'SR.get_by_uuid': 'OpaqueRef:sr', 'Async.SR.scan': '' });
    expect(await driver.execute(send, 'storage.refresh', 's')).toEqual(
      done({ touches: [{ kind: 'storage', native: 's' }] }),
    );
    expect(asked.at(-1)).toBe('work Async.SR.scan');
  });
});

const MADE = { find: 'made', cls: 'VM', label: 'x', mark: 'job-1.vm' } as const;
const machines = (records: Readonly<Record<string, Plain>>) => ({
  'VM.get_by_name_label': Object.keys(records),
  'VM.get_record': ({ self }: Record<string, unknown>): Answer =>
    records[String(self)] ?? { error: ['HANDLE_INVALID', 'VM', 'x'] },
});
const marked = (mark: string, more: Record<string, Plain> = {}): Plain => ({
  is_a_snapshot: false,
  other_config: { 'transvisor.job': mark },
  ...more,
});

describe('steps', () => {
  test('tell the uuid that the host gave to what they made', async () => {
    const { send } = hostOf({ 'VM.create': 'OpaqueRef:new', 'VM.get_uuid': 'new' });
    const made = await driver.step(send, { procedure: 'VM.create', args: { args: { name_label: 'x' } } });
    expect(made).toEqual(done({ ref: 'OpaqueRef:new', uuid: 'new' }));
  });

  test('say on what they made whose the words are, and on what a revert left', async () => {
    const written: unknown[] = [];
    const add = (args: Record<string, unknown>): Answer => {
      written.push(args);
      return '';
    };
    const { send } = hostOf({
      'Async.VDI.create': 'OpaqueRef:i',
      'VDI.get_uuid': 'i',
      'VM.get_VBDs': ['OpaqueRef:d', 'OpaqueRef:cd'],
      'VBD.get_VDI': ({ self }) => (self === 'OpaqueRef:d' ? 'OpaqueRef:j' : 'OpaqueRef:NULL'),
      'VDI.get_record': { uuid: 'j', other_config: { 'transvisor.uuid': 'i' } },
      'VDI.remove_from_other_config': '',
      'VDI.add_to_other_config': add,
    });
    const args = { args: { other_config: { 'transvisor.job': 'job-1.1' } } };
    expect(await driver.step(send, { procedure: 'Async.VDI.create', args })).toEqual(
      done({ ref: 'OpaqueRef:i', uuid: 'i' }),
    );
    expect((await driver.step(send, { procedure: 'stamp_images', args: { vm: 'OpaqueRef:vm' } })).ok).toBe(true);
    expect(written).toEqual([
      { self: 'OpaqueRef:i', key: 'transvisor.uuid', value: 'i' },
      { self: 'OpaqueRef:j', key: 'transvisor.uuid', value: 'j' },
    ]);
  });

  test('find what the plan made by its mark, not by its name, and never a snapshot of it', async () => {
    let destroyed = '';
    const { send } = hostOf({
      ...machines({
        'OpaqueRef:other': marked('job-9.vm'),
        'OpaqueRef:snapshot': marked('job-1.vm', { is_a_snapshot: true }),
        'OpaqueRef:mine': marked('job-1.vm'),
      }),
      'VM.destroy': ({ self }) => {
        destroyed = String(self);
        return '';
      },
    });
    expect((await driver.step(send, { procedure: 'VM.destroy', args: { self: MADE } })).ok).toBe(true);
    expect(destroyed).toBe('OpaqueRef:mine');
    // Also inside a record.
    const vbd = hostOf({
      ...machines({ 'OpaqueRef:mine': marked('job-1.vm') }),
      'VBD.create': ({ args }) => ((args as { VM: string }).VM === 'OpaqueRef:mine' ? 'OpaqueRef:vbd' : GONE),
      'VBD.get_uuid': 'v',
    });
    expect((await driver.step(vbd.send, { procedure: 'VBD.create', args: { args: { VM: MADE } } })).ok).toBe(true);
  });

  test('on what is not there are refused as that, and nothing is sent', async () => {
    const { asked, send } = hostOf(machines({ 'OpaqueRef:other': marked('job-9.vm') }));
    expect(await driver.step(send, { procedure: 'VM.destroy', args: { self: MADE } })).toMatchObject({
      ok: false,
      fault: { kind: 'object-not-found' },
    });
    expect(asked).not.toContain('work VM.destroy');
  });

  test('set a key of a map by taking it away first', async () => {
    const { asked, send } = hostOf({ 'VM.remove_from_platform': '', 'VM.add_to_platform': '' });
    const args = { cls: 'VM', self: 'OpaqueRef:vm', field: 'platform', key: 'k' };
    await driver.step(send, { procedure: 'set_key', args: { ...args, value: 'v' } });
    await driver.step(send, { procedure: 'set_key', args: { ...args, value: null } });
    expect(asked).toEqual(['work VM.remove_from_platform', 'work VM.add_to_platform', 'work VM.remove_from_platform']);
  });

  test('destroy what may be gone, and ask nothing where nothing changes', async () => {
    const args = { cls: 'VDI', self: 'OpaqueRef:i' };
    const absent = hostOf({ 'Async.VDI.destroy': { error: ['HANDLE_INVALID', 'VDI', 'OpaqueRef:i'] } });
    expect((await driver.step(absent.send, { procedure: 'destroy_if_there', args })).ok).toBe(true);
    const used = hostOf({ 'Async.VDI.destroy': { error: ['VDI_IN_USE', 'OpaqueRef:i', 'destroy'] } });
    expect(await driver.step(used.send, { procedure: 'destroy_if_there', args })).toMatchObject({ ok: false });
    const nothing = hostOf({});
    expect((await driver.step(nothing.send, { procedure: 'nothing', args: {} })).ok).toBe(true);
    expect(nothing.asked).toEqual([]);
  });
});

describe('probes', () => {
  const probe = async (answers: Parameters<typeof hostOf>[0], name: string, args: Record<string, unknown>) => {
    const outcome = await driver.probe(hostOf(answers).send, { probe: name, args });
    return outcome.ok ? outcome.value : outcome.fault.kind;
  };
  const self = 'OpaqueRef:vm';

  test('compare a field, a key of a map, a member of a set', async () => {
    const state = { cls: 'VM', self, field: 'power_state', is: ['Running'] };
    expect(await probe({ 'VM.get_power_state': 'Running' }, 'field-is', state)).toBe('done');
    expect(await probe({ 'VM.get_power_state': 'Halted' }, 'field-is', state)).toBe('not-done');
    expect(await probe({ 'VM.get_power_state': { error: ['HANDLE_INVALID', 'VM', self] } }, 'field-is', state)).toBe(
      'not-done',
    );
    const attached = { cls: 'VBD', self, field: 'currently_attached', is: ['true'] };
    expect(await probe({ 'VBD.get_currently_attached': true }, 'field-is', attached)).toBe('done');
    const key = { cls: 'VM', self, field: 'platform', key: 'k', is: ['v'] };
    expect(await probe({ 'VM.get_platform': { k: 'v' } }, 'field-is', key)).toBe('done');
    expect(await probe({ 'VM.get_platform': {} }, 'field-is', { ...key, is: [''] })).toBe('done');
    expect(await probe({ 'VM.get_platform': {} }, 'field-is', { ...key, key: 'toString', is: [''] })).toBe('done');
    const tag = { cls: 'VM', self, field: 'tags', key: 't', is: ['t'] };
    expect(await probe({ 'VM.get_tags': ['s', 't'] }, 'field-is', tag)).toBe('done');
    expect(await probe({ 'VM.get_tags': ['s'] }, 'field-is', tag)).toBe('not-done');
  });

  test('tell what is there and what is not', async () => {
    expect(await probe(machines({ 'OpaqueRef:m': marked('job-1.vm') }), 'located', { locator: MADE })).toBe('done');
    expect(await probe(machines({}), 'located', { locator: MADE })).toBe('not-done');
    expect(await probe({ 'VM.get_uuid': 'u' }, 'absent', { cls: 'VM', self })).toBe('not-done');
    expect(
      await probe({ 'VM.get_uuid': { error: ['HANDLE_INVALID', 'VM', self] } }, 'absent', { cls: 'VM', self }),
    ).toBe('done');
    const drive = { find: 'VBD', vm: self, place: '2' } as const;
    const drives = { 'VM.get_VBDs': ['OpaqueRef:d'], 'VBD.get_record': { userdevice: '2' } };
    expect(await probe(drives, 'located', { locator: drive })).toBe('done');
    expect(await probe(drives, 'located', { locator: { ...drive, place: '3' } })).toBe('not-done');
    const snapshot = { find: 'snapshot', vm: self, label: 's', before: ['OpaqueRef:old'] } as const;
    const taken = { 'VM.get_snapshots': ['OpaqueRef:old', 'OpaqueRef:new'], 'VM.get_record': { name_label: 's' } };
    expect(await probe(taken, 'located', { locator: snapshot })).toBe('done');
    expect(await probe({ ...taken, 'VM.get_snapshots': ['OpaqueRef:old'] }, 'located', { locator: snapshot })).toBe(
      'not-done',
    );
  });

  test('take a revert for done when the VM stands there with other images', async () => {
    const args = { vm: self, snapshot: 'OpaqueRef:s', images: ['OpaqueRef:old'] };
    const told = (parent: string, image: string) => ({
      'VM.get_parent': parent,
      'VM.get_VBDs': ['OpaqueRef:d'],
      'VBD.get_VDI': image,
    });
    expect(await probe(told('OpaqueRef:s', 'OpaqueRef:new'), 'reverted', args)).toBe('done');
    expect(await probe(told('OpaqueRef:s', 'OpaqueRef:old'), 'reverted', args)).toBe('not-done');
    expect(await probe(told('OpaqueRef:t', 'OpaqueRef:new'), 'reverted', args)).toBe('not-done');
  });

  test('see an image that is worked on, and are known by name', async () => {
    expect(await probe({ 'VDI.get_current_operations': { t: 'copy' } }, 'idle', { vdi: self })).toBe('running');
    expect(await probe({ 'VDI.get_current_operations': {} }, 'idle', { vdi: self })).toBe('not-done');
    await expect(probe({}, 'toString', {})).rejects.toThrow(/no probe/);
  });

  test('that the host refuses are no answer', async () => {
    await expect(
      probe({ 'VM.get_power_state': { error: ['RBAC_PERMISSION_DENIED', 'vm.get', ''] } }, 'field-is', {
        cls: 'VM',
        self,
        field: 'power_state',
        is: ['Running'],
      }),
    ).rejects.toThrow(/get_power_state/);
  });
});

test('the objects of one read are those that are there; a refusal is none of that', async () => {
  const refs = [{ kind: 'vm', native: 'u' }] as const;
  expect(await driver.read(hostOf({ 'VM.get_by_uuid': GONE }).send, refs)).toEqual([
    { change: 'gone', ref: { kind: 'vm', native: 'u' } },
  ]);
  const denied = hostOf({ 'VM.get_by_uuid': { error: ['RBAC_PERMISSION_DENIED', 'x', ''] } });
  await expect(driver.read(denied.send, refs)).rejects.toThrow(/get_by_uuid/);
});
