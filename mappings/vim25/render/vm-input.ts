/** A generic VM and its joins to the input of `from-generic/vm.xsl`: `<in>`, the generic document, and `<x>` with all that the sheet may not compute. */
import { formatDocument } from '../../generic/documents.ts';
import { numberOf } from '../../generic/ids.ts';
import type { Disk, Medium, Nic, Snapshot, Vm } from '../../generic/model.ts';
import type { Joins } from '../../generic/platform.ts';
import { pathOfVolume } from '../../generic/volume-path.ts';
import { element } from '../../wire/markup.ts';
import { changeVersionOf } from '../change-version.ts';
import { type Controller, devicesOf } from '../device-keys.ts';
import { guestFullName, guestIdOf } from '../guest-os.ts';
import { escapeName, formatDatastorePath } from '../names.ts';
import { vimPowerState } from '../states.ts';
import { dateTime } from './markup.ts';

const KIB = 1024;
const MIB = 1024 * 1024;
const thousands = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** An attribute that a vim25 client wrote and the hub has no field for. */
export const own = (vm: Vm, key: string): string | undefined =>
  vm.attributes.find((a) => a.owner === 'vim25' && a.key === key)?.value;

/** The BIOS uuid with its first byte turned round, and back. */
export const turnedUuid = (uuid: string): string =>
  (Number.parseInt(uuid.slice(0, 2), 16) ^ 0x50).toString(16).padStart(2, '0') + uuid.slice(2);

/** Every VM has an instanceUuid of its own, also where none was written. */
const instanceUuidOf = (vm: Vm): string => vm.instanceUuid ?? turnedUuid(vm.uuid);

const fileName = (medium: Medium): string =>
  medium.storageName === ''
    ? formatDatastorePath('', medium.path ?? '')
    : formatDatastorePath(medium.storageName, pathOfVolume(medium.volumeName ?? medium.path ?? ''));

/** Where the VM's own files lie: as a client wrote it, else beside its first disk, else on the host's first storage. */
export const vmPathOf = (vm: Vm, storages: readonly { name: string }[]): string => {
  const written = own(vm, 'vmPathName');
  if (written !== undefined) return written;
  const storage =
    vm.disks.find(({ medium }) => medium.storageName !== '')?.medium.storageName ?? storages[0]?.name ?? '';
  const name = escapeName(vm.nativeName);
  return formatDatastorePath(storage, `${name}/${name}.vmx`);
};

const CONTROLLER_TYPES = {
  lsilogic: ['VirtualLsiLogicController', 'LSI Logic'],
  lsisas: ['VirtualLsiLogicSASController', 'LSI Logic SAS'],
  pvscsi: ['ParaVirtualSCSIController', 'VMware paravirtual SCSI'],
  'virtio-scsi': ['ParaVirtualSCSIController', 'VMware paravirtual SCSI'],
  buslogic: ['VirtualBusLogicController', 'BusLogic'],
} as const;

const NIC_TYPES: Readonly<Record<Nic['model'], string>> = {
  e1000: 'VirtualE1000',
  e1000e: 'VirtualE1000e',
  vmxnet3: 'VirtualVmxnet3',
  virtio: 'VirtualVmxnet3',
  rtl8139: 'VirtualPCNet32',
  other: 'VirtualE1000',
};

const keys = (numbers: readonly number[]): string => numbers.map((key) => element('on', { key })).join('');

const controllerInput = (controller: Controller): string => {
  const { key, busNumber, devices } = controller;
  if (controller.kind === 'scsi') {
    const [type, summary] = CONTROLLER_TYPES[controller.model ?? 'lsilogic'];
    return element('scsi', { type, key, busNumber, summary, unitNumber: busNumber + 3 }, keys(devices));
  }
  const [type, name] =
    controller.kind === 'sata'
      ? ['VirtualAHCIController', 'SATA controller']
      : ['VirtualNVMEController', 'NVME controller'];
  return element(
    'controller',
    { type, key, busNumber, label: `${name} ${busNumber}`, summary: controller.kind === 'sata' ? 'AHCI' : name },
    keys(devices),
  );
};

const diskMode = (disk: Disk): string => (disk.persistent ? 'persistent' : 'independent_nonpersistent');

