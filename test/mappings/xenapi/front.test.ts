/** Replies and errors of XenAPI in its three encodings, as the API's own server writes them. */
import { describe, expect, it } from 'vitest';
import { fault } from '../../../mappings/generic/faults.ts';
import { hubId } from '../../../mappings/generic/ids.ts';
import { xenFault } from '../../../mappings/xenapi/faults.ts';
import { front } from '../../../mappings/xenapi/http.ts';
import { refOf, xenId } from '../../../mappings/xenapi/ids.ts';
import { answerOf, callOf, decode, instance, jsonCall, reply, xmlCall } from './front-rig.ts';

const SESSION = 'OpaqueRef:aaaa-bbbb';
const VM = refOf(xenId('VM', hubId('vm', 17)), instance);
const text = (answer: { readonly body: string | Uint8Array }): string => String(answer.body);

const failure = (...words: readonly string[]): string =>
  '<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name><value>Failure</value></member>' +
  `<member><name>ErrorDescription</name><value><array><data>${words.map((word) => `<value>${word}</value>`).join('')}</data></array></value></member>` +
  '</struct></value></param></params></methodResponse>';
const success = (value: string): string =>
  '<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value></member>' +
  `<member><name>Value</name>${value}</member></struct></value></param></params></methodResponse>`;

const START = [SESSION, VM, '<value><boolean>0</boolean></value>', '<value><boolean>1</boolean></value>'];

/** One error in all three encodings. */
const everywhere = (
  method: string,
  params: readonly string[],
  reason: ReturnType<typeof fault>,
  words: readonly string[],
): void => {
  const asXml = (param: string): string =>
    param === 'true' || param === 'false' ? `<value><boolean>${param === 'true' ? 1 : 0}</boolean></value>` : param;
  const asJson = (param: string): unknown => (param === 'true' ? true : param === 'false' ? false : param);
  const outcome = { kind: 'fault', fault: reason } as const;
  expect(reply('/RPC2', xmlCall(method, ...params.map(asXml)), outcome)).toBe(failure(...words));
  expect(reply('/jsonrpc', jsonCall(method, params.map(asJson), 1), outcome)).toBe(
    JSON.stringify({ result: null, error: words, id: 7 }),
  );
  expect(reply('/jsonrpc', jsonCall(method, params.map(asJson), 2), outcome)).toBe(
    JSON.stringify({ jsonrpc: '2.0', error: { code: 1, message: words[0], data: words.slice(1) }, id: 7 }),
  );
};

describe('errors in both encodings', () => {
  it('a failed log-in names the user', () => {
    everywhere('session.login_with_password', ['root', 'wrong'], fault('invalid-login', {}, ''), [
      'SESSION_AUTHENTICATION_FAILED',
      'root',
      'Authentication failure',
    ]);
  });

  it('an object that is not there', () => {
    everywhere('VM.get_record', [SESSION, VM], xenFault('HANDLE_INVALID', 'VM', VM), ['HANDLE_INVALID', 'VM', VM]);
    everywhere('VM.get_by_uuid', [SESSION, 'u'], xenFault('UUID_INVALID', 'VM', 'u'), ['UUID_INVALID', 'VM', 'u']);
  });

  it('a wrong power state is in lower case, with the states in which the method can be called', () => {
    everywhere(
      'VM.start',
      [SESSION, VM, 'false', 'true'],
      fault('wrong-state', { requested: 'running', existing: 'running' }, ''),
      ['VM_BAD_POWER_STATE', VM, 'halted', 'running'],
    );
    everywhere(
      'Async.VM.hard_shutdown',
      [SESSION, VM],
      fault('wrong-state', { requested: 'stopped', existing: 'stopped' }, ''),
      ['VM_BAD_POWER_STATE', VM, 'paused, suspended, running', 'halted'],
    );
  });

  it('a session that is none is named as it was given', () => {
    const reason = fault('not-authenticated', { privilege: 'read' }, '');
    everywhere('VM.get_all', [SESSION], reason, ['SESSION_INVALID', SESSION]);
    everywhere('VM.get_all', ['nonsense'], reason, ['SESSION_INVALID', 'nonsense']);
    everywhere('foo.bar', [SESSION, 'x'], reason, ['SESSION_INVALID', SESSION]);
    const unregistered = xenFault('SESSION_NOT_REGISTERED', 'OpaqueRef:NULL');
    everywhere('event.next', [SESSION], unregistered, ['SESSION_NOT_REGISTERED', SESSION]);
  });

  it('what is not served is not implemented; what was withdrawn is removed; what is no method is unknown', () => {
    const refused = fault('not-supported', {}, '');
    everywhere('VM.csvm', [SESSION, VM], refused, ['NOT_IMPLEMENTED', 'VM.csvm']);
    everywhere('VMPP.get_all', [SESSION], refused, ['MESSAGE_REMOVED']);
    everywhere('foo.bar', [SESSION, 'x'], refused, ['MESSAGE_METHOD_UNKNOWN', 'foo.bar']);
    everywhere('Async.foo.bar', [SESSION], refused, ['MESSAGE_METHOD_UNKNOWN', 'foo.bar']);
  });

  it('a missing right is named by the method', () => {
    everywhere('VM.start', [SESSION, VM, 'false', 'true'], fault('no-permission', { privilege: 'operate' }, ''), [
      'RBAC_PERMISSION_DENIED',
      'vm.start',
      'No permission in user session',
    ]);
  });
});

