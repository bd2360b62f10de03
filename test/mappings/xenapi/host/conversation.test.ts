/** Conversations with XenServer hosts, by what they ask and what they make of the answers. */
import { expect, test } from 'vitest';
import { openConversation } from '../../../../mappings/xenapi/host/conversation.ts';
import { type Answer, type Answers, fakeHost, wireOf } from './talk.ts';

const ENDPOINT = { kind: 'https', host: 'xen.example', port: 443 } as const;
const CREDENTIALS = { user: 'root', password: 'secret' };

const plain = (method: string): Answer => {
  switch (method) {
    case 'session.login_with_password':
      return { value: 'OpaqueRef:session-1' };
    case 'pool.get_all_records':
      return { value: wireOf({ 'OpaqueRef:pool': { uuid: 'p', master: 'OpaqueRef:host' } }) };
    case 'event.inject':
      return { value: '00000000000000000007,00000000000000000000' };
    default:
      return { error: ['MESSAGE_METHOD_UNKNOWN', method] };
  }
};

const opened = (answers: Answers, wires?: readonly ('json' | 'xml')[]) => {
  const host = fakeHost((method, params) => {
    const own = answers(method, params);
    return 'error' in own && own.error[0] === 'OTHERWISE' ? plain(method) : own;
  }, wires);
  const conversation = openConversation(ENDPOINT);
  const outcome = host.run(conversation.open(CREDENTIALS));
  return { host, conversation, outcome };
};
const OTHERWISE: Answer = { error: ['OTHERWISE'] };
const otherwise: Answers = () => OTHERWISE;

test('a log-in tells who asks, finds the pool and remembers from where on it hears', () => {
  const { host, outcome } = opened(otherwise);
  expect(outcome).toEqual({ ok: true, value: undefined });
  expect(host.asked).toEqual(['json session.login_with_password', 'json pool.get_all_records', 'json event.inject']);
  expect(host.params[0]).toEqual(['root', 'secret', '1.0', 'transvisor']);
  expect(host.params[2]).toEqual(['OpaqueRef:session-1', 'pool', 'OpaqueRef:pool']);
});

test('a host without JSON-RPC is spoken to in XML-RPC, and integers are the same text', () => {
  const { host, conversation, outcome } = opened(
    (method) => (method === 'host.get_API_version_major' ? { value: '2' } : OTHERWISE),
    ['xml'],
  );
  expect(outcome.ok).toBe(true);
  expect(host.asked.every((one) => one.startsWith('xml'))).toBe(true);
  const got = host.run(conversation.call('host.get_API_version_major', { self: 'OpaqueRef:host' }));
  expect(got).toEqual({ ok: true, value: { value: '2' } });
  const json = opened((method) => (method === 'host.get_API_version_major' ? { value: 2n } : OTHERWISE));
  expect(json.host.run(json.conversation.call('host.get_API_version_major', { self: 'x' }))).toEqual(got);
});

test('a refused log-in is that fault and is not tried in another wire', () => {
  const { host, outcome } = opened((method) =>
    method === 'session.login_with_password' ? { error: ['SESSION_AUTHENTICATION_FAILED', 'root', 'no'] } : OTHERWISE,
  );
  expect(outcome).toMatchObject({ ok: false, fault: { kind: 'invalid-login' } });
  expect(host.asked).toEqual(['json session.login_with_password']);
});

test('a member of a pool names its coordinator', () => {
  const { outcome } = opened((method) =>
    method === 'session.login_with_password' ? { error: ['HOST_IS_SLAVE', '192.0.2.9'] } : OTHERWISE,
  );
  expect(outcome).toMatchObject({ ok: false, fault: { kind: 'host-communication', members: { host: '192.0.2.9' } } });
  expect(outcome.ok ? '' : outcome.fault.text).toContain('192.0.2.9');
});

test('a server that is no such host is no such host, in both wires', () => {
  const { outcome } = opened(otherwise, []);
  expect(outcome).toMatchObject({ ok: false, fault: { kind: 'host-communication' } });
});