const devicesInput = (vm: Vm, joins: Joins): string => {
  const { controllers, ideDevices, disks, cdroms, floppies, nics } = devicesOf(vm);
  const datastoreOf = (medium: Medium): string | undefined =>
    joins.storages.find(({ name }) => name === medium.storageName)?.id.replace('storage-', 'datastore-');
  const connected = vm.powerState === 'running';
  const place = ({ key, controllerKey, unitNumber }: { key: number; controllerKey: number; unitNumber: number }) => ({
    key,
    controllerKey,
    unitNumber,
  });
  const removable = (
    tag: string,
    medium: Medium | undefined,
    at: { key: number; controllerKey: number; unitNumber: number },
    label: string,
  ) =>
    element(tag, {
      ...place(at),
      label,
      startConnected: medium !== undefined,
      connected: connected && medium !== undefined,
      summary: medium ? `ISO ${fileName(medium)}` : 'Remote device',
      ...(medium ? { fileName: fileName(medium), datastore: datastoreOf(medium) } : {}),
    });
  return [
    ...ideDevices.map((devices, n) => element('ide', { key: 200 + n, busNumber: n }, keys(devices))),
    ...controllers.map(controllerInput),
    ...disks.map((at) => {
      const volume = joins.volumes.find(({ path }) => path === at.disk.medium.path);
      const capacityBytes = at.disk.capacityBytes || volume?.capacityBytes || 0;
      const capacityKB = Math.ceil(capacityBytes / KIB);
      return element('disk', {
        ...place(at),
        label: `Hard disk ${at.label}`,
        summary: `${thousands(capacityKB)} KB`,
        fileName: fileName(at.disk.medium),
        datastore: datastoreOf(at.disk.medium),
        diskMode: diskMode(at.disk),
        thin: at.disk.thin,
        capacityKB,
        capacityBytes,
        uuid: at.disk.uuid,
        sharing: at.disk.shareable ? 'sharingMultiWriter' : 'sharingNone',
      });
    }),
    ...cdroms.map((at) => removable('cdrom', at.cdrom.medium, at, `CD/DVD drive ${at.label}`)),
    ...floppies.map((at) => removable('floppy', at.floppy.medium, at, `Floppy drive ${at.label}`)),
    ...nics.map((at) => {
      const network = joins.networks.find(({ name }) => name === at.nic.networkName);
      return element('nic', {
        ...place(at),
        type: NIC_TYPES[at.nic.model],
        label: `Network adapter ${at.label}`,
        network: network?.id,
        networkName: at.nic.networkName,
        summary: at.nic.networkName === '' ? 'unknown' : at.nic.networkName,
        mac: at.nic.mac,
        addressType: at.nic.macGenerated ? 'generated' : 'manual',
        startConnected: at.nic.connected,
        connected: at.nic.connected && connected,
        status: connected ? 'ok' : 'untried',
      });
    }),
  ].join('');
};

const snapshotInput = (snapshot: Snapshot, vm: Vm, joins: Joins): string => {
  const id = joins.owned('snapshot', snapshot.native);
  if (!id) return '';
  const below = vm.snapshots.filter(({ parent }) => parent === snapshot.native);
  return element(
    'snapshot',
    {
      ref: id,
      number: numberOf(id),
      name: escapeName(snapshot.name),
      description: snapshot.description,
      createTime: dateTime(snapshot.createdMs),
      state: vimPowerState(snapshot.powerState),
      quiesced: snapshot.quiesced,
      current: snapshot.current,
    },
    below.map((child) => snapshotInput(child, vm, joins)).join(''),
  );
};

const filesInput = (vm: Vm, directory: string, vmPath: string): string => {
  const files: [string, string, number][] = [[vmPath, 'config', 2048]];
  for (const disk of vm.disks)
    files.push(
      [fileName(disk.medium), 'diskDescriptor', 0],
      [fileName(disk.medium).replace(/\.vmdk$/, '-flat.vmdk'), 'diskExtent', disk.allocationBytes ?? 0],
    );
  vm.snapshots.forEach((snapshot, n) => {
    files.push([`${directory}/${vm.nativeName}-Snapshot${n + 1}.vmsn`, 'snapshotData', 0]);
    if (snapshot.hasMemory)
      files.push([`${directory}/${vm.nativeName}-Snapshot${n + 1}.vmem`, 'snapshotMemory', vm.memoryBytes]);
  });
  return files.map(([name, type, size], key) => element('file', { key, name, type, size })).join('');
};

