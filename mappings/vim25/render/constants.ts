/** Properties that are the same for every object of a type: kept once, not in each rendered document. Inner XML by type and property. */
import { table } from '../../generic/table.ts';

/** VirtualMachineCapability: what this installation can do with a VM (vSphere API, members in schema order). */
const CAPABILITY = [
  ['snapshotOperationsSupported', true],
  ['multipleSnapshotsSupported', true],
  ['snapshotConfigSupported', true],
  ['poweredOffSnapshotsSupported', true],
  ['memorySnapshotsSupported', true],
  ['revertToSnapshotSupported', true],
  ['quiescedSnapshotsSupported', false],
  ['disableSnapshotsSupported', false],
  ['lockSnapshotsSupported', false],
  ['consolePreferencesSupported', false],
  ['cpuFeatureMaskSupported', false],
  ['s1AcpiManagementSupported', false],
  ['settingScreenResolutionSupported', false],
  ['toolsAutoUpdateSupported', false],
  ['vmNpivWwnSupported', false],
  ['npivWwnOnNonRdmVmSupported', false],
  ['vmNpivWwnDisableSupported', false],
  ['vmNpivWwnUpdateSupported', false],
  ['swapPlacementSupported', false],
  ['toolsSyncTimeSupported', false],
  ['virtualMmuUsageSupported', false],
  ['diskSharesSupported', false],
  ['bootOptionsSupported', true],
  ['bootRetryOptionsSupported', false],
  ['settingVideoRamSizeSupported', false],
  ['settingDisplayTopologySupported', false],
  ['recordReplaySupported', false],
  ['changeTrackingSupported', false],
  ['multipleCoresPerSocketSupported', true],
  ['hostBasedReplicationSupported', false],
  ['guestAutoLockSupported', false],
  ['memoryReservationLockSupported', false],
  ['featureRequirementSupported', false],
  ['poweredOnMonitorTypeChangeSupported', false],
  ['seSparseDiskSupported', false],
  ['nestedHVSupported', false],
  ['vPMCSupported', false],
] as const;

export const CONSTANT_PROPERTIES = table<Readonly<Record<string, string>>>({
  VirtualMachine: { capability: CAPABILITY.map(([name, able]) => `<${name}>${able}</${name}>`).join('') },
});
