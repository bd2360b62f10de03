/** The VM that a configuration spec starts from: what an ESXi host fills in where the client says nothing. */
import type { Vm } from '../../generic/model.ts';

const MIB = 1024 * 1024;

export const blankVm = (): Vm => ({
  name: '',
  nativeName: '',
  uuid: '',
  description: '',
  powerState: 'stopped',
  permanent: true,
  template: false,
  autostart: false,
  firmware: 'bios',
  secureBoot: false,
  cpuCount: 1,
  cpuMax: 1,
  coresPerSocket: 1,
  memoryBytes: 32 * MIB,
  memoryMaxBytes: 32 * MIB,
  cpuHotAdd: false,
  memoryHotAdd: false,
  osId: '',
  bits: 32,
  bootOrder: ['disk', 'cdrom', 'network'],
  scsiControllers: [],
  disks: [],
  cdroms: [],
  floppies: [],
  nics: [],
  vnc: { listen: '127.0.0.1', port: -1 },
  serialPorts: 0,
  guest: { toolsInstalled: false, toolsRunning: false, addresses: [] },
  cpuShare: {},
  memoryShare: {},
  attributes: [],
  snapshots: [],
});
