/** A VM's native object in, the input of `to-generic/vm.xsl` out: the host's own document, and beside it what had to be computed. */
import type { BootDevice } from '../../generic/model.ts';
import type { NativeObject } from '../../generic/native.ts';
import { table } from '../../generic/table.ts';
import { volumeNameOf } from '../../generic/volume-path.ts';
import { element } from '../../wire/markup.ts';
import type { XmlElement } from '../../wire/xml.ts';
import { guestBits, guestOs } from '../guest-os.ts';
import { unescapeName } from '../names.ts';
import { powerStates } from '../states.ts';
import {
  attributesOf,
  CONFIG_ATTRIBUTES,
  CPU_MAX_KEY,
  entriesOf,
  MEMORY_MAX_KEY,
  OWN,
  wholeBootOrder,
} from './attributes.ts';
import { type BackingFile, hardwareOf, isPersistent, isThin, type Seated } from './devices.ts';
import { all, at, dynamicType, flagAt, numberAt, partOf, textAt, timeAt } from './native-tree.ts';

const MIB = 1024 * 1024;

const stateOf = (text: string): string => powerStates.toGeneric(text.trim() as 'poweredOn') ?? 'stopped';

/** What a transfer of the volume carries: of a virtual disk the bytes of its extent, never the text that describes it. */
export const formatOf = (path: string): string => (/\.iso$/i.test(path) ? 'iso' : 'raw');

const mediumInput = (file: BackingFile): string =>
  element('medium', {
    storageName: unescapeName(file.storageName),
    volumeName: volumeNameOf(file.path),
    path: file.fileName,
    format: formatOf(file.path),
  });

const seatInput = (name: string, { slot, key, file, element: device }: Seated, more: string): string =>
  element(
    name,
    {
      bus: slot.bus,
      controller: slot.controller,
      unit: slot.unit,
      device: key,
      ...(name === 'disk'
        ? {
            capacity: numberAt(device, 'capacityInBytes') ?? (numberAt(device, 'capacityInKB') ?? 0) * 1024,
            thin: isThin(device),
            persistent: isPersistent(device),
            shareable: textAt(device, 'backing', 'sharing') === 'sharingMultiWriter',
            uuid: textAt(device, 'backing', 'uuid').toLowerCase() || undefined,
          }
        : {}),
    },
    (file === undefined ? '' : mediumInput(file)) + more,
  );

/** Bytes of a disk's own files by their names. */
const allocations = (vm: XmlElement): ReadonlyMap<string, number> => {
  const sizes = new Map<string, number>();
  for (const file of all(at(vm, 'layoutEx'), 'file')) {
    // `disk-flat.vmdk` holds what `disk.vmdk` describes.
    const name = textAt(file, 'name').replace(/-(flat|delta|sesparse)\.vmdk$/, '.vmdk');
    sizes.set(name, (sizes.get(name) ?? 0) + (numberAt(file, 'size') ?? 0));
  }
  return sizes;
};

const diskInput = (disk: Seated, sizes: ReadonlyMap<string, number>): string => {
  const size = disk.file && sizes.get(disk.file.fileName);
  return seatInput('disk', disk, size === undefined ? '' : element('allocation', { bytes: size }));
};

const nicsInput = (object: NativeObject, vm: XmlElement): string => {
  const networks = all(partOf(object, 'networks'), 'network');
  const told = (one: XmlElement, name: string): string => one.attributes.find((a) => a.name === name)?.value ?? '';
  return hardwareOf(vm)
    .cards.map((card, ordinal) => {
      const network = networks.find((one) => [told(one, 'moid'), told(one, 'key')].includes(card.network));
      return element('nic', {
        ordinal,
        mac: card.mac,
        generated: textAt(card.element, 'addressType').trim().toLowerCase() !== 'manual',
        model: card.model,
        network: unescapeName(network ? told(network, 'name') : card.deviceName),
        connected:
          at(card.element, 'connectable') === undefined || flagAt(card.element, 'connectable', 'startConnected'),
      });
    })
    .join('');
};

const addressesInput = (vm: XmlElement): string =>
  all(at(vm, 'guest'), 'net')
    .flatMap((net) => {
      const mac = textAt(net, 'macAddress').toLowerCase();
      const configured = all(at(net, 'ipConfig'), 'ipAddress').map((ip) => ({
        address: textAt(ip, 'ipAddress'),
        prefix: numberAt(ip, 'prefixLength') ?? 0,
      }));
      const bare = all(net, 'ipAddress').map(({ text }) => ({ address: text, prefix: text.includes(':') ? 64 : 24 }));
      return (configured.length > 0 ? configured : bare)
        .filter(({ address }) => address !== '')
        .map((one) => element('address', { mac, ...one }));
    })
    .join('');

const BOOTS = table<BootDevice>({
  VirtualMachineBootOptionsBootableDiskDevice: 'disk',
  VirtualMachineBootOptionsBootableCdromDevice: 'cdrom',
  VirtualMachineBootOptionsBootableEthernetDevice: 'network',
  VirtualMachineBootOptionsBootableFloppyDevice: 'floppy',
});

const bootInput = (vm: XmlElement, entries: ReadonlyMap<string, string>): string => {
  const order = all(at(vm, 'config', 'bootOptions'), 'bootOrder').flatMap((one) => BOOTS[dynamicType(one)] ?? []);
  return wholeBootOrder([...new Set(order)], entries)
    .map((device) => element('boot', { device }))
    .join('');
};

/** Snapshots whose memory is kept, where the host says which files they have; a running state says it where it does not. */
const hasMemory = (vm: XmlElement, snapshot: string, state: string): boolean => {
  const layout = all(at(vm, 'layoutEx'), 'snapshot').find((one) => textAt(one, 'key').trim() === snapshot);
  const key = numberAt(layout, 'memoryKey');
  return key === undefined ? state === 'running' : key >= 0;
};

