/** What lives on the fuzzed host, by the references that XenAPI clients use; kept at a size that neither dies out nor grows. */
import type { Json, RawXenApi } from '../peers/raw-xenapi.ts';

const VMS_WANTED = 24;
const VMS_MOST = 60;
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
  readonly tend: () => Promise<void>;
}

export const openXenEstate = async ({ call }: RawXenApi): Promise<XenEstate> => {
  let refs: Record<string, readonly string[]> = {};
  let uuids: Record<string, readonly string[]> = {};
  let record: Members = {};
  let made = 0;
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
  const tend = async (): Promise<void> => {
    const vms = await read();
    const own = Object.entries(vms).filter(
      ([, vm]) =>
        vm['is_control_domain'] !== true && vm['is_a_snapshot'] !== true && vm['is_default_template'] !== true,
    );
    const template = Object.entries(vms).find(([, vm]) => vm['is_default_template'] === true)?.[0];
    if (template === undefined) throw new Error('there is no template to make VMs of');
    for (const [ref, vm] of own.slice(0, Math.max(RENEWED, own.length - VMS_MOST))) {
      // Whatever a mutation made of it: what cannot be removed now goes later.
      if (vm['power_state'] !== 'Halted') await call('VM.hard_shutdown', ref).catch(() => {});
      await call('VM.destroy', ref).catch(() => {});
    }
    for (const cls of EMPTIED)
      for (const ref of refs[cls] ?? []) {
        await call(`${cls}.set_other_config`, ref, {}).catch(() => {});
        await call(`${cls}.set_tags`, ref, []).catch(() => {});
      }
    // What else was made and nobody needs any more.
    for (const [cls, destroy] of [
      ['VDI', 'VDI.destroy'],
      ['task', 'task.destroy'],
      ['network', 'network.destroy'],
    ] as const)
      for (const ref of (refs[cls] ?? []).slice(OTHERS_MOST)) await call(destroy, ref).catch(() => {});
    for (let missing = VMS_WANTED - own.length + RENEWED; missing > 0; missing--) {
      const vm = String(await call('VM.clone', template, `fuzzed ${++made}`));
      await call('VM.provision', vm);
    }
    const after = await read();
    record = after[own[0]?.[0] ?? ''] ?? Object.values(after)[0] ?? {};
  };
  await tend();
  return { refs: (cls) => refs[cls] ?? [], uuids: (cls) => uuids[cls] ?? [], vmRecord: () => record, tend };
};
