/** A generic VM in, its config.changeVersion out: another text after every change of its configuration, whoever made it and by whichever API. */
import type { Cdrom, Medium, Vm } from '../generic/model.ts';

/** As clients name it; what the store joins to it (sizes, ids) is no configuration. */
const mediumText = (medium: Medium | undefined): string =>
  medium === undefined ? '' : `${medium.storageName} ${medium.volumeName ?? ''} ${medium.path ?? ''}`;

const drives = (list: readonly Cdrom[]): unknown => list.map(({ slot, medium }) => [slot, mediumText(medium)]);

const configuration = (vm: Vm): string =>
  JSON.stringify([
    [vm.name, vm.uuid, vm.instanceUuid, vm.description, vm.template, vm.autostart],
    [vm.firmware, vm.secureBoot, vm.osId, vm.bits, vm.bootOrder, vm.serialPorts],
    [vm.cpuCount, vm.cpuMax, vm.coresPerSocket, vm.memoryBytes, vm.memoryMaxBytes, vm.cpuHotAdd, vm.memoryHotAdd],
    vm.disks.map(({ slot, medium, readOnly, shareable, persistent }) => [
      slot,
      mediumText(medium),
      readOnly,
      shareable,
      persistent,
    ]),
    [drives(vm.cdroms), drives(vm.floppies), vm.scsiControllers],
    vm.nics.map(({ mac, model, networkName, connected, mtu, vlan }) => [mac, model, networkName, connected, mtu, vlan]),
    [vm.cpuShare, vm.memoryShare],
    vm.attributes,
  ]);

/** FNV-1a, twice from different beginnings: 64 bits. */
const hash = (text: string): string => {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x01000193) ^ (b >>> 15);
  }
  return (a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0');
};

/** `modified`: when the host or a client says that it last changed. */
export const changeVersionOf = (vm: Vm, modified: string): string => `${modified}/${hash(configuration(vm))}`;
