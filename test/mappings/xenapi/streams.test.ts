/** Requests for bytes to transfers of the host: which volume, how much of it, what is refused; and the end of the client's task. */
import { beforeEach, describe, expect, it } from 'vitest';
import { fault, type Outcome, refused } from '../../../mappings/generic/faults.ts';
import { hubId } from '../../../mappings/generic/ids.ts';
import type { StreamRequest, StreamTarget } from '../../../mappings/generic/platform.ts';
import { uuidOf, xenId } from '../../../mappings/xenapi/ids.ts';
import { ownObject } from '../../../mappings/xenapi/own-data.ts';
import { xenStream, xenTransferred } from '../../../mappings/xenapi/streams/streams.ts';
import { makeTask } from '../../../mappings/xenapi/tasks.ts';
import { DOM0, front, GIB, ref, SPARE, type TestHost, testHost, VOLUME, volumeDoc, WEB } from './central/host.ts';

const RAW = hubId('volume', 30);
let host: TestHost;
beforeEach(() => {
  host = testHost();
  host.put('volume', RAW, volumeDoc('data.raw', { format: 'raw', capacityBytes: GIB }));
  host.relate(RAW, 'storage', [hubId('storage', 2)]);
});

const request = (
  method: StreamRequest['method'],
  path: string,
  query: Record<string, string>,
  more: Partial<StreamRequest> = {},
): StreamRequest => ({
  method,
  path,
  query,
  ...more,
});
const resolve = (wanted: StreamRequest): Outcome<StreamTarget> => host.drive(xenStream(wanted, host.context));
const target = (wanted: StreamRequest): StreamTarget => {
  const outcome = resolve(wanted);
  if (!outcome.ok) throw new Error(outcome.fault.text);
  return outcome.value;
};
const refusal = (wanted: StreamRequest): string => {
  const outcome = resolve(wanted);
  if (outcome.ok) throw new Error('it was not refused');
  return outcome.fault.native?.code ?? outcome.fault.kind;
};
const get = (query: Record<string, string>): StreamRequest => request('GET', '/export_raw_vdi', query);
const put = (query: Record<string, string>, lengthBytes?: number): StreamRequest =>
  request('PUT', '/import_raw_vdi', query, lengthBytes === undefined ? {} : { lengthBytes });

describe('raw images', () => {
  it('go out whole, by reference or by uuid', () => {
    const whole = target(get({ vdi: ref('VDI', RAW) }));
    expect(whole).toMatchObject({ kind: 'native', direction: 'download', lengthBytes: GIB, tells: false });
    expect(whole).not.toHaveProperty('content');
    expect(target(get({ vdi: uuidOf(xenId('VDI', RAW), front), format: 'raw' }))).toEqual(whole);
  });

  it('of another format are translated, or given as their file is', () => {
    const content = { file: 'qcow2', client: 'raw', capacityBytes: 2 * GIB };
    expect(target(get({ vdi: ref('VDI', SPARE) }))).toMatchObject({ content });
    expect(target(get({ vdi: ref('VDI', SPARE), format: 'qcow2' }))).not.toHaveProperty('content');
    expect(target(get({ vdi: ref('VDI', SPARE), format: 'vhd' }))).toMatchObject({
      content: { ...content, client: 'vhd' },
    });
    expect(target(get({ vdi: ref('VDI', RAW), format: 'vhd' }))).toMatchObject({
      content: { file: 'raw', client: 'vhd' },
    });
    expect(refusal(get({ vdi: ref('VDI', RAW), format: 'qcow2' }))).toBe('NOT_IMPLEMENTED');
    expect(refusal(get({ vdi: ref('VDI', RAW), base: ref('VDI', SPARE) }))).toBe('NOT_IMPLEMENTED');
    expect(refusal(get({ vdi: ref('VDI', RAW), format: 'floppy' }))).toBe('UUID_INVALID');
  });

  it('come in as long as they say, and to the end when they say more than the disk has', () => {
    const known = target(put({ vdi: ref('VDI', RAW) }, 4096));
    expect(known).toMatchObject({ direction: 'upload', lengthBytes: 4096, cutIsEnd: false, answersFirst: true });
    for (const unknown of [put({ vdi: ref('VDI', RAW) }, 2 ** 50), put({ vdi: ref('VDI', RAW) })])
      expect(target(unknown)).toMatchObject({ lengthBytes: GIB, cutIsEnd: true, call: { args: { lengthBytes: -1 } } });
  });

  it('an empty request asks whether this is the right host, and does nothing', () => {
    expect(target(put({ vdi: ref('VDI', RAW) }, 0))).toMatchObject({ kind: 'bytes', status: 200 });
  });

  it('of a machine that is up, or with snapshots inside, stay as they are', () => {
    host.setWeb({ powerState: 'running' });
    expect(refusal(get({ vdi: ref('VDI', VOLUME) }))).toBe('VDI_IN_USE');
    host.setWeb({ powerState: 'stopped', snapshots: [] });
    expect(target(put({ vdi: ref('VDI', VOLUME) }, 10)).kind).toBe('native');
  });

  it('that are not there are named', () => {
    expect(refusal(get({ vdi: 'OpaqueRef:none' }))).toBe('HANDLE_INVALID');
    expect(refusal(get({ vdi: ref('VM', WEB) }))).toBe('HANDLE_INVALID');
    expect(refusal(get({}))).toBe('HANDLE_INVALID');
    expect(refusal(request('GET', '/nothing', {}))).toBe('NOT_IMPLEMENTED');
  });
});

