/** A small host for tests of the XenAPI broker: a machine with a disk in a storage, its job, and ways to ask for events. */
import { hubId } from '../../../mappings/generic/ids.ts';
import type { Job } from '../../../mappings/generic/jobs.ts';
import { refOf, xenId } from '../../../mappings/xenapi/ids.ts';
import { vbdId } from '../../../mappings/xenapi/seats.ts';
import { front, HOST, member, rig } from './broker-fake.ts';

export const VM = hubId('vm', 7);
export const STORAGE = hubId('storage', 3);
export const VOLUME = hubId('volume', 5);
export const ref = (cls: string, owner: typeof VM, part = 0): string => refOf(xenId(cls, owner, part), front);
export const vm = ref('VM', VM);
export const vbd = refOf(vbdId(VM, 0), front);
export const vdi = ref('VDI', VOLUME);
export const sr = ref('SR', STORAGE);
export const pool = ref('pool', HOST);
export const host = ref('host', HOST);
export const HOST_METRICS = ref('host_metrics', HOST);

export const machine = (name: string, power: 'Halted' | 'Running', withDisk = true): string =>
  member(
    'VM',
    vm,
    `<uuid>v-7</uuid><name_label>${name}</name_label><power_state>${power}</power_state>` +
      `<resident_on>${power === 'Running' ? host : ''}</resident_on>` +
      `<allowed_operations><i>${power === 'Running' ? 'hard_shutdown' : 'start'}</i></allowed_operations>` +
      `<VBDs>${withDisk ? `<i>${vbd}</i>` : ''}</VBDs>`,
  ) +
  (withDisk
    ? member(
        'VBD',
        vbd,
        `<uuid>b-0</uuid><VM>${vm}</VM><VDI>${vdi}</VDI><currently_attached>${power === 'Running'}</currently_attached>`,
      )
    : '');

export const estate = (): ReturnType<typeof rig> => {
  const made = rig();
  made.put(
    HOST,
    member('pool', pool, `<uuid>p</uuid><master>${host}</master>`) +
      member(
        'host',
        host,
        `<uuid>h</uuid><name_label>node</name_label><metrics>${ref('host_metrics', HOST)}</metrics>`,
      ) +
      member('host_metrics', ref('host_metrics', HOST), '<memory_total>1000</memory_total>') +
      member('SR', ref('SR', HOST), '<name_label>outside</name_label><content_type>user</content_type>') +
      member('PBD', ref('PBD', HOST), `<host>${host}</host><SR>${ref('SR', HOST)}</SR>`),
  );
  made.put(
    STORAGE,
    member('SR', sr, '<uuid>s</uuid><name_label>default</name_label><content_type>user</content_type>'),
  );
  made.put(VOLUME, member('VDI', vdi, `<uuid>d</uuid><SR>${sr}</SR><virtual_size>4294967296</virtual_size>`));
  made.put(VM, machine('web', 'Halted'));
  return made;
};

export const job = (more: Partial<Job>): Job => ({
  id: hubId('job', 90),
  verb: 'vm.start',
  host: HOST,
  target: VM,
  targetName: 'web',
  user: 'root',
  front: front.name,
  method: 'Async.VM.start',
  nativeTarget: { type: 'VM', id: vm },
  operation: '',
  exchange: '',
  state: 'running',
  cancelled: false,
  cancelable: false,
  queuedMs: 1_795_243_041_000,
  version: 0,
  ...more,
});
export const task = ref('task', hubId('job', 90));

export type Events = {
  readonly token: string;
  readonly valid_ref_counts: Readonly<Record<string, number>>;
  readonly events: readonly {
    readonly operation: string;
    readonly class: string;
    readonly ref: string;
    readonly snapshot?: Readonly<Record<string, unknown>>;
  }[];
};
export const from = async (at: ReturnType<typeof rig>, token: string, classes = ['*'], timeout = 0): Promise<Events> =>
  (await at.ask('event.from', { classes, token, timeout })) as Events;
export const told = ({ events }: Events): string[] => events.map((one) => `${one.operation} ${one.class}`).sort();