const guestInput = (vm: Vm): string => {
  const nics = vm.nics.map((nic, n) => {
    const addresses = vm.guest.addresses.filter(({ mac }) => mac.toLowerCase() === nic.mac.toLowerCase());
    if (addresses.length === 0) return '';
    const inner = addresses.map(({ address, prefix }) => element('ip', { address, prefix })).join('');
    return element('net', { network: nic.networkName, mac: nic.mac, key: 4000 + n, connected: nic.connected }, inner);
  });
  return nics.join('');
};

const usageInput = (vm: Vm, joins: Joins): string =>
  joins.storages
    .map((storage) => {
      const disks = vm.disks.filter(({ medium }) => medium.storageName === storage.name);
      const committed = disks.reduce((sum, { allocationBytes }) => sum + (allocationBytes ?? 0), 0);
      const capacity = disks.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
      return element('usage', {
        datastore: storage.id.replace('storage-', 'datastore-'),
        name: storage.name,
        url: storage.path,
        committed,
        uncommitted: Math.max(0, capacity - committed),
      });
    })
    .join('');

const SHARES = { low: 500, normal: 1000, high: 2000 } as const;
const sharesLevel = (shares: number | undefined, perUnit: number): string => {
  const level = (Object.keys(SHARES) as (keyof typeof SHARES)[]).find(
    (name) => SHARES[name] * perUnit === (shares ?? SHARES.normal * perUnit),
  );
  return level ?? 'custom';
};

/** extraConfig is every attribute of ours that is not a field by another name. */
const FIELDS = new Set(['vmPathName', 'guestId', 'version', 'modified', 'alternateGuestName']);

const extraConfigInput = (vm: Vm): string =>
  vm.attributes
    .filter(({ owner, key }) => owner === 'vim25' && !FIELDS.has(key))
    .map(({ key, value }) => element('extra', { key, value }))
    .join('');

