/** vm.create in, its plan out: volumes first, each of which can be taken back, then the definition, after which the VM is there. */
import type { DiskSpec } from '../../generic/commands.ts';
import type { NativeRef } from '../../generic/ids.ts';
import type { Disk, Host, Vm } from '../../generic/model.ts';
import type { Plan, Step } from '../../generic/plan.ts';
import { call, found, type Planning, paramsOf, probe, refuse, sealed, step } from '../../generic/planning.ts';
import { diskOfSpec } from '../../generic/vm-change.ts';
import { formatMetadata, METADATA_PREFIX } from '../metadata.ts';
import { volumeNative } from '../volume-names.ts';
import {
  canPreallocate,
  checkName,
  checkNetworks,
  freeDomainName,
  macFrom,
  mintUuid,
  pathIn,
  placed,
  poolOf,
  refuseDuplicate,
  volumeOf,
} from './planning.ts';
import { createVolume, dom, setAutostart, UNDEFINE, WITHOUT_EFFECT } from './steps.ts';

/** The most that ESXi takes for a virtual disk, and well below what qcow2 can. */
const MOST_DISK_BYTES = 62 * 1024 ** 4;
const MOST_MEMORY_BYTES = 24 * 1024 ** 4;

export const checkSize = (
  vm: Pick<Vm, 'cpuCount' | 'cpuMax' | 'memoryBytes' | 'memoryMaxBytes'>,
  { command, context }: Planning,
): void => {
  const host: Host | undefined = context.store.generic('host', command.host);
  const most = host?.vmCpuMax ?? 255;
  for (const property of ['cpuCount', 'cpuMax'] as const)
    if (!(vm[property] >= 1) || vm[property] > most)
      refuse(
        'invalid-vm-config',
        { property },
        `A virtual machine has 1 to ${most} CPUs on this host, not ${vm[property]}.`,
      );
  for (const property of ['memoryBytes', 'memoryMaxBytes'] as const)
    if (!(vm[property] > 0) || vm[property] > MOST_MEMORY_BYTES)
      refuse('invalid-vm-config', { property }, `${vm[property]} bytes are no memory size.`);
};

/** Bytes already promised in the same plan, by pool. */
export type Promised = Map<string, number>;

export const checkCapacity = (
  capacityBytes: number,
  thin: boolean,
  index: number,
  pool: { name: string; doc: { availableBytes: number } },
  promised: Promised,
): void => {
  if (!(capacityBytes > 0) || capacityBytes > MOST_DISK_BYTES)
    refuse('invalid-device', { index, property: 'capacityBytes' }, `A disk cannot have ${capacityBytes} bytes.`);
  if (thin) return;
  const sum = (promised.get(pool.name) ?? 0) + capacityBytes;
  promised.set(pool.name, sum);
  if (sum > pool.doc.availableBytes)
    refuse('no-disk-space', { storage: pool.name }, `There is not enough room in ${pool.name}.`);
};

export const checkBuses = (vm: Pick<Vm, 'disks' | 'cdroms'>): void => {
  for (const [index, { slot }] of [...vm.disks, ...vm.cdroms].entries())
    if (slot.bus === 'nvme')
      refuse('invalid-device', { index, property: 'slot' }, 'This host has no NVMe controllers for virtual machines.');
};

/** Makes the volume of a disk that asks for one; the disk then names it. */
export const volumeStep = async (
  spec: DiskSpec,
  index: number,
  promised: Promised,
  planning: Planning,
): Promise<{ disk: Disk; step?: Step; touches: NativeRef[] }> => {
  const { create } = spec;
  if (!create) return { disk: { ...spec, medium: placed(spec.medium, planning, index) }, touches: [] };
  const pool = poolOf(create.storage, planning);
  const { volumeName: name, capacityBytes, thin } = create;
  checkCapacity(capacityBytes, thin, index, pool, promised);
  if (volumeOf(pool, name, planning)) refuse('file-exists', { path: name }, `${name} exists in ${pool.name}.`);
  const format = spec.medium.format ?? 'qcow2';
  const xml = await planning.context.fromGeneric({
    kind: 'volume',
    after: { name, storageName: pool.name, path: '', format, capacityBytes, allocationBytes: thin ? 0 : capacityBytes },
  });
  const path = pathIn(pool, name);
  return {
    disk: diskOfSpec({ ...spec, medium: { ...spec.medium, storageName: pool.name, volumeName: name, path, format } }),
    step: createVolume(pool, name, xml, capacityBytes, !thin && format === 'qcow2' && canPreallocate(planning)),
    touches: [
      { kind: 'volume', native: volumeNative(pool.uuid, name) },
      { kind: 'storage', native: pool.uuid },
    ],
  };
};

