/** A central command and the store in, a plan of XenAPI calls out; what cannot be done is refused before anything is sent. */
import { planWith } from '../../generic/planning.ts';
import type { HostSide } from '../../generic/platform.ts';
import { planAutostart, planChange, planRename } from './plans/change.ts';
import { planClone, planCreate } from './plans/create.ts';
import { planHostEnabled, planHostPower } from './plans/host.ts';
import { planDelete, planPower } from './plans/lifecycle.ts';
import { planNetworkCreate, planNetworkDelete, planPortgroup } from './plans/networks.ts';
import {
  planRevert,
  planSnapshot,
  planSnapshotDelete,
  planSnapshotDeleteAll,
  planSnapshotRename,
} from './plans/snapshots.ts';
import {
  planStorageActivate,
  planStorageCreate,
  planStorageDeactivate,
  planStorageDelete,
  planStorageRefresh,
  planVolumeCopy,
  planVolumeCreate,
  planVolumeDelete,
  planVolumeResize,
} from './plans/volumes.ts';

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
  'storage.activate': planStorageActivate,
  'storage.deactivate': planStorageDeactivate,
  'storage.create': planStorageCreate,
  'storage.delete': planStorageDelete,
  'network.create': planNetworkCreate,
  'network.addPortgroup': planPortgroup,
  'network.removePortgroup': planPortgroup,
  'network.delete': planNetworkDelete,
  'host.enterMaintenance': planHostEnabled,
  'host.exitMaintenance': planHostEnabled,
  'host.reboot': planHostPower,
  'host.shutdown': planHostPower,
});