export const vmInput = (vm: Vm, joins: Joins): string => {
  const guestId = own(vm, 'guestId') ?? guestIdOf(vm.osId, vm.bits);
  const vmPathName = vmPathOf(vm, joins.storages);
  const directory = vmPathName.slice(0, Math.max(vmPathName.lastIndexOf('/'), vmPathName.indexOf('] ') + 1));
  const power = vimPowerState(vm.powerState);
  const committed = vm.disks.reduce((sum, { allocationBytes }) => sum + (allocationBytes ?? 0), 0);
  const capacity = vm.disks.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
  const roots = vm.snapshots.filter(({ parent }) => parent === undefined);
  const current = vm.snapshots.find((snapshot) => snapshot.current);
  const modified = dateTime(vm.modifiedMs ?? vm.createdMs ?? 0);
  const address = vm.guest.addresses.find(({ address: ip }) => ip.includes('.')) ?? vm.guest.addresses[0];
  const x = element(
    'x',
    {
      moid: numberOf(joins.id),
      name: escapeName(vm.name),
      instanceUuid: instanceUuidOf(vm),
      guestId,
      guestFullName: guestFullName(guestId),
      alternateGuestName: own(vm, 'alternateGuestName') ?? '',
      power,
      connection: joins.hostAway === true ? 'disconnected' : 'connected',
      status: joins.hostAway === true ? 'gray' : 'green',
      memoryMB: Math.round(vm.memoryBytes / MIB),
      vmPathName,
      directory,
      version: own(vm, 'version') ?? 'vmx-13',
      changeVersion: changeVersionOf(vm, own(vm, 'modified') ?? modified),
      modified,
      createDate: dateTime(vm.createdMs ?? 0),
      committed,
      uncommitted: Math.max(0, capacity - committed),
      numDisks: vm.disks.length,
      numNics: vm.nics.length,
      address: address?.address,
      hostName: vm.guest.hostName,
      bootTime: power === 'poweredOn' && vm.startedMs ? dateTime(vm.startedMs) : undefined,
      tools: vm.guest.toolsRunning ? 'toolsOk' : vm.guest.toolsInstalled ? 'toolsNotRunning' : 'toolsNotInstalled',
      toolsRunning: vm.guest.toolsRunning ? 'guestToolsRunning' : 'guestToolsNotRunning',
      toolsVersionStatus: vm.guest.toolsRunning ? 'guestToolsUnmanaged' : 'guestToolsNotInstalled',
      guestState: vm.guest.toolsRunning ? 'running' : 'notRunning',
      family: vm.guest.toolsRunning ? 'linuxGuest' : undefined,
      cpuShares: vm.cpuShare.shares ?? 1000 * vm.cpuCount,
      cpuLevel: sharesLevel(vm.cpuShare.shares, vm.cpuCount),
      memoryShares: vm.memoryShare.shares ?? 10 * Math.round(vm.memoryBytes / MIB),
      memoryLevel: sharesLevel(
        vm.memoryShare.shares === undefined ? undefined : vm.memoryShare.shares * 100,
        Math.round(vm.memoryBytes / MIB),
      ),
      cpuLimit: vm.cpuShare.limit ?? -1,
      cpuReservation: vm.cpuShare.reservation ?? 0,
      memoryLimit: vm.memoryShare.limit === undefined ? -1 : Math.round(vm.memoryShare.limit / MIB),
      memoryReservation: Math.round((vm.memoryShare.reservation ?? 0) / MIB),
      currentSnapshot: current ? joins.owned('snapshot', current.native) : undefined,
      nestedHV: own(vm, 'vhv.enable') === 'TRUE' ? 'true' : undefined,
    },
    [
      `<devices>${devicesInput(vm, joins)}</devices>`,
      extraConfigInput(vm),
      vm.bootOrder.map((device) => bootInput(device, vm)).join(''),
      guestInput(vm),
      filesInput(vm, directory, vmPathName),
      usageInput(vm, joins),
      roots.map((root) => snapshotInput(root, vm, joins)).join(''),
      disabledMethods(power, vm)
        .map((method) => element('disabled', { method }))
        .join(''),
    ].join(''),
  );
  return `<in>${formatDocument('vm', vm)}${x}</in>`;
};

const bootInput = (device: Vm['bootOrder'][number], vm: Vm): string => {
  const { disks, nics } = devicesOf(vm);
  switch (device) {
    case 'disk':
      return disks[0]
        ? element('bootable', { type: 'VirtualMachineBootOptionsBootableDiskDevice', deviceKey: disks[0].key })
        : '';
    case 'network':
      return nics[0]
        ? element('bootable', { type: 'VirtualMachineBootOptionsBootableEthernetDevice', deviceKey: nics[0].key })
        : '';
    case 'cdrom':
      return element('bootable', { type: 'VirtualMachineBootOptionsBootableCdromDevice' });
    case 'floppy':
      return element('bootable', { type: 'VirtualMachineBootOptionsBootableFloppyDevice' });
    default:
      return device satisfies never;
  }
};

/** What the state forbids (vSphere API, ManagedEntity.disabledMethod). */
const disabledMethods = (power: string, vm: Vm): string[] => {
  if (vm.template)
    return [
      'PowerOnVM_Task',
      'PowerOffVM_Task',
      'SuspendVM_Task',
      'ResetVM_Task',
      'RebootGuest',
      'ShutdownGuest',
      'StandbyGuest',
    ];
  switch (power) {
    case 'poweredOn':
      return ['PowerOnVM_Task', 'UnregisterVM', 'Destroy_Task', 'MarkAsTemplate', 'UpgradeVM_Task'];
    case 'suspended':
      return ['SuspendVM_Task', 'ResetVM_Task', 'RebootGuest', 'ShutdownGuest', 'StandbyGuest', 'MarkAsTemplate'];
    default:
      return [
        'PowerOffVM_Task',
        'SuspendVM_Task',
        'ResetVM_Task',
        'RebootGuest',
        'ShutdownGuest',
        'StandbyGuest',
        'AnswerVM',
      ];
  }
};
