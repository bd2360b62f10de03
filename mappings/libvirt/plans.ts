/** A central command and the store in, a plan of libvirt calls out; what cannot be done is refused before anything is sent. */
import { planWith, refuse } from '../generic/planning.ts';
import type { HostSide } from '../generic/platform.ts';
import { planAutostart, planChange, planRename } from './plans/change.ts';
import { planCreate } from './plans/create.ts';
import { planClone, planDelete } from './plans/lifecycle.ts';
import { planAddPortgroup, planNetworkCreate, planNetworkDelete, planRemovePortgroup } from './plans/networks.ts';
import { planPower } from './plans/power.ts';
import {
  planRevert,
  planSnapshot,
  planSnapshotDelete,
  planSnapshotDeleteAll,
  planSnapshotRename,
} from './plans/snapshots.ts';
import {
  planStorageActive,
  planStorageCreate,
  planStorageDelete,
  planStorageRefresh,
  planVolumeCopy,
  planVolumeCreate,
  planVolumeDelete,
  planVolumeResize,
} from './plans/storage.ts';

/** libvirt manages what runs on its host, not the host. */
const noHostControl = async (): Promise<never> =>
  refuse('not-supported', {}, 'This host is administered with its own tools.');

export const plan: HostSide['plan'] = planWith({
  'vm.start': planPower,
  'vm.stop': planPower,
  'vm.reset': planPower,
  'vm.suspend': planPower,
  'vm.pause': planPower,
  'vm.resume': planPower,
  'vm.shutdownGuest': planPower,
  'vm.rebootGuest': planPower,
  'vm.create': planCreate,
  'vm.change': planChange,
  'vm.rename': planRename,
  'vm.delete': planDelete,
  'vm.clone': planClone,
  'vm.setAutostart': planAutostart,
  'snapshot.create': planSnapshot,
  'snapshot.revert': planRevert,
  'snapshot.delete': planSnapshotDelete,
  'snapshot.deleteAll': planSnapshotDeleteAll,
  'snapshot.rename': planSnapshotRename,
  'volume.create': planVolumeCreate,
  'volume.delete': planVolumeDelete,
  'volume.copy': planVolumeCopy,
  'volume.resize': planVolumeResize,
  'storage.refresh': planStorageRefresh,
  'storage.create': planStorageCreate,
  'storage.activate': planStorageActive,
  'storage.deactivate': planStorageActive,
  'storage.delete': planStorageDelete,
  'network.create': planNetworkCreate,
  'network.addPortgroup': planAddPortgroup,
  'network.removePortgroup': planRemovePortgroup,
  'network.delete': planNetworkDelete,
  'host.enterMaintenance': noHostControl,
  'host.exitMaintenance': noHostControl,
  'host.reboot': noHostControl,
  'host.shutdown': noHostControl,
});
