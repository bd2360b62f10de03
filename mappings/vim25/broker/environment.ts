/** EnvironmentBrowser: the catalogue of virtual hardware and guests that a VM of this host can have. */
import type { Call, Reply } from '../../generic/call.ts';
import type { Brokered } from '../../generic/platform.ts';
import { GUESTS } from '../guest-os.ts';
import { FURNITURE as F, sameRef } from '../ids.ts';
import { CONSTANT_PROPERTIES } from '../render/constants.ts';
import { type MoRef, rendered } from '../values.ts';
import { find, furnish, nameOf, refsOf, renderAll } from './registry.ts';
import { refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { invalidArgument, objectNotFound } from './select.ts';

const KEYS = ['vmx-13', 'vmx-11', 'vmx-10', 'vmx-09', 'vmx-08', 'vmx-07'] as const;
const DEFAULT_KEY = 'vmx-13';
const GIB_IN_MB = 1024;

const int = (min: number, max: number, defaultValue: number) => ({
  _type: 'IntOption',
  valueIsReadonly: false,
  min,
  max,
  defaultValue,
});
const long = (min: number, max: number, defaultValue: number) => ({
  _type: 'LongOption',
  valueIsReadonly: false,
  min,
  max,
  defaultValue,
});
const allocation = { sharesOption: { sharesOption: int(0, 1_000_000, 1000), defaultLevel: 'normal' } };

const guest = ([id, [fullName, family]]: readonly [string, (typeof GUESTS)[string]], cpus: number) => {
  const windows = family === 'windowsGuest';
  return {
    _type: 'GuestOsDescriptor',
    id,
    family,
    fullName,
    supportedMaxCPUs: cpus,
    numSupportedPhysicalSockets: cpus,
    numSupportedCoresPerSocket: cpus,
    supportedMinMemMB: 4,
    supportedMaxMemMB: 6 * 1024 * GIB_IN_MB,
    recommendedMemMB: windows ? 4096 : 2048,
    recommendedColorDepth: 32,
    supportedDiskControllerList: [
      'VirtualIDEController',
      'VirtualLsiLogicController',
      'VirtualLsiLogicSASController',
      'ParaVirtualSCSIController',
      'VirtualAHCIController',
    ],
    recommendedSCSIController: windows ? 'VirtualLsiLogicSASController' : 'ParaVirtualSCSIController',
    recommendedDiskController: windows ? 'VirtualLsiLogicSASController' : 'ParaVirtualSCSIController',
    supportedNumDisks: 8,
    recommendedDiskSizeMB: (windows ? 40 : 16) * GIB_IN_MB,
    recommendedCdromController: 'VirtualIDEController',
    supportedEthernetCard: ['VirtualE1000', 'VirtualE1000e', 'VirtualVmxnet3', 'VirtualPCNet32'],
    recommendedEthernetCard: windows ? 'VirtualE1000e' : 'VirtualVmxnet3',
    supportsSlaveDisk: true,
    smcRequired: false,
    supportsWakeOnLan: false,
    supportsVMI: false,
    supportsMemoryHotAdd: true,
    supportsCpuHotAdd: true,
    supportsCpuHotRemove: false,
    supportedFirmware: ['bios', 'efi'],
    recommendedFirmware: 'bios',
    supports3D: false,
    recommended3D: false,
    smcRecommended: false,
    ich7mRecommended: false,
    usbRecommended: false,
    supportLevel: 'supported',
    supportedForCreate: true,
    vRAMSizeInKB: int(4096, 262_144, 4096),
    numSupportedFloppyDevices: 1,
    supportsPvscsiControllerForBoot: true,
    diskUuidEnabled: false,
    supportsHotPlugPCI: true,
    supportsSecureBoot: false,
    defaultSecureBoot: false,
  };
};

const label = (text: string) => ({ label: text, summary: text });

/** Devices every new VM has before any is added: clients look for the controllers and take the keys from here. */
const DEFAULT_DEVICES = [
  { _type: 'VirtualIDEController', key: 200, deviceInfo: label('IDE 0'), busNumber: 0 },
  { _type: 'VirtualIDEController', key: 201, deviceInfo: label('IDE 1'), busNumber: 1 },
  { _type: 'VirtualPS2Controller', key: 300, deviceInfo: label('PS2 controller 0'), busNumber: 0, device: [600, 700] },
  { _type: 'VirtualPCIController', key: 100, deviceInfo: label('PCI controller 0'), busNumber: 0, device: [500] },
  { _type: 'VirtualSIOController', key: 400, deviceInfo: label('SIO controller 0'), busNumber: 0 },
  { _type: 'VirtualKeyboard', key: 600, deviceInfo: label('Keyboard'), controllerKey: 300, unitNumber: 0 },
  { _type: 'VirtualPointingDevice', key: 700, deviceInfo: label('Pointing device'), controllerKey: 300, unitNumber: 1 },
  {
    _type: 'VirtualMachineVideoCard',
    key: 500,
    deviceInfo: label('Video card'),
    controllerKey: 100,
    unitNumber: 0,
    videoRamSizeInKB: 4096,
    numDisplays: 1,
  },
];

const configOption = (scope: Scope, key: string, guestIds: readonly string[]) => {
  const host = scope.context.store.generic('host', scope.host);
  const cpus = Math.max(1, Math.min(host?.vmCpuMax ?? 128, 128));
  const memoryMB = 6 * 1024 * GIB_IN_MB;
  return {
    _type: 'VirtualMachineConfigOption',
    version: key,
    description: `Hardware version ${Number(key.slice(4))}`,
    guestOSDescriptor: Object.entries(GUESTS)
      .filter(([id]) => guestIds.length === 0 || guestIds.includes(id))
      .map((row) => guest(row, cpus)),
    guestOSDefaultIndex: 0,
    hardwareOptions: {
      hwVersion: Number(key.slice(4)),
      virtualDeviceOption: [],
      deviceListReadonly: false,
      numCPU: Array.from({ length: cpus }, (_, at) => at + 1),
      numCoresPerSocket: int(1, cpus, 1),
      numCpuReadonly: false,
      memoryMB: long(4, memoryMB, 2048),
      numPCIControllers: int(1, 1, 1),
      numIDEControllers: int(2, 2, 2),
      numUSBControllers: int(0, 1, 0),
      numUSBXHCIControllers: int(0, 1, 0),
      numSIOControllers: int(1, 1, 1),
      numPS2Controllers: int(1, 1, 1),
      resourceConfigOption: { cpuAllocationOption: allocation, memoryAllocationOption: allocation },
    },
    capabilities: rendered('VirtualMachineCapability', CONSTANT_PROPERTIES['VirtualMachine']?.['capability'] ?? ''),
    datastore: {},
    defaultDevice: DEFAULT_DEVICES,
    supportedMonitorType: ['release'],
  };
};

const isHere = (host: unknown): boolean => host === undefined || sameRef(host as MoRef, F.host);

function* answerOption(scope: Scope, key: string | undefined, host: unknown, guestIds: readonly string[]): Brokered {
  if (!isHere(host)) return refuse(objectNotFound(host as MoRef));
  const wanted = key === undefined || key === '' ? DEFAULT_KEY : key;
  if (!KEYS.some((known) => known === wanted)) return refuse(invalidArgument('key'));
  yield* renderAll(scope, [scope.host]);
  return value(configOption(scope, wanted, guestIds));
}

function* queryConfigOption(scope: Scope, call: Call): Brokered {
  return yield* answerOption(scope, call.args['key'] as string | undefined, call.args['host'], []);
}

function* queryConfigOptionEx(scope: Scope, call: Call): Brokered {
  const spec = (call.args['spec'] ?? {}) as { key?: string; host?: MoRef; guestId?: readonly string[] };
  return yield* answerOption(scope, spec.key, spec.host, spec.guestId ?? []);
}

function queryConfigOptionDescriptor(): Reply {
  return value(
    KEYS.map((key) => ({
      key,
      description: `ESXi virtual machine, hardware version ${Number(key.slice(4))}`,
      host: [F.host],
      createSupported: true,
      defaultConfigOption: key === DEFAULT_KEY,
      runSupported: true,
      upgradeSupported: true,
    })),
  );
}

/** Text of a property, embedded as it stands. */
const embedded = (scope: Scope, ref: MoRef, path: string, type: string): unknown => {
  const property = find(scope, ref)?.property(path);
  return property === undefined || typeof property === 'string' ? undefined : rendered(type, property.inner);
};

function* queryConfigTarget(scope: Scope, call: Call): Brokered {
  if (!isHere(call.args['host'])) return refuse(objectNotFound(call.args['host'] as MoRef));
  const { store } = scope.context;
  const storages = store.list('storage', scope.host).map(({ id }) => id);
  const networks = store.list('network', scope.host).map(({ id }) => id);
  yield* renderAll(scope, [scope.host, ...storages, ...networks]);
  const host = store.generic('host', scope.host);
  const datastore = refsOf(storages).flatMap((ref) => {
    const summary = embedded(scope, ref, 'summary', 'DatastoreSummary');
    const capability = embedded(scope, ref, 'capability', 'DatastoreCapability');
    if (!summary || !capability) return [];
    return [
      {
        _type: 'VirtualMachineDatastoreInfo',
        name: nameOf(scope, ref) ?? '',
        datastore: summary,
        capability,
        maxFileSize: 64 * 1024 ** 4,
        mode: 'readWrite',
      },
    ];
  });
  const network = refsOf(networks).flatMap((ref) => {
    const summary = embedded(scope, ref, 'summary', 'NetworkSummary');
    return summary ? [{ _type: 'VirtualMachineNetworkInfo', name: nameOf(scope, ref) ?? '', network: summary }] : [];
  });
  return value({
    numCpus: host?.cpuThreads ?? 1,
    numCpuCores: host?.cpuCores ?? 1,
    numNumaNodes: host?.numaNodes ?? 1,
    smcPresent: false,
    datastore,
    network,
    maxMemMBOptimalPerf: Math.min(0x7fffffff, Math.floor((host?.memoryBytes ?? 0) / 1024 ** 2)),
    autoVmotion: false,
  });
}

function* queryTargetCapabilities(scope: Scope, call: Call): Brokered {
  if (!isHere(call.args['host'])) return refuse(objectNotFound(call.args['host'] as MoRef));
  yield* renderAll(scope, [scope.host]);
  return value(embedded(scope, F.host, 'capability', 'HostCapability'));
}

export const environment = {
  QueryConfigOption: queryConfigOption,
  QueryConfigOptionEx: queryConfigOptionEx,
  QueryConfigOptionDescriptor: queryConfigOptionDescriptor,
  QueryConfigTarget: queryConfigTarget,
  QueryTargetCapabilities: queryTargetCapabilities,
};

export const furnishEnvironment = (): void => {
  furnish('EnvironmentBrowser', (_scope, ref) => (sameRef(ref, F.environmentBrowser) ? { values: {} } : undefined));
  furnish('HostDatastoreBrowser', (_scope, ref) => (sameRef(ref, F.datastoreBrowser) ? { values: {} } : undefined));
};