const snapshotsInput = (vm: XmlElement): string => {
  const current = textAt(vm, 'snapshot', 'currentSnapshot').trim();
  const tree = (list: readonly XmlElement[], parent: string | undefined): string =>
    list
      .map((one) => {
        const native = textAt(one, 'snapshot').trim();
        const state = stateOf(textAt(one, 'state'));
        return (
          element('snapshot', {
            native,
            name: unescapeName(textAt(one, 'name')),
            description: textAt(one, 'description'),
            created: timeAt(one, 'createTime') ?? 0,
            state,
            memory: hasMemory(vm, native, state),
            quiesced: flagAt(one, 'quiesced'),
            parent,
            current: native === current,
          }) + tree(all(one, 'childSnapshotList'), native)
        );
      })
      .join('');
  return tree(all(at(vm, 'snapshot'), 'rootSnapshotList'), undefined);
};

/** Shares of a level are the host's own default for it; -1 is no limit. `unit`: bytes or MHz of the host's number. */
const shareInput = (name: string, allocation: XmlElement | undefined, unit: number): string => {
  const reservation = numberAt(allocation, 'reservation') ?? 0;
  const limit = numberAt(allocation, 'limit') ?? -1;
  return element(name, {
    reservation: reservation > 0 ? reservation * unit : undefined,
    limit: limit >= 0 ? limit * unit : undefined,
    shares:
      textAt(allocation, 'shares', 'level').trim() === 'normal' ? undefined : numberAt(allocation, 'shares', 'shares'),
  });
};

const attributesInput = (vm: XmlElement): string => {
  const config: Record<(typeof CONFIG_ATTRIBUTES)[number], string> = {
    guestId: textAt(vm, 'config', 'guestId'),
    version: textAt(vm, 'config', 'version'),
    vmPathName: textAt(vm, 'config', 'files', 'vmPathName'),
    modified: textAt(vm, 'config', 'changeVersion'),
    alternateGuestName: textAt(vm, 'config', 'alternateGuestName'),
  };
  const fields = CONFIG_ATTRIBUTES.filter((key) => config[key] !== '').map((key) => ({
    owner: OWN,
    key,
    value: config[key],
  }));
  return [...fields, ...attributesOf(vm)].map((one) => element('attribute', { ...one })).join('');
};

export const machineInput = (object: NativeObject): string => {
  const vm = partOf(object, 'vm');
  const hardware = hardwareOf(vm);
  const entries = entriesOf(vm);
  const guestId = textAt(vm, 'config', 'guestId');
  const memory = (numberAt(vm, 'config', 'hardware', 'memoryMB') ?? 0) * MIB;
  const cpuCount = numberAt(vm, 'config', 'hardware', 'numCPU') ?? 1;
  const tools = textAt(vm, 'guest', 'toolsStatus').trim();
  const sizes = allocations(vm);
  const vnc = entries.get('RemoteDisplay.vnc.enabled')?.toLowerCase() === 'true';
  const x = element(
    'x',
    {
      name: unescapeName(textAt(vm, 'name')),
      power: stateOf(textAt(vm, 'runtime', 'powerState')),
      autostart: object.facts['autostart'] === true,
      template: flagAt(vm, 'config', 'template'),
      firmware: textAt(vm, 'config', 'firmware').trim() === 'efi' ? 'efi' : 'bios',
      secureBoot: flagAt(vm, 'config', 'bootOptions', 'efiSecureBootEnabled'),
      cpuCount,
      cpuMax: Math.max(cpuCount, Number(entries.get(CPU_MAX_KEY)) || 0),
      coresPerSocket: Math.max(1, numberAt(vm, 'config', 'hardware', 'numCoresPerSocket') ?? 1),
      memory,
      memoryMax: Math.max(memory, Number(entries.get(MEMORY_MAX_KEY)) || 0),
      cpuHotAdd: flagAt(vm, 'config', 'cpuHotAddEnabled'),
      memoryHotAdd: flagAt(vm, 'config', 'memoryHotAddEnabled'),
      osId: guestOs.toGeneric(guestId) ?? '',
      bits: guestBits(guestId),
      serialPorts: hardware.serialPorts,
      toolsInstalled: tools !== '' && tools !== 'toolsNotInstalled',
      toolsRunning: textAt(vm, 'guest', 'toolsRunningStatus').trim() === 'guestToolsRunning',
      vncListen: vnc ? (entries.get('RemoteDisplay.vnc.ip') ?? '0.0.0.0') : undefined,
      vncPort: vnc ? Number(entries.get('RemoteDisplay.vnc.port') ?? -1) : undefined,
      started: timeAt(vm, 'runtime', 'bootTime'),
      modified: timeAt(vm, 'config', 'modified'),
    },
    [
      bootInput(vm, entries),
      hardware.controllers
        .filter(({ bus }) => bus === 'scsi')
        .map(({ ordinal, model }) => element('scsi', { ordinal, model }))
        .join(''),
      hardware.disks.map((disk) => diskInput(disk, sizes)).join(''),
      hardware.cdroms.map((one) => seatInput('cdrom', one, '')).join(''),
      hardware.floppies.map((one) => seatInput('floppy', one, '')).join(''),
      nicsInput(object, vm),
      addressesInput(vm),
      shareInput('cpuShare', at(vm, 'config', 'cpuAllocation'), 1),
      shareInput('memoryShare', at(vm, 'config', 'memoryAllocation'), MIB),
      attributesInput(vm),
      snapshotsInput(vm),
    ].join(''),
  );
  return `<in>${x}${object.parts['vm']}</in>`;
};