test('a host that stops speaking the API is a broken peer: the connection is made anew', () => {
  const wires: ('json' | 'xml')[] = ['json', 'xml'];
  const { host, conversation } = opened(otherwise, wires);
  wires.length = 0;
  expect(() => host.run(conversation.call('VM.get_uuid', { self: 'x' }))).toThrow(/404/);
});

test('a session that the host has ended is made anew, once, and the call repeated', () => {
  let logins = 0;
  const { host, conversation } = opened((method, params) => {
    if (method === 'session.login_with_password') {
      logins += 1;
      return { value: `OpaqueRef:session-${logins}` };
    }
    if (method !== 'VM.get_uuid') return OTHERWISE;
    return params[0] === 'OpaqueRef:session-2' ? { value: 'u' } : { error: ['SESSION_INVALID', String(params[0])] };
  });
  const got = host.run(conversation.call('VM.get_uuid', { self: 'OpaqueRef:vm' }));
  expect(got).toEqual({ ok: true, value: { value: 'u' } });
  expect(host.asked.slice(3)).toEqual(['json VM.get_uuid', 'json session.login_with_password', 'json VM.get_uuid']);
});

test.each([['json'], ['xml']] as const)('what a host says of a session in %s does not name it', (wire) => {
  const { host, conversation } = opened(
    (method, params) =>
      method === 'VM.get_uuid'
        ? { error: ['INTERNAL_ERROR', `Not_found(${String(params[0])})`, String(params[0]), 'OpaqueRef:vm'] }
        : OTHERWISE,
    [wire],
  );
  const got = host.run(conversation.call('VM.get_uuid', { self: 'OpaqueRef:vm' }));
  expect(got).toMatchObject({ ok: false, fault: { native: { code: 'INTERNAL_ERROR' } } });
  expect(JSON.stringify(got)).not.toContain('session-1');
  expect(JSON.stringify(got)).toContain('OpaqueRef:vm');
});

test('events are not heard on in a session that ended: the connection is', () => {
  const { host, conversation } = opened((method) =>
    method === 'event.from' ? { error: ['SESSION_INVALID', 'x'] } : OTHERWISE,
  );
  const talk = conversation.listen?.();
  if (!talk) throw new Error('it does not listen');
  expect(host.run(talk)).toMatchObject({ ok: false, fault: { kind: 'not-authenticated' } });
  expect(host.asked.filter((one) => one.endsWith('login_with_password'))).toHaveLength(1);
});

const task = (status: string, more: Record<string, unknown> = {}): Answer => ({
  value: wireOf({ status, result: '', error_info: [], ...more }),
});

const taskHost = (looks: readonly Answer[]) => {
  let at = 0;
  return opened((method) => {
    if (method === 'Async.VM.snapshot' || method === 'Async.VM.clean_shutdown') return { value: 'OpaqueRef:task' };
    if (method === 'task.get_record') return looks[Math.min(at++, looks.length - 1)] ?? OTHERWISE;
    return method === 'task.destroy' ? { value: '' } : OTHERWISE;
  });
};
const SNAPSHOT = { vm: 'OpaqueRef:vm', new_name: 's' };

test('a task is waited for with growing pauses; its result is XML in either wire; it is taken away', () => {
  const { host, conversation } = taskHost([
    task('pending'),
    task('pending'),
    task('success', { result: '<value>OpaqueRef:made</value>' }),
  ]);
  const got = host.run(conversation.call('Async.VM.snapshot', SNAPSHOT));
  expect(got).toEqual({ ok: true, value: { value: 'OpaqueRef:made' } });
  expect(host.paused).toEqual([50, 75]);
  expect(host.asked.at(-1)).toBe('json task.destroy');
});

test('a task that fails is the error it tells, a cancelled one says so', () => {
  const failed = taskHost([task('failure', { error_info: ['SR_FULL', '10', '5'] })]);
  expect(failed.host.run(failed.conversation.call('Async.VM.snapshot', SNAPSHOT))).toMatchObject({
    ok: false,
    fault: { kind: 'no-disk-space', native: { code: 'SR_FULL', detail: ['10', '5'] } },
  });
  const cancelled = taskHost([task('cancelled')]);
  expect(cancelled.host.run(cancelled.conversation.call('Async.VM.snapshot', SNAPSHOT))).toMatchObject({
    ok: false,
    fault: { kind: 'cancelled' },
  });
});