describe('what is wrong with the call itself', () => {
  const said = (method: string, ...params: readonly string[]): string =>
    text(answerOf(decode('/', xmlCall(method, ...params))));
  const mismatch = (...words: readonly string[]): string => failure('MESSAGE_PARAMETER_COUNT_MISMATCH', ...words);

  it('a wrong number of parameters is counted without the session and without what has a default', () => {
    expect(said('VM.start', SESSION)).toBe(mismatch('VM.start', '3', '0'));
    expect(said('VM.start', ...START, 'more')).toBe(mismatch('VM.start', '3', '4'));
    expect(said('VM.get_all')).toBe(mismatch('VM.get_all', '0', '-1'));
    expect(said('session.login_with_password', 'root')).toBe(mismatch('session.login_with_password', '2', '1'));
    expect(text(answerOf(decode('/jsonrpc', jsonCall('VM.start', [SESSION], 2))))).toBe(
      '{"jsonrpc":"2.0","error":{"code":1,"message":"MESSAGE_PARAMETER_COUNT_MISMATCH","data":["VM.start","3","0"]},"id":7}',
    );
  });

  it('methods with defaults ignore what is too much', () => {
    const login = callOf(decode('/', xmlCall('session.login_with_password', 'u', 'p', '2.3', 'me', 'and', 'more')));
    expect(login.call.args).toEqual({ uname: 'u', pwd: 'p', version: '2.3', originator: 'me' });
    const short = callOf(decode('/', xmlCall('session.login_with_password', 'u', 'p')));
    expect(short.call.args).toEqual({ uname: 'u', pwd: 'p', version: '1.1', originator: '' });
  });

  it('an unknown name without parameters is unknown at once', () => {
    expect(said('foo')).toBe(failure('MESSAGE_METHOD_UNKNOWN', 'foo'));
    expect(said('system.multicall')).toBe(failure('MESSAGE_METHOD_UNKNOWN', 'system.multicall'));
    expect(said('__proto__')).toBe(failure('MESSAGE_METHOD_UNKNOWN', '__proto__'));
  });

  it('a parameter of another type is named', () => {
    expect(said('VM.start', SESSION, VM, 'yes', ...START.slice(2, 3))).toBe(
      failure('FIELD_TYPE_ERROR', 'start_paused'),
    );
    expect(said('VM.set_VCPUs_max', SESSION, VM, 'two')).toBe(failure('FIELD_TYPE_ERROR', 'value'));
    expect(said('VM.set_actions_after_shutdown', SESSION, VM, 'explode')).toBe(
      failure('INVALID_VALUE', 'value', 'explode'),
    );
  });

  it('a session that stands where another object should is none, and goes no further', () => {
    expect(said('VM.get_record', SESSION, SESSION)).toBe(failure('HANDLE_INVALID', 'VM', SESSION));
  });

  it('a background call of a method without one is no success', () => {
    expect(said('Async.VM.get_uuid', SESSION, VM)).toBe(
      failure('Fault', 'No async mode for this operation (rpc: VM.get_uuid)'),
    );
  });

  it('text that is not UTF-8 is an invalid value', () => {
    const body = Buffer.concat([
      Buffer.from('<methodCall><methodName>a</methodName><params><param><value>'),
      Buffer.from([0xff]),
      Buffer.from('</value></param></params></methodCall>'),
    ]);
    expect(text(answerOf(decode('/', body)))).toContain('<value>INVALID_VALUE</value>');
  });
});

