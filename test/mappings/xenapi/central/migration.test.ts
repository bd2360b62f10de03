/** Machines and disks that are sent away in a pool of one host: what stays where it is, what moves between storages, what is refused. */
import { beforeEach, describe, expect, it } from 'vitest';
import { hubId } from '../../../../mappings/generic/ids.ts';
import { readOwn, writeOwn } from '../../../../mappings/xenapi/own-data.ts';
import {
  HOST,
  hostDoc,
  MAC,
  NETWORK,
  onlyCommand,
  POOL,
  ref,
  SPARE_VDI,
  storageDoc,
  type TestHost,
  testHost,
  VOLUME,
  vif,
  WEB,
  WEB_REF,
} from './host.ts';

const SELF = ref('host', HOST);
const FAST = hubId('storage', 3);
const VDI = ref('VDI', VOLUME);
const [SLOW_SR, FAST_SR] = [ref('SR', POOL), ref('SR', FAST)];
const ELSEWHERE = 'OpaqueRef:00000000-1111-4222-8333-444444444444';

let host: TestHost;
beforeEach(() => {
  host = testHost();
  host.put('storage', FAST, storageDoc('fast'));
  host.setWeb({ snapshots: [] });
});
const sent = (more: object = {}) => ({
  dest: { host: SELF, master: 'https://local/' },
  live: true,
  vdi_map: { [VDI]: FAST_SR },
  vif_map: {},
  options: {},
  ...more,
});

describe('VM.pool_migrate', () => {
  const to = (where: string) => ({ host: where, options: {} });

  it('leaves a machine that runs where it runs', () => {
    host.setWeb({ powerState: 'running' });
    expect(host.value('VM.pool_migrate', WEB_REF, to(SELF))).toBeUndefined();
    expect(host.commands).toEqual([]);
  });

  it('is for machines that run, to hosts of the pool', () => {
    expect(host.value('VM.pool_migrate', WEB_REF, to(SELF))).toEqual([
      'VM_BAD_POWER_STATE',
      WEB_REF,
      'running',
      'halted',
    ]);
    host.setWeb({ powerState: 'running' });
    expect(host.value('VM.pool_migrate', WEB_REF, to(ELSEWHERE))).toEqual(['HANDLE_INVALID', 'host', ELSEWHERE]);
  });
});

describe.each(['VM.assert_can_migrate', 'VM.migrate_send'])('%s', (method) => {
  const refusal = (more: object = {}) => host.value(method, WEB_REF, sent(more));

  it('wants a storage for every disk', () => {
    expect(refusal({ vdi_map: {} })).toEqual(['VDI_NOT_IN_MAP', VDI]);
    expect(refusal({ vdi_map: { [VDI]: ELSEWHERE } })).toEqual(['HANDLE_INVALID', 'SR', ELSEWHERE]);
    host.put('storage', FAST, storageDoc('fast', { accessible: false }));
    expect(refusal()).toEqual(['SR_NO_PBDS', FAST_SR]);
  });

  it('is for machines that are off and have no snapshots in their disks', () => {
    host.setWeb({ powerState: 'running' });
    expect(refusal()).toMatchObject(['VM_BAD_POWER_STATE', WEB_REF, 'halted', 'running']);
    host.setWeb({ powerState: 'stopped', snapshots: testHost().web().snapshots });
    expect(refusal()).toMatchObject(['OPERATION_NOT_ALLOWED', expect.stringContaining('snapshots')]);
  });

  it('goes to no other pool, makes no copy and moves no card to another network', () => {
    expect(refusal({ dest: { host: ELSEWHERE } })).toEqual(expect.arrayContaining(['VALUE_NOT_SUPPORTED', 'dest']));
    expect(refusal({ dest: {} })).toEqual(expect.arrayContaining(['VALUE_NOT_SUPPORTED', 'dest']));
    expect(refusal({ options: { copy: 'true' } })).toEqual(['OPERATION_NOT_ALLOWED', expect.any(String)]);
    expect(refusal({ vif_map: { [vif(MAC)]: ref('network', NETWORK) } })).toEqual([
      'OPERATION_NOT_ALLOWED',
      expect.any(String),
    ]);
    expect(host.commands).toEqual([]);
  });
});

it('a machine that can be sent is not sent by asking', () => {
  expect(host.value('VM.assert_can_migrate', WEB_REF, sent())).toBeUndefined();
  expect(host.commands).toEqual([]);
});

it('disks go to the storages of the map, those that are there already stay', () => {
  expect(host.value('VM.migrate_send', WEB_REF, sent({ vdi_map: { [VDI]: SLOW_SR } }))).toBe(WEB_REF);
  expect(host.commands).toEqual([]);
  expect(host.value('VM.migrate_send', WEB_REF, sent())).toBe(WEB_REF);
  expect(onlyCommand(host)).toMatchObject({
    verb: 'vm.change',
    target: WEB,
    params: { change: { disks: { change: [{ slot: { bus: 'virtio', unit: 0 }, moveTo: { storage: FAST } }] } } },
  });
});

it.each([
  ['VM.migrate_send', WEB_REF, sent()],
  ['VDI.pool_migrate', VDI, { sr: FAST_SR, options: {} }],
])('Async.%s is the task of the move, and what is known of the disk goes with it', (method, self, args) => {
  writeOwn(host.context, VDI, 'name_label', 'root disk');
  expect(host.value(`Async.${method}`, self, args)).toBe(ref('task', hubId('job', 101)));
  expect(host.commands.map(({ how }) => how)).toEqual(['start']);
  const now = ref('VDI', host.web().disks[0]?.medium.volume ?? VOLUME);
  expect(now).not.toBe(VDI);
  expect(readOwn(host.context, now, 'name_label')).toBe('root disk');
  expect(host.context.jobs.get(hubId('job', 101))?.result).toBe(method === 'VM.migrate_send' ? WEB_REF : now);
});

describe('VDI.pool_migrate', () => {
  const to = (sr: string) => ({ sr, options: {} });

  it('needs a machine that has the disk', () => {
    expect(host.value('VDI.pool_migrate', SPARE_VDI, to(FAST_SR))).toEqual(['VDI_NEEDS_VM_FOR_MIGRATE', SPARE_VDI]);
  });

  it('answers the disk where it is then, under the label that it had', () => {
    writeOwn(host.context, VDI, 'name_label', 'root disk');
    const moved = host.value('VDI.pool_migrate', VDI, to(FAST_SR)) as string;
    expect(moved).not.toBe(VDI);
    expect(readOwn(host.context, moved, 'name_label')).toBe('root disk');
    expect(host.value('VDI.pool_migrate', moved, to(FAST_SR))).toBe(moved);
  });

  it('moves disks of machines that run where the host does so', () => {
    host.put('host', HOST, { ...hostDoc, controls: ['liveMoves'] });
    host.setWeb({ powerState: 'running' });
    expect(host.value('VDI.pool_migrate', VDI, to(FAST_SR))).not.toBe(VDI);
    expect(onlyCommand(host).params).toMatchObject({ change: { disks: { change: [{ moveTo: { storage: FAST } }] } } });
    host.setWeb({ powerState: 'paused' });
    expect(host.value('VM.migrate_send', WEB_REF, sent())).toMatchObject({ 0: 'VM_BAD_POWER_STATE' });
  });

  it('follows the state of the machine', () => {
    host.setWeb({ powerState: 'running' });
    expect(host.value('VDI.pool_migrate', VDI, to(FAST_SR))).toEqual([
      'VM_BAD_POWER_STATE',
      WEB_REF,
      'halted',
      'running',
    ]);
  });
});
