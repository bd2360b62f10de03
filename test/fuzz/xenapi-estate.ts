/** What lives on the fuzzed host, by the references that XenAPI clients use; kept at a size that neither dies out nor grows. */
import type { Json, RawXenApi } from '../peers/raw-xenapi.ts';

/** As many at the end of each round: what the program needs for them is the same. */
const VMS = 30;
/** Some are of requests that are still being carried out. */
const VMS_MOST = 90;
const DISKS = 50;
const STORAGES_MOST = 3;
const OTHERS_MOST = 60;
/** Machines that are made anew at each round: texts and keys that requests left in them must not grow for ever. */
const RENEWED = 6;
/** Objects that stay: what requests left in these fields goes. */
const EMPTIED = ['pool', 'host', 'SR', 'network'] as const;
const CLASSES =
  'VM VBD VDI VIF SR PBD network host host_metrics pool PIF task console VM_metrics VM_guest_metrics SM'.split(' ');

type Members = Readonly<Record<string, Json>>;
export interface XenEstate {
  /** References of a class; [] when there are none. */
  readonly refs: (cls: string) => readonly string[];
  readonly uuids: (cls: string) => readonly string[];
  /** The record of a VM: clients make others of it. */
  readonly vmRecord: () => Members;
  readonly size: () => number;
  readonly tend: () => Promise<void>;
}

export const openXenEstate = async ({ call }: RawXenApi): Promise<XenEstate> => {
  let refs: Record<string, readonly string[]> = {};
  let uuids: Record<string, readonly string[]> = {};
  let record: Members = {};
  let made = 0;
  let storage = '';
  let network = '';
  const read = async (): Promise<Readonly<Record<string, Members>>> => {
    refs = {};
    uuids = {};
    let vms: Readonly<Record<string, Members>> = {};
    for (const cls of CLASSES) {
      const all = (await call(`${cls}.get_all_records`)) as Readonly<Record<string, Members>>;
      refs[cls] = Object.keys(all);
      uuids[cls] = Object.values(all).map((one) => String(one['uuid']));
      if (cls === 'VM') vms = all;
    }
    return vms;
  };
  const many = async (calls: readonly Promise<unknown>[]): Promise<void> => {
    // Whatever mutations made of these: what cannot be done now goes later.
    await Promise.allSettled(calls);
  };
  const shutDown = (ref: string, vm: Members): Promise<unknown> =>
    vm['power_state'] === 'Halted' ? Promise.resolve() : call('VM.hard_shutdown', ref).catch(() => {});

  /** The storage of the host comes back, whatever requests did to it. */
  const keepStorage = async (): Promise<void> => {
    const host = refs['host']?.[0] ?? '';
    const storages = Object.entries((await call('SR.get_all_records')) as Readonly<Record<string, Members>>);
    for (const [at, [sr, { PBDs }]] of storages.entries()) {
      const links = PBDs as readonly string[];
      if (at >= STORAGES_MOST) {
        await many(links.map((link) => call('PBD.unplug', link)));
        await many([call('SR.destroy', sr)]);
      } else {
        if (links.length === 0) await many([call('PBD.create', { host, SR: sr, device_config: {} })]);
        // Its end may still have been under way when they were listed.
        const now = (await call('SR.get_PBDs', sr).catch(() => [])) as readonly string[];
        await many(now.map((link) => call('PBD.plug', link)));
      }
    }
    const links = (await call('PBD.get_all_records')) as Readonly<Record<string, Members>>;
    storage = String(Object.values(links).find((link) => link['currently_attached'] === true)?.['SR'] ?? '');
    if (storage !== '') return;
    const config = { location: `/fuzzed-${++made}` };
    storage = String(
      await call('SR.create', host, config, '0', `fuzzed storage ${made}`, '', 'file', 'user', false, {}),
    );
  };

  const makeVm = async (template: string): Promise<void> => {
    const vm = String(await call('VM.clone', template, `fuzzed ${++made}`));
    await call('VM.provision', vm);
    const own = { VM: vm, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} };
    await call('VIF.create', { ...own, device: '0', network, MAC: '', MTU: '1500', locking_mode: 'network_default' });
    const given = { SR: storage, type: 'user', sharable: false, read_only: false, other_config: {} };
    const disk = { ...given, name_label: `disk ${made}`, name_description: '', virtual_size: '1048576' };
    const drive = {
      ...own,
      userdevice: '0',
      bootable: true,
      mode: 'RW',
      type: 'Disk',
      unpluggable: true,
      empty: false,
    };
    await call('VBD.create', { ...drive, VDI: await call('VDI.create', disk) });
  };

  const tend = async (): Promise<void> => {
    const vms = Object.entries(await read());
    await keepStorage();
    if (refs['network']?.includes(network) !== true)
      network = String(await call('network.create', { name_label: `fuzzed ${++made}`, MTU: '1500', other_config: {} }));
    const own = vms.filter(([, vm]) => vm['is_control_domain'] !== true && vm['is_default_template'] !== true);
    const machines = own.filter(([, vm]) => vm['is_a_snapshot'] !== true);
    const template = vms.find(([, vm]) => vm['is_default_template'] === true)?.[0];
    if (template === undefined) throw new Error('there is no template to make VMs of');
    // What clients forbid of a machine, its clones inherit: none could be destroyed in the end.
    await many(vms.map(([ref]) => call('VM.set_blocked_operations', ref, {})));
    for (const [ref, vm] of machines.slice(0, Math.max(RENEWED, machines.length - VMS + RENEWED))) {
      await shutDown(ref, vm);
      await many([call('VM.destroy', ref)]);
    }
    // Those of a machine that went are gone with it.
    await many(own.filter(([, vm]) => vm['is_a_snapshot'] === true).map(([ref]) => call('VM.destroy', ref)));
    for (const cls of EMPTIED)
      for (const ref of refs[cls] ?? [])
        await many([call(`${cls}.set_other_config`, ref, {}), call(`${cls}.set_tags`, ref, [])]);
    // What else was made and nobody needs any more.
    for (const [cls, destroy, most] of [
      ['VDI', 'VDI.destroy', DISKS],
      ['task', 'task.destroy', OTHERS_MOST],
      ['network', 'network.destroy', OTHERS_MOST],
    ] as const)
      for (const ref of (refs[cls] ?? []).filter((one) => one !== network).slice(most))
        await many([call(destroy, ref)]);
    const left = Object.entries(await read()).filter(
      ([, vm]) =>
        vm['is_control_domain'] !== true && vm['is_default_template'] !== true && vm['is_a_snapshot'] !== true,
    );
    if (left.length > VMS_MOST)
      throw new Error(`${left.length} machines are there, and the keeper cannot destroy them`);
    for (let missing = VMS - left.length; missing > 0; missing--) await makeVm(template);
    const after = await read();
    record = after[left[0]?.[0] ?? ''] ?? Object.values(after)[0] ?? {};
  };
  await tend();
  return {
    refs: (cls) => refs[cls] ?? [],
    uuids: (cls) => uuids[cls] ?? [],
    vmRecord: () => record,
    size: () => Object.values(refs).reduce((sum, ofClass) => sum + ofClass.length, 0),
    tend,
  };
};
