/** The command vocabulary of the hub: verbs `noun.act` and the parameters of each. */
import type { HubId } from './ids.ts';
import type { BootDevice, Cdrom, Disk, ForeignAttribute, Medium, Nic, Share, Vm } from './model.ts';

/** A volume to be made for a new disk. Absent `create`: the disk uses a volume that exists. */
export interface DiskSpec extends Disk {
  create?: { storage: HubId; volumeName: string; capacityBytes: number; thin: boolean };
}

/** Only the fields that are named change. Lists of devices name the devices that change. */
export interface VmChange {
  name?: string;
  description?: string;
  cpuCount?: number;
  /** The most CPUs, and the most memory, it can have while running. They follow `cpuCount` and `memoryBytes` where they are not named. */
  cpuMax?: number;
  memoryMaxBytes?: number;
  coresPerSocket?: number;
  memoryBytes?: number;
  cpuHotAdd?: boolean;
  memoryHotAdd?: boolean;
  firmware?: 'bios' | 'efi';
  secureBoot?: boolean;
  osId?: string;
  bits?: 32 | 64;
  uuid?: string;
  instanceUuid?: string;
  template?: boolean;
  autostart?: boolean;
  bootOrder?: BootDevice[];
  cpuShare?: Share;
  memoryShare?: Share;
  scsiControllers?: Vm['scsiControllers'];
  serialPorts?: number;
  vnc?: Vm['vnc'];
  /** value '' removes the attribute. */
  attributes?: ForeignAttribute[];
  disks?: {
    add?: DiskSpec[];
    /** `moveTo`: what is on it goes to a new volume of that name, and its volume goes. */
    change?: { slot: Disk['slot']; to: Partial<DiskSpec>; moveTo?: { storage: HubId; volumeName: string } }[];
    remove?: { slot: Disk['slot']; deleteVolume: boolean }[];
  };
  cdroms?: { add?: Cdrom[]; change?: { slot: Cdrom['slot']; medium?: Medium }[]; remove?: Cdrom['slot'][] };
  floppies?: { add?: Vm['floppies']; change?: { slot: Cdrom['slot']; medium?: Medium }[]; remove?: Cdrom['slot'][] };
  nics?: { add?: Nic[]; change?: { mac: string; to: Partial<Nic> }[]; remove?: string[] };
}

/** Of commands that name a VM: the API that asks lets names repeat. A host that does not refuses them all the same. */
interface Naming {
  nameMayRepeat?: boolean;
}

/** Parameters of each verb. The target (`Command.target`) is the object acted on; for `*.create` it is the host. */
export interface Params {
  /** `paused`: it comes up with its CPUs stopped. */
  'vm.start': { paused?: boolean };
  'vm.stop': Record<never, never>;
  'vm.reset': Record<never, never>;
  'vm.suspend': Record<never, never>;
  'vm.pause': Record<never, never>;
  'vm.resume': Record<never, never>;
  /** `awaitMs`: the command ends when the guest is down, at the latest after that time; otherwise when it was told. */
  'vm.shutdownGuest': { awaitMs?: number };
  'vm.rebootGuest': Record<never, never>;
  /**
   * `vm.disks` is empty: `disks` are all of them, those to be made and those that are there, in order. `anyUuid`: a host that gives UUIDs
   * itself may give another than the VM's, which nobody asked for by name.
   */
  'vm.create': { vm: Vm; disks: DiskSpec[]; anyUuid?: boolean } & Naming;
  /** `atVersion`: the store version of the VM that the client saw; when it has moved on by the time the queue is taken, concurrent-access. */
  'vm.change': { change: VmChange; atVersion?: number } & Naming;
  'vm.rename': { name: string };
  'vm.delete': { deleteVolumes: boolean };
  'vm.clone': { name: string; uuid: string; storage?: HubId; change: VmChange; template: boolean } & Naming;
  'vm.setAutostart': { autostart: boolean };
  'snapshot.create': { name: string; description: string; memory: boolean; quiesce: boolean };
  'snapshot.revert': { snapshot: string; start?: boolean };
  'snapshot.delete': { snapshot: string; children: boolean };
  'snapshot.deleteAll': Record<never, never>;
  'snapshot.rename': { snapshot: string; name?: string; description?: string };
  'volume.create': { storage: HubId; name: string; capacityBytes: number; format: string; thin: boolean };
  'volume.delete': { storage: HubId; name: string };
  'volume.copy': { storage: HubId; name: string; toStorage: HubId; toName: string };
  'volume.resize': { storage: HubId; name: string; capacityBytes: number };
  'storage.refresh': Record<never, never>;
  /** `uuid`: for a storage that comes back, on hosts that let it be chosen. */
  'storage.create': { name: string; path: string; remoteHost?: string; remotePath?: string; uuid?: string };
  /** Its contents can be used, or no longer; they stay what they are. */
  'storage.activate': Record<never, never>;
  'storage.deactivate': Record<never, never>;
  'storage.delete': Record<never, never>;
  'network.create': { name: string; bridge: string; uplinks: string[] };
  'network.addPortgroup': { name: string; vlan: number };
  'network.removePortgroup': { name: string };
  'network.delete': Record<never, never>;
  /** Nothing is started on it any more; what runs on it must be down before. */
  'host.enterMaintenance': Record<never, never>;
  'host.exitMaintenance': Record<never, never>;
  /** It goes into maintenance first where it is not in it, and comes back in it. */
  'host.reboot': Record<never, never>;
  'host.shutdown': Record<never, never>;
}
export type Verb = keyof Params;

export interface Command<V extends Verb = Verb> {
  readonly verb: V;
  readonly host: HubId;
  readonly target: HubId;
  readonly params: Params[V];
}

export const command = <V extends Verb>(verb: V, host: HubId, target: HubId, params: Params[V]): Command =>
  ({ verb, host, target, params }) as Command;
