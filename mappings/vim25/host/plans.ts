/** A central command and the store in, a plan of the API's methods out; what cannot be done is refused before anything is sent. */
import { planWith } from '../../generic/planning.ts';
import type { HostSide } from '../../generic/platform.ts';
import { planAutostart, planChange, planPower, planRename } from './plans/changes.ts';
import { planEnterMaintenance, planExitMaintenance, planHostPower } from './plans/host.ts';
import { planClone, planCreate, planDelete } from './plans/machines.ts';
import {
  planRevert,
  planSnapshot,
  planSnapshotDelete,
  planSnapshotDeleteAll,
  planSnapshotRename,
} from './plans/snapshots.ts';
import {
  planAddPortgroup,
  planNetworkCreate,
  planNetworkDelete,
  planRemovePortgroup,
  planStorageCreate,
  planStorageDelete,
  planStorageMount,
  planStorageRefresh,
  planVolumeCopy,
  planVolumeCreate,
  planVolumeDelete,
  planVolumeResize,
} from './plans/storage.ts';

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
  'storage.activate': planStorageMount,
  'storage.deactivate': planStorageMount,
  'storage.delete': planStorageDelete,
  'network.create': planNetworkCreate,
  'network.addPortgroup': planAddPortgroup,
  'network.removePortgroup': planRemovePortgroup,
  'network.delete': planNetworkDelete,
  'host.enterMaintenance': planEnterMaintenance,
  'host.exitMaintenance': planExitMaintenance,
  'host.reboot': planHostPower,
  'host.shutdown': planHostPower,
});
