/** Members of a VirtualMachineConfigSpec that the hub has no field for: those whose value changes nothing, those kept as attributes, those refused. */
import type { ForeignAttribute } from '../../generic/model.ts';
import { table } from '../../generic/table.ts';
import type { Spec } from './config-spec.ts';
import { invalidArgument, notSupported } from './refusal.ts';

/** What every VM of this front shows (from-generic/vm.xsl). Asking for it changes nothing. */
const SHOWN = table<unknown>({
  cpuHotRemoveEnabled: false,
  virtualICH7MPresent: false,
  virtualSMCPresent: false,
  swapPlacement: 'inherit',
  vAssertsEnabled: false,
  changeTrackingEnabled: false,
  maxMksConnections: 40,
  guestAutoLockEnabled: false,
  memoryReservationLockedToMax: false,
  nestedHVEnabled: false,
  vPMCEnabled: false,
  messageBusTunnelEnabled: false,
  npivTemporaryDisabled: true,
  npivOnNonRdmDisks: false,
  sevEnabled: false,
  rebootPowerOff: false,
  vmxStatsCollectionEnabled: false,
  pmemFailoverEnabled: false,
  fixedPassthruHotPlugEnabled: false,
  metroFtEnabled: false,
  vmOpNotificationToAppEnabled: false,
  'latencySensitivity.level': 'normal',
  migrateEncryption: 'opportunistic',
  ftEncryptionMode: 'ftEncryptionOpportunistic',
  'flags.disableAcceleration': false,
  'flags.enableLogging': true,
  'flags.useToe': false,
  'flags.runWithDebugInfo': false,
  'flags.monitorType': 'release',
  'flags.htSharing': 'any',
  'flags.snapshotDisabled': false,
  'flags.snapshotLocked': false,
  'flags.diskUuidEnabled': false,
  'flags.virtualMmuUsage': 'automatic',
  'flags.virtualExecUsage': 'hvAuto',
  'flags.snapshotPowerOffBehavior': 'powerOff',
  'flags.recordReplayEnabled': false,
  'flags.faultToleranceType': 'unset',
  'flags.cbrcCacheEnabled': false,
  'flags.vvtdEnabled': false,
  'flags.vbsEnabled': false,
  'tools.afterPowerOn': true,
  'tools.afterResume': true,
  'tools.beforeGuestStandby': true,
  'tools.beforeGuestShutdown': true,
  'tools.beforeGuestReboot': false,
  'tools.toolsUpgradePolicy': 'manual',
  'tools.syncTimeWithHost': false,
  'tools.syncTimeWithHostAllowed': true,
  'powerOpInfo.powerOffType': 'soft',
  'powerOpInfo.suspendType': 'hard',
  'powerOpInfo.resetType': 'soft',
  'powerOpInfo.defaultPowerOffType': 'soft',
  'powerOpInfo.defaultSuspendType': 'hard',
  'powerOpInfo.defaultResetType': 'soft',
  'powerOpInfo.standbyAction': 'checkpoint',
  'bootOptions.bootDelay': 0,
  'bootOptions.enterBIOSSetup': false,
  'bootOptions.bootRetryEnabled': false,
  'bootOptions.bootRetryDelay': 10000,
  'bootOptions.networkBootProtocol': 'ipv4',
});