describe('the task that a client made for a transfer', () => {
  const made = (): string => makeTask('import', '', host.context);
  const fields = (task: string) => ownObject(host.context, task)?.fields;

  it('ends with it, well or not', () => {
    const [good, bad] = [made(), made()];
    const query = { vdi: ref('VDI', RAW), task_id: good };
    expect(target(put(query, 10))).toMatchObject({ tells: true });
    host.drive(xenTransferred(put(query, 10), { ok: true, value: undefined }, host.context));
    expect(fields(good)).toMatchObject({ status: 'success', progress: 1, result: `<value>${ref('VDI', RAW)}</value>` });
    const lost = refused(fault('cancelled', {}, 'the client went away'));
    host.drive(xenTransferred(put({ ...query, task_id: bad }, 10), lost, host.context));
    expect(fields(bad)).toMatchObject({ status: 'failure', error_info: ['TASK_CANCELLED', 'OpaqueRef:NULL'] });
    // What has ended stays as it is.
    host.drive(xenTransferred(put(query, 10), lost, host.context));
    expect(fields(good)?.['status']).toBe('success');
  });

  it('has the new VDI where an SR was named', () => {
    const task = made();
    const sr = ref('SR', hubId('storage', 2));
    expect(target(put({ sr_id: sr }, 0))).toMatchObject({ kind: 'bytes' });
    expect(host.commands).toEqual([]);
    const into = target(put({ sr_id: sr, task_id: task }, 1000));
    expect(into).toMatchObject({ direction: 'upload', lengthBytes: 1000, content: { file: 'qcow2', client: 'raw' } });
    expect(host.commands.map(({ command }) => command)).toMatchObject([
      { verb: 'volume.create', params: { capacityBytes: 1024, format: 'qcow2' } },
    ]);
    host.drive(xenTransferred(put({ sr_id: sr, task_id: task }, 1000), { ok: true, value: undefined }, host.context));
    expect(fields(task)).toMatchObject({ status: 'success', result: expect.stringMatching(/^<value>OpaqueRef:/) });
    expect(refusal(put({ sr_id: sr, format: 'vhd' }, 1000))).toBe('NOT_IMPLEMENTED');
    expect(refusal(put({ sr_id: sr }, 2 ** 50))).toBe('NOT_IMPLEMENTED');
    expect(refusal(put({ sr_id: 'OpaqueRef:none' }, 1000))).toBe('HANDLE_INVALID');
  });

  it('fails with a transfer that never began', () => {
    const nameless = made();
    expect(refusal(get({ task_id: nameless }))).toBe('HANDLE_INVALID');
    expect(fields(nameless)?.['status']).toBe('failure');
    const task = made();
    expect(refusal(get({ vdi: ref('VDI', SPARE), format: 'tar', task_id: task }))).toBe('NOT_IMPLEMENTED');
    expect(fields(task)).toMatchObject({ status: 'failure', progress: 1 });
  });
});

describe('consoles', () => {
  const open = (query: Record<string, string>): StreamRequest =>
    request('CONNECT', '/console', query, { tunnel: 'raw' });

  it('lead to the screen of a running machine, named as clients name it', () => {
    host.setWeb({ powerState: 'running' });
    const wanted = { kind: 'tunnel', status: 200, call: { procedure: 'console.open', args: { vm: host.web().uuid } } };
    const uuid = uuidOf(xenId('console', WEB), front);
    for (const query of [{ uuid }, { ref: ref('console', WEB) }, { ref: ref('VM', WEB) }, { uuid: host.web().uuid }])
      expect(target(open(query)), JSON.stringify(query)).toMatchObject(wanted);
  });

  it('of machines that do not run, and of what is no machine, are refused', () => {
    host.setWeb({ powerState: 'stopped' });
    expect(refusal(open({ ref: ref('VM', WEB) }))).toBe('VM_BAD_POWER_STATE');
    expect(refusal(open({ ref: DOM0 }))).toBe('OPERATION_NOT_ALLOWED');
    expect(refusal(open({ ref: ref('VDI', VOLUME) }))).toBe('HANDLE_INVALID');
    expect(refusal(open({ uuid: 'none' }))).toBe('HANDLE_INVALID');
  });
});