test('a task that the host forgot leaves in doubt what became of it', () => {
  const { host, conversation } = taskHost([{ error: ['HANDLE_INVALID', 'task', 'OpaqueRef:task'] }]);
  const got = host.run(conversation.call('Async.VM.snapshot', SNAPSHOT));
  expect(got).toMatchObject({ ok: false, fault: { kind: 'host-communication' } });
  expect(got.ok ? undefined : got.fault.native).toBeUndefined();
});

test('what only has to begin is not waited for to its end', () => {
  const { host, conversation } = taskHost([task('pending')]);
  const args = { vm: 'OpaqueRef:vm' };
  expect(host.run(conversation.call('Begin.VM.clean_shutdown', args))).toEqual({ ok: true, value: { value: '' } });
  expect(host.asked).not.toContain('json task.destroy');
  const refused = taskHost([task('failure', { error_info: ['VM_LACKS_FEATURE', 'OpaqueRef:vm'] })]);
  expect(refused.host.run(refused.conversation.call('Begin.VM.clean_shutdown', args))).toMatchObject({
    ok: false,
    fault: { kind: 'tools-unavailable' },
  });
});

const vm = (uuid: string, more: Record<string, unknown> = {}) => ({
  uuid,
  name_label: uuid,
  power_state: 'Halted',
  is_a_template: false,
  is_a_snapshot: false,
  is_control_domain: false,
  VBDs: [],
  VIFs: [],
  ...more,
});
const event = (cls: string, operation: string, ref: string, snapshot?: unknown) => ({
  id: '1',
  timestamp: '0.0',
  class: cls,
  operation,
  ref,
  ...(snapshot === undefined ? {} : { snapshot }),
});

/** The listing that goes before, then batches of events, then the end. */
const listening = (records: Record<string, Record<string, unknown>>, batches: readonly unknown[][]) => {
  let at = 0;
  const { host, conversation } = opened((method) => {
    const [cls = '', what] = method.split('.');
    if (what === 'get_all_records' && cls !== 'pool') return { value: wireOf(records[cls] ?? {}) };
    if (method !== 'event.from') return OTHERWISE;
    const events = batches[at++];
    return events === undefined
      ? { error: ['INTERNAL_ERROR', 'over'] }
      : { value: wireOf({ events, token: `t${at}`, valid_ref_counts: {} }) };
  });
  for (const cls of Object.keys(records)) host.run(conversation.call(`${cls}.get_all_records`, {}));
  const talk = conversation.listen?.();
  if (!talk) throw new Error('it does not listen');
  host.run(talk);
  return { told: host.events.map(({ args }) => args), host };
};

test('events become objects to read again, with what happened to a VM', () => {
  const records = {
    VM: { 'OpaqueRef:a': vm('a'), 'OpaqueRef:t': vm('t', { is_a_template: true, is_default_template: true }) },
  };
  const { told, host } = listening(records, [
    [event('vm', 'mod', 'OpaqueRef:a', vm('a', { power_state: 'Running' }))],
    // Nothing that is read has changed.
    [event('vm', 'mod', 'OpaqueRef:a', vm('a', { power_state: 'Running', allowed_operations: ['pause'] }))],
    [event('vm', 'mod', 'OpaqueRef:t', vm('t', { is_a_template: true, is_default_template: true, name_label: 'x' }))],
    [event('vm', 'add', 'OpaqueRef:b', vm('b'))],
    [event('vm', 'del', 'OpaqueRef:a')],
  ]);
  expect(told).toEqual([
    { kind: 'vm', native: 'a', hint: 'vm.started' },
    { kind: 'vm', native: 'b' },
    { kind: 'vm', native: 'a' },
  ]);
  const polls = host.params.filter((_, n) => host.asked[n] === 'json event.from');
  expect(polls.map((params) => params[2])).toEqual([
    '00000000000000000007,00000000000000000000',
    't1',
    't2',
    't3',
    't4',
    't5',
  ]);
});

