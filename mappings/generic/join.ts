/** What a VM's own document cannot know, filled in from the objects it refers to: volumes behind paths, sizes, ids of storages and networks. */
import type { Medium, Vm } from './model.ts';
import type { Joins } from './platform.ts';

type Facts = Pick<Joins, 'storages' | 'networks' | 'volumes'>;
type Volume = Facts['volumes'][number];

const volumeOf = (medium: Medium, joins: Facts): Volume | undefined => {
  const storage = joins.storages.find(({ name }) => name === medium.storageName);
  return joins.volumes.find(
    (volume) =>
      (storage && volume.storage === storage.id && volume.name === medium.volumeName) || volume.path === medium.path,
  );
};

const joinMedium = (medium: Medium, joins: Facts): Volume | undefined => {
  const volume = volumeOf(medium, joins);
  const storage = volume
    ? joins.storages.find(({ id }) => id === volume.storage)
    : joins.storages.find(({ name }) => name === medium.storageName);
  if (volume) {
    medium.volume = volume.id;
    medium.volumeName = volume.name;
    medium.path = volume.path;
    medium.format ??= volume.format;
  }
  if (storage) {
    medium.storage = storage.id;
    medium.storageName = storage.name;
  }
  return volume;
};

/** Changes the document in place: it was parsed for this reader alone. */
export const joinVm = (vm: Vm, joins: Facts): Vm => {
  for (const disk of vm.disks) {
    const volume = joinMedium(disk.medium, joins);
    if (!volume) continue;
    if (disk.capacityBytes === 0) disk.capacityBytes = volume.capacityBytes;
    disk.allocationBytes ??= volume.allocationBytes;
  }
  for (const { medium } of [...vm.cdroms, ...vm.floppies]) if (medium) joinMedium(medium, joins);
  for (const nic of vm.nics) {
    const network = joins.networks.find(({ name }) => name === nic.networkName);
    if (network) nic.network = network.id;
  }
  return vm;
};
