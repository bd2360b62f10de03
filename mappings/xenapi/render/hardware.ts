/** A generic VM in; the maps `platform` and `HVM_boot_params` of its record out. */
import type { Vm } from '../../generic/model.ts';
import { bootLetters } from '../states.ts';
import { attributeMap } from '../vm-attributes.ts';

/** What a VM gets of whom nobody said anything: as clients find it on a VM made from a template for other systems. */
const PLATFORM = { acpi: 'true', apic: 'true', nx: 'true', pae: 'true', viridian: 'false' } as const;

export const platformOf = (vm: Vm): Record<string, string> => {
  const written = attributeMap(vm, 'platform');
  const base: Readonly<Record<string, string>> = Object.keys(written).length > 0 ? written : PLATFORM;
  return {
    ...base,
    'cores-per-socket': String(vm.coresPerSocket),
    ...(vm.secureBoot ? { secureboot: 'true' } : {}),
  };
};

export const bootParams = (vm: Vm): Record<string, string> => ({
  ...attributeMap(vm, 'HVM_boot_params'),
  order: vm.bootOrder.map((device) => bootLetters.fromGeneric(device) ?? '').join(''),
  firmware: vm.firmware === 'efi' ? 'uefi' : 'bios',
});