/** Wishes that shape no guest: kept under the key that a .vmx file has for them. */
const KEPT = table<string>({
  'tools.afterPowerOn': 'toolScripts.afterPowerOn',
  'tools.afterResume': 'toolScripts.afterResume',
  'tools.beforeGuestStandby': 'toolScripts.beforeSuspend',
  'tools.beforeGuestShutdown': 'toolScripts.beforePowerOff',
  'tools.toolsUpgradePolicy': 'tools.upgrade.policy',
  'tools.syncTimeWithHost': 'tools.syncTime',
  'tools.syncTimeWithHostAllowed': 'time.synchronize.allow',
  'flags.enableLogging': 'logging',
  'flags.diskUuidEnabled': 'disk.EnableUUID',
  'flags.htSharing': 'sched.cpu.htsharing',
  'flags.cbrcCacheEnabled': 'sched.cbrc',
  'flags.virtualMmuUsage': 'monitor.virtual_mmu',
  'flags.virtualExecUsage': 'monitor.virtual_exec',
  'flags.disableAcceleration': 'monitor.acceleration.disable',
  'powerOpInfo.powerOffType': 'powerType.powerOff',
  'powerOpInfo.suspendType': 'powerType.suspend',
  'powerOpInfo.resetType': 'powerType.reset',
  'powerOpInfo.standbyAction': 'chipset.onlineStandby',
  'bootOptions.bootDelay': 'bios.bootDelay',
  'bootOptions.enterBIOSSetup': 'bios.forceSetupOnce',
  'bootOptions.bootRetryEnabled': 'bios.bootRetry.enabled',
  'bootOptions.bootRetryDelay': 'bios.bootRetry.delay',
  maxMksConnections: 'RemoteDisplay.maxConnections',
  'latencySensitivity.level': 'sched.cpu.latencySensitivity',
  swapPlacement: 'sched.swap.placement',
  'flags.vvtdEnabled': 'vvtd.enable',
  // What a guest sees of virtualisation follows the CPU model that its host gives it.
  nestedHVEnabled: 'vhv.enable',
});

/** Written by the host, echoed by clients that send a whole configuration back. */
const ECHOED = new Set([
  'dynamicType',
  'dynamicProperty',
  'createDate',
  'locationId',
  'vmProfile',
  'tools.toolsVersion',
  'tools.toolsInstallType',
  'tools.lastInstallInfo',
  'tools.pendingCustomization',
  'tools.customizationKeyId',
  'powerOpInfo.defaultPowerOffType',
  'powerOpInfo.defaultSuspendType',
  'powerOpInfo.defaultResetType',
  'latencySensitivity.sensitivity',
  'bootOptions.bootOrder',
  'bootOptions.efiSecureBootEnabled',
]);

/** Members that config-spec.ts and the device files read. */
const READ = new Set([
  '_type',
  'changeVersion',
  'name',
  'version',
  'uuid',
  'instanceUuid',
  'guestId',
  'alternateGuestName',
  'annotation',
  'files',
  'numCPUs',
  'numCoresPerSocket',
  'memoryMB',
  'memoryHotAddEnabled',
  'cpuHotAddEnabled',
  'deviceChange',
  'cpuAllocation',
  'memoryAllocation',
  'extraConfig',
  'firmware',
]);

const NESTED = new Set(['tools', 'flags', 'powerOpInfo', 'bootOptions', 'latencySensitivity', 'consolePreferences']);

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);

const text = (value: unknown): string => (typeof value === 'boolean' ? (value ? 'TRUE' : 'FALSE') : String(value));

const LATENCY = new Set(['low', 'normal', 'medium', 'high', 'custom']);

const keep = (path: string, value: unknown, kept: ForeignAttribute[]): void => {
  if (ECHOED.has(path) || isEmpty(value)) return;
  const key = KEPT[path];
  if (value === SHOWN[path]) {
    // Back to what is shown: an earlier wish is withdrawn.
    if (key !== undefined) kept.push({ owner: 'vim25', key, value: '' });
    return;
  }
  if (path === 'latencySensitivity.level' && !LATENCY.has(String(value)))
    invalidArgument('configSpec.latencySensitivity.level');
  if (key === undefined) notSupported(`${path} cannot be set on this host.`);
  else kept.push({ owner: 'vim25', key, value: text(value) });
};

/** Attributes to keep; a member that this host can neither do nor keep is refused. */
export const acceptsOnly = (spec: Spec): ForeignAttribute[] => {
  const kept: ForeignAttribute[] = [];
  for (const [member, value] of Object.entries(spec)) {
    if (READ.has(member)) continue;
    if (!NESTED.has(member)) keep(member, value, kept);
    else if (member !== 'consolePreferences') {
      for (const [inner, deep] of Object.entries((value ?? {}) as Spec))
        if (inner !== '_type') keep(`${member}.${inner}`, deep, kept);
    }
  }
  return kept;
};
