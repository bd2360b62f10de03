/** VM.pool_migrate, migrate_send and VDI.pool_migrate in, disks that go from one storage of the one host to another out. */
import type { VmChange } from '../../generic/commands.ts';
import type { Outcome } from '../../generic/faults.ts';
import type { HubId } from '../../generic/ids.ts';
import type { Disk } from '../../generic/model.ts';
import type { Brokered } from '../../generic/platform.ts';
import { NULL_REF, parseRef, refOf, xenId } from '../ids.ts';
import { drivesOf, slotText } from '../seats.ts';
import { vdiRefOf } from './devices.ts';
import { type Follower, type Given, made, writeGiven } from './follow-ups.ts';
import { newVolumeName } from './minting.ts';
import { notSupported, refuse } from './refusal.ts';
import {
  checkOperation,
  documents,
  type Found,
  hostOf,
  machineOf,
  onlyMachine,
  storageOf,
  volumeOf,
  xenVmOf,
} from './targets.ts';
import { keptOf, labelOf, usersOf } from './vdi.ts';
import { type Answer, type Ending, ended, last, mapArg, textArg, type Work } from './work.ts';

/** It runs where it is to run: with one host that is all there is to it. */
function* poolMigrate(work: Work): Brokered<Ending> {
  yield* machineOf('pool_migrate', work);
  yield* hostOf(textArg(work, 'host'), work);
  return ended();
}

interface Move {
  readonly slot: Disk['slot'];
  readonly to: Found<'storage'>;
  readonly volumeName: string;
  /** What clients gave the image: read before the host's image is another one. */
  readonly kept: Given;
}

/** undefined: it is there already. */
function* moveOf(disk: Disk, sr: string, work: Work): Brokered<Move | undefined> {
  const volume = yield* volumeOf(vdiRefOf(disk, work.context), work);
  const to = yield* storageOf(sr, work);
  if (to.id === volume.storage) return undefined;
  if (!to.doc.accessible) refuse('SR_NO_PBDS', to.ref);
  const label = labelOf(volume, work).replace(/\.\w+$/, '');
  const volumeName = newVolumeName(work.context, label, volume.doc.format);
  return { slot: disk.slot, to, volumeName, kept: keptOf(volume, work) };
}

const disksOf = ({ doc }: Found<'vm'>): Disk[] =>
  drivesOf(doc).flatMap((drive) => (drive.type === 'Disk' ? [drive.disk] : []));

/** `answer`: undefined: the VDI that the disk has then. */
const move = (vm: Found<'vm'>, moves: readonly Move[], answer: string | undefined, work: Work): Ending => {
  const change: VmChange = {
    disks: {
      change: moves.map(({ slot, to, volumeName }) => ({ slot, to: {}, moveTo: { storage: to.id, volumeName } })),
    },
  };
  const disks: Moved['disks'] = moves.map(({ slot, kept }) => ({ slot: slotText(slot), kept }));
  const args: Moved = { vm: vm.id, disks, ...(answer !== undefined && { answer }) };
  return last(work, 'vm.change', vm.id, { change }, { name: 'moved', args: { ...args } });
};

interface Moved {
  readonly vm: HubId;
  readonly disks: readonly { readonly slot: string; readonly kept: Given }[];
  readonly answer?: string;
}

/** Labels and what else clients gave an image go with what is on it. */
function* moved(work: Work, outcome: Outcome): Brokered<string> {
  made(outcome);
  const { vm, disks, answer } = work.args as unknown as Moved;
  const entry = work.context.store.entry(vm);
  const [now] = yield* documents('vm', entry === undefined ? [] : [entry], work);
  const vdis = disks.map(({ slot, kept }) => {
    const disk = now?.doc.disks.find((one) => slotText(one.slot) === slot);
    const vdi = disk === undefined ? NULL_REF : vdiRefOf(disk, work.context);
    if (vdi !== NULL_REF) writeGiven(vdi, kept, work);
    return vdi;
  });
  return answer ?? vdis[0] ?? NULL_REF;
}

/** What is asked before a machine is sent, in the order of the API's own server. */
function* planned(work: Work): Brokered<{ readonly vm: Found<'vm'>; readonly moves: readonly Move[] }> {
  const vm = yield* machineOf('migrate_send', work);
  const dest = mapArg(work, 'dest')['host'] ?? '';
  // Another pool's host is none of ours, and only a XenServer could be spoken to as its own kind do.
  if (parseRef(dest, work.context.front)?.cls !== 'host')
    notSupported('dest', dest, 'machines are sent to no other host');
  yield* hostOf(dest, work);
  if (mapArg(work, 'options')['copy'] === 'true')
    refuse(
      'OPERATION_NOT_ALLOWED',
      'Copy mode is disallowed on intra pool storage migration, try efficient alternatives, for example, VM.copy/clone.',
    );
  const map = mapArg(work, 'vdi_map');
  const moves: Move[] = [];
  for (const disk of disksOf(vm)) {
    const vdi = vdiRefOf(disk, work.context);
    // What lies outside every storage has no VDI that a map could name.
    if (vdi === NULL_REF) continue;
    const one = yield* moveOf(disk, map[vdi] ?? refuse('VDI_NOT_IN_MAP', vdi), work);
    if (one) moves.push(one);
  }
  if (Object.keys(mapArg(work, 'vif_map')).length > 0)
    refuse(
      'OPERATION_NOT_ALLOWED',
      'VIF mapping is not allowed for intra-pool migration -all VIFs must be on the same network',
    );
  return { vm, moves };
}

function* assertCanMigrate(work: Work): Brokered<Ending> {
  yield* planned(work);
  return ended();
}

function* migrateSend(work: Work): Brokered<Ending> {
  const { vm, moves } = yield* planned(work);
  return moves.length === 0 ? ended(vm.ref) : move(vm, moves, vm.ref, work);
}

function* vdiPoolMigrate(work: Work): Brokered<Ending> {
  const volume = yield* volumeOf(work.self, work);
  const [user] = yield* usersOf(volume, work);
  if (user === undefined) return refuse('VDI_NEEDS_VM_FOR_MIGRATE', volume.ref);
  const target = yield* xenVmOf(refOf(xenId('VM', user.id), work.context.front), work);
  checkOperation('migrate_send', target, work);
  const vm = onlyMachine(target);
  const disk = disksOf(vm).find(({ medium }) => medium.volume === volume.id);
  const one = disk === undefined ? refuse('VBD_MISSING') : yield* moveOf(disk, textArg(work, 'sr'), work);
  return one === undefined ? ended(volume.ref) : move(vm, [one], undefined, work);
}

export const MIGRATION_FOLLOWERS: Readonly<Record<string, Follower>> = { moved };

export const MIGRATION: Readonly<Record<string, Answer>> = {
  'VM.pool_migrate': poolMigrate,
  'VM.assert_can_migrate': assertCanMigrate,
  'VM.migrate_send': migrateSend,
  'VDI.pool_migrate': vdiPoolMigrate,
};