test('parts of a VM are the VM, also when they are gone; snapshots and guest metrics too', () => {
  const records = {
    VM: { 'OpaqueRef:a': vm('a', { guest_metrics: 'OpaqueRef:g' }) },
    VBD: { 'OpaqueRef:d': { uuid: 'd', VM: 'OpaqueRef:a', userdevice: '0' } },
  };
  const snapshot = vm('s', { is_a_snapshot: true, is_a_template: true, snapshot_of: 'OpaqueRef:a' });
  const { told } = listening(records, [
    [event('vm_guest_metrics', 'mod', 'OpaqueRef:g', { uuid: 'g', networks: { '0/ip': '192.0.2.1' } })],
    [event('vif', 'add', 'OpaqueRef:c', { uuid: 'c', VM: 'OpaqueRef:a', device: '0' })],
    [event('vbd', 'del', 'OpaqueRef:d')],
    [event('vm', 'add', 'OpaqueRef:s', snapshot)],
    [event('vm', 'del', 'OpaqueRef:s')],
  ]);
  const a = { kind: 'vm', native: 'a' };
  expect(told).toEqual([a, a, a, { ...a, hint: 'snapshot.created' }, { ...a, hint: 'snapshot.deleted' }]);
});

test('an image is its volume and the VMs that have it; a snapshot’s image is nothing', () => {
  const records = {
    VM: { 'OpaqueRef:a': vm('a') },
    VBD: { 'OpaqueRef:d': { uuid: 'd', VM: 'OpaqueRef:a', userdevice: '0' } },
    SR: { 'OpaqueRef:sr': { uuid: 'sr', name_label: 'Local' } },
    VDI: { 'OpaqueRef:i': { uuid: 'i', SR: 'OpaqueRef:sr', VBDs: ['OpaqueRef:d'], virtual_size: 1n, managed: true } },
  };
  const { told } = listening(records, [
    [event('vdi', 'mod', 'OpaqueRef:i', { ...records.VDI['OpaqueRef:i'], virtual_size: 2n })],
    [event('vdi', 'add', 'OpaqueRef:j', { uuid: 'j', SR: 'OpaqueRef:sr', is_a_snapshot: true, managed: true })],
  ]);
  expect(told).toEqual([
    { kind: 'volume', native: 'i' },
    { kind: 'vm', native: 'a' },
  ]);
});

test('what was told gone before a listing brought it is told gone again', () => {
  let at = 0;
  const { host, conversation } = opened((method) => {
    if (method === 'VM.get_all_records') return { value: wireOf({ 'OpaqueRef:a': vm('a') }) };
    if (method !== 'event.from') return OTHERWISE;
    at += 1;
    if (at > 2) return { error: ['INTERNAL_ERROR', 'over'] };
    const events = at === 1 ? [event('vm', 'del', 'OpaqueRef:a')] : [];
    return { value: wireOf({ events, token: 't', valid_ref_counts: {} }) };
  });
  const talk = conversation.listen?.();
  if (!talk) throw new Error('it does not listen');
  // The listing's answer, of before the deletion, comes after the event.
  talk.next();
  const first = talk.next().value;
  if (first === undefined || !('step' in first) || first.step !== 'ask') throw new Error('no question');
  // Of what it never saw it has nothing to tell.
  expect(talk.next(host.get(first.ask)).value).toMatchObject({ step: 'pause' });
  const second = talk.next().value;
  host.run(conversation.call('VM.get_all_records', {}));
  if (second === undefined || !('step' in second) || second.step !== 'ask') throw new Error('no question');
  const told = talk.next(host.get(second.ask)).value;
  expect(told).toMatchObject({ step: 'events', events: [{ args: { kind: 'vm', native: 'a' } }] });
});

test('a log-out is one request of the session; without a session there is none', () => {
  expect(openConversation(ENDPOINT).leave()).toBeUndefined();
  const { conversation } = opened(otherwise);
  expect(conversation.leave()).toMatchObject({ method: 'POST', path: '/jsonrpc' });
  expect(String(conversation.leave()?.body)).toContain('session.logout');
});
