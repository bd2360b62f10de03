/** Disks of a running machine that are to move in, the plan out: each is copied while it is written to, then the machine goes over to the copy. */
import type { VmChange } from '../../generic/commands.ts';
import type { Plan, Step } from '../../generic/plan.ts';
import { call, type Found, type Planning, probe, Refusal, refuse, step } from '../../generic/planning.ts';
import { applyChange } from '../../generic/vm-change.ts';
import { escapeAttribute } from '../../wire/xml.ts';
import { type DiskMove, moveOf, volumeLike, volumeRefs } from './copies.ts';
import { digest, isPersistent } from './planning.ts';
import { createVolume, deleteVolume, dom } from './steps.ts';

/** virDomainBlockCopyFlags: into the volume that is there; the job need not outlive the machine, which its definition would forbid. */
const REUSE_EXT = 2;
const TRANSIENT_JOB = 4;
/** virDomainBlockJobAbortFlags */
const PIVOT = 2;

/** A copy that is slower than this many bytes a millisecond has come to a stop. */
const LEAST_BYTES_PER_MS = 5_000;
const GRACE_MS = 2 * 60_000;

const targetXml = ({ to, medium }: DiskMove): string => {
  const [type, source] = to.pool.doc.kind === 'block' ? ['block', 'dev'] : ['file', 'file'];
  const path = escapeAttribute(medium.path ?? '');
  return `<disk type="${type}"><driver name="qemu" type="${medium.format ?? 'raw'}"/><source ${source}="${path}"/></disk>`;
};

const deviceOf = ({ disk }: DiskMove, index: number): string =>
  disk.device ?? refuse('invalid-device', { index, property: 'slot' }, 'The disk has no name on the host.');

const copySteps = async (uuid: string, move: DiskMove, index: number, planning: Planning): Promise<Step[]> => {
  const device = deviceOf(move, index);
  const { to, from } = move;
  const { capacityBytes } = from.doc;
  const xml = await volumeLike(from.doc, to.pool, to.name, planning);
  const start = call('DOMAIN_BLOCK_COPY', {
    dom: dom(uuid),
    path: device,
    destxml: targetXml(move),
    params: [],
    flags: REUSE_EXT | TRANSIENT_JOB,
  });
  return [
    createVolume(to.pool, to.name, xml, capacityBytes, false),
    step(`copy disk ${device}`, 'compensatable', start, probe('copy-ready', { uuid, device }), {
      undo: call('DOMAIN_BLOCK_JOB_ABORT', { dom: dom(uuid), path: device, flags: 0 }),
      awaits: { limitMs: GRACE_MS + Math.ceil(capacityBytes / LEAST_BYTES_PER_MS) },
    }),
  ];
};

/** All copies are there before the first disk goes over: from then on there is no way back. */
const goOver = (uuid: string, move: DiskMove, index: number): Step => {
  const device = deviceOf(move, index);
  const source = move.to.pool.doc.kind === 'block' ? 'source@dev' : 'source@file';
  return step(
    `go over to the copy of ${device}`,
    index === 0 ? 'pivot' : 'forward-only',
    call('DOMAIN_BLOCK_JOB_ABORT', { dom: dom(uuid), path: device, flags: PIVOT }),
    probe('device-is', { uuid, element: 'disk', key: device, is: { [source]: move.medium.path ?? '' } }),
  );
};

export const isLiveMove = (change: VmChange): boolean =>
  change.disks?.change?.some(({ moveTo }) => moveTo !== undefined) === true;

export const planLiveMove = async (vm: Found<'vm'>, change: VmChange, planning: Planning): Promise<Plan> => {
  const changes = change.disks?.change ?? [];
  const { disks, ...others } = change;
  const isPure =
    Object.values(others).every((one) => one === undefined) &&
    disks?.add === undefined &&
    disks?.remove === undefined &&
    changes.every(({ to, moveTo }) => moveTo !== undefined && Object.keys(to).length === 0);
  if (!isPure)
    refuse('wrong-state', { requested: 'stopped', existing: vm.doc.powerState }, 'Disks move by themselves alone.');
  const moves = changes.flatMap((one, index) => moveOf(one, index, vm, planning) ?? []);
  const uuid = vm.native.native;
  const copies: Step[] = [];
  for (const [index, move] of moves.entries()) copies.push(...(await copySteps(uuid, move, index, planning)));
  const applied = applyChange(vm.doc, {
    disks: { change: moves.map(({ disk, medium }) => ({ slot: disk.slot, to: { medium } })) },
  });
  if (!applied.ok) throw new Refusal(applied.fault);
  const stored = vm.native.parts['domain'] ?? '';
  const xml = await planning.context.fromGeneric({
    kind: 'vm',
    native: vm.native,
    before: vm.doc,
    after: applied.value,
  });
  const define = step(
    'define',
    'forward-only',
    call('DOMAIN_DEFINE_XML_FLAGS', { xml, flags: 0 }),
    probe('config-differs', { uuid, sha256: digest(stored) }),
  );
  return {
    host: planning.command.host,
    queue: uuid,
    steps: [
      ...copies,
      ...moves.map((move, index) => goOver(uuid, move, index)),
      ...(isPersistent(vm) ? [define] : []),
      ...moves.map(({ from }) => deleteVolume(from.pool, from.name, 'forward-only')),
    ],
    touches: [
      { kind: 'vm', native: uuid },
      ...moves.flatMap(({ from, to }) => [...volumeRefs(from.pool, from.name), ...volumeRefs(to.pool, to.name)]),
    ],
  };
};