describe('calls', () => {
  it('name their object, and never hold the session', () => {
    const { call, token } = callOf(decode('/RPC2', xmlCall('VM.start', ...START)));
    expect(call).toEqual({
      method: 'VM.start',
      target: { type: 'VM', id: VM },
      args: { vm: VM, start_paused: false, force: true },
      version: 'xmlrpc',
      operation: '',
    });
    expect(token).toBe('aaaa-bbbb');
    expect(JSON.stringify(call)).not.toContain('aaaa');
  });

  it('have aliases and background forms', () => {
    expect(callOf(decode('/', xmlCall('VM_start', ...START))).call.method).toBe('VM.start');
    expect(callOf(decode('/', xmlCall('VM_guest_metrics_get_all', SESSION))).call.method).toBe(
      'VM_guest_metrics.get_all',
    );
    expect(callOf(decode('/', xmlCall('Async.VM.start', ...START))).call.method).toBe('Async.VM.start');
  });

  it('take integers as text, as XML-RPC clients must send them', () => {
    const sizes = ['8589934592', '<value><int>7</int></value>', '<value><i8>9</i8></value>', '<value>10</value>'];
    const { args } = callOf(decode('/', xmlCall('VM.set_memory_limits', SESSION, VM, ...sizes))).call;
    expect(args).toEqual({ self: VM, static_min: 8589934592, static_max: 7, dynamic_min: 9, dynamic_max: 10 });
  });

  it('take the session twice where the method is about it', () => {
    const { call, token } = callOf(decode('/', xmlCall('session.get_this_host', SESSION, SESSION)));
    expect(call.args).toEqual({ self: SESSION });
    expect(token).toBe('aaaa-bbbb');
  });

  it('of every path that is not JSON-RPC are XML-RPC', () => {
    for (const path of ['/', '/RPC2', '/xmlrpc', '/json', '/sdk', '/any/thing'])
      expect(callOf(decode(path, xmlCall('VM.get_all', SESSION))).call.version).toBe('xmlrpc');
    for (const path of ['/jsonrpc', '/jsonrpc/'])
      expect(callOf(decode(path, jsonCall('VM.get_all', [SESSION], 1))).call.version).toBe('jsonrpc1');
  });

  it('hold only given members of a record', () => {
    const record =
      '<value><struct><member><name>userdevice</name><value>autodetect</value></member>' +
      '<member><name>bootable</name><value><boolean>1</boolean></value></member>' +
      '<member><name>other_config</name><value><struct><member><name>__proto__</name><value>x</value></member></struct></value></member>' +
      '<member><name>unheard_of</name><value>x</value></member></struct></value>';
    const { args } = callOf(decode('/', xmlCall('VBD.create', SESSION, record))).call;
    const given = args['args'] as Record<string, unknown>;
    expect(Object.keys(given).sort()).toEqual(['bootable', 'other_config', 'userdevice']);
    expect(Object.entries(given['other_config'] as object)).toEqual([['__proto__', 'x']]);
  });
});

describe('values', () => {
  const shown = (method: string, value: unknown): string =>
    reply('/', xmlCall(method, SESSION, VM), { kind: 'value', value });
  const json = (method: string, value: unknown): string =>
    reply('/jsonrpc', jsonCall(method, [SESSION, VM], 2), { kind: 'value', value });
  const result = (value: string): string => `{"jsonrpc":"2.0","result":${value},"id":7}`;

  it('empty text has no type element', () => {
    expect(shown('VM.get_name_description', '')).toBe(success('<value></value>'));
    expect(reply('/', xmlCall('VM.set_name_label', SESSION, VM, 'x'), { kind: 'value', value: undefined })).toBe(
      success('<value></value>'),
    );
    expect(json('VM.get_name_description', '')).toBe(result('""'));
  });

  it('integers are text in XML and literal numbers in JSON, above 2^53, too', () => {
    expect(shown('VM.get_memory_static_max', 9007199254740993n)).toBe(success('<value>9007199254740993</value>'));
    expect(json('VM.get_memory_static_max', 9007199254740993n)).toBe(result('9007199254740993'));
  });

  it('a time that never was is the epoch; others have no dashes', () => {
    expect(shown('VM.get_snapshot_time', 0)).toBe(
      success('<value><dateTime.iso8601>19700101T00:00:00Z</dateTime.iso8601></value>'),
    );
    expect(json('VM.get_snapshot_time', Date.UTC(2026, 10, 21, 14, 5, 6, 789))).toBe(result('"20261121T14:05:06Z"'));
  });

  it('a float of one is written as C does', () => {
    expect(shown('VM.get_HVM_shadow_multiplier', 1)).toBe(success('<value><double>1</double></value>'));
    expect(shown('VM.get_is_a_template', true)).toBe(success('<value><boolean>1</boolean></value>'));
  });

  it('a task is its reference, in a background call', () => {
    const task = refOf(xenId('task', hubId('job', 5)), instance);
    expect(
      reply('/', xmlCall('Async.VM.start', ...START), {
        kind: 'value',
        value: front.jobValue(hubId('job', 5), instance),
      }),
    ).toBe(success(`<value>${task}</value>`));
  });

  it('the list of methods stands alone in XML-RPC', () => {
    expect(reply('/', xmlCall('system.listMethods'), { kind: 'value', value: ['a', 'b'] })).toBe(
      '<?xml version="1.0"?><methodResponse><params><param><value><array><data><value>a</value><value>b</value></data></array></value></param></params></methodResponse>',
    );
    expect(reply('/jsonrpc', jsonCall('system.listMethods', [], 2), { kind: 'value', value: ['a'] })).toBe(
      result('["a"]'),
    );
  });

  it('a JSON-RPC id comes back as it was', () => {
    const body = '{"jsonrpc":"2.0","method":"VM.get_all","params":["OpaqueRef:x"],"id":12345678901234567890123}';
    expect(answerOf(decode('/jsonrpc', body)).status).toBe(500);
    expect(reply('/jsonrpc', jsonCall('VM.get_all', [SESSION], 2, 'a"b'), { kind: 'value', value: [] })).toBe(
      '{"jsonrpc":"2.0","result":[],"id":"a\\"b"}',
    );
  });
});