const MARK = `</${METADATA_PREFIX}:vm>`;

/** The job's mark in the definition: everything made says by whom. */
export const marked = (xml: string, job: string): string => {
  if (xml.includes(MARK)) return xml.replace(MARK, `<${METADATA_PREFIX}:job>${job}</${METADATA_PREFIX}:job>${MARK}`);
  return xml.replace(
    /<metadata\s*\/>|<metadata>/,
    (open) => `<metadata>${formatMetadata({ attributes: [], job })}${open === '<metadata>' ? '' : '</metadata>'}`,
  );
};

/** Of a VM that is not there yet: its undo is for a rollback, which is refused once anybody has changed or started it. */
export const defineStep = (vm: Pick<Vm, 'firmware'>, uuid: string, xml: string): Step =>
  step('define', 'pivot', call('DOMAIN_DEFINE_XML_FLAGS', { xml, flags: 0 }), probe('domain-exists', { uuid }), {
    undo: call('DOMAIN_UNDEFINE_FLAGS', { dom: dom(uuid), flags: vm.firmware === 'efi' ? UNDEFINE.nvram : 0 }),
  });

export const planCreate = async (planning: Planning): Promise<Plan> => {
  const { vm: wanted, disks: specs } = paramsOf(planning, 'vm.create');
  const { command, context } = planning;
  checkName(wanted.name);
  refuseDuplicate(wanted.name, planning);
  checkSize(wanted, planning);
  const uuid = (wanted.uuid === '' ? mintUuid(planning, 'vm') : wanted.uuid).toLowerCase();
  if (context.store.find(command.host, 'vm', uuid))
    refuse('already-exists', { name: uuid }, `A virtual machine with the UUID ${uuid} exists.`);
  checkNetworks(wanted.nics, [], planning);
  const promised: Promised = new Map();
  const disks: Disk[] = [];
  const steps: Step[] = [];
  const touches: NativeRef[] = [];
  for (const [index, spec] of [...wanted.disks, ...specs].entries()) {
    const made = await volumeStep(spec, index, promised, planning);
    disks.push(made.disk);
    if (made.step) steps.push(made.step);
    touches.push(...made.touches);
  }
  const withMedium = <T extends { medium?: Disk['medium'] }>(drive: T, index: number): T =>
    drive.medium ? { ...drive, medium: placed(drive.medium, planning, index) } : drive;
  const vm: Vm = {
    ...wanted,
    uuid,
    nativeName: freeDomainName(wanted.name, planning),
    disks,
    cdroms: wanted.cdroms.map(withMedium),
    floppies: wanted.floppies.map(withMedium),
    nics: wanted.nics.map((nic, ordinal) => ({
      ...nic,
      ordinal,
      mac: nic.mac === '' ? macFrom(uuid, String(ordinal)) : nic.mac,
    })),
  };
  checkBuses(vm);
  const { native: host } = found('host', command.host, planning);
  const xml = await context.fromGeneric({ kind: 'vm', native: host, after: vm });
  steps.push(defineStep(vm, uuid, marked(xml, context.job)));
  if (vm.autostart) steps.push(setAutostart(uuid, true, 'forward-only'));
  const ref: NativeRef = { kind: 'vm', native: uuid };
  return {
    host: command.host,
    queue: `name:${vm.nativeName}`,
    steps: sealed(steps, WITHOUT_EFFECT),
    touches: [ref, ...touches],
    makes: ref,
  };
};
