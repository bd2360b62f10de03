/** VBD.insert and VBD.eject in, the medium of a CD-ROM drive out. */
import type { VmChange } from '../../generic/commands.ts';
import type { Medium } from '../../generic/model.ts';
import type { Brokered } from '../../generic/platform.ts';
import { NULL_REF } from '../ids.ts';
import { badPowerState } from '../lifecycle.ts';
import { putOwnObject } from '../own-data.ts';
import { driveOf, type FoundDrive, mediumOf } from './devices.ts';
import { refuse } from './refusal.ts';
import { volumeOf } from './targets.ts';
import { type Answer, type Ending, ended, last, textArg, type Work } from './work.ts';

const isEmpty = ({ drive, pending }: FoundDrive): boolean =>
  drive ? drive.type === 'CD' && drive.cdrom.medium === undefined : pending?.fields['empty'] === true;

function* cdOf(work: Work): Brokered<FoundDrive> {
  const found = yield* driveOf(work);
  const { vm, ref, drive, pending } = found;
  if ((drive?.type ?? pending?.fields['type']) !== 'CD') return refuse('VBD_NOT_REMOVABLE_MEDIA', ref);
  if (vm.doc.powerState === 'suspended') refuse(...badPowerState(vm.ref, ['Halted', 'Running', 'Paused'], 'Suspended'));
  return found;
}

const changed = (found: FoundDrive, medium: Medium | undefined, work: Work): Ending => {
  const { drive, vm } = found;
  if (drive?.type !== 'CD') return ended();
  const { slot } = drive.cdrom;
  const change: VmChange = { cdroms: { change: [medium === undefined ? { slot } : { slot, medium }] } };
  return last(work, 'vm.change', vm.id, { change });
};

function* insert(work: Work): Brokered<Ending> {
  const found = yield* cdOf(work);
  const vdi = textArg(work, 'vdi');
  const volume = yield* volumeOf(vdi, work);
  if (!isEmpty(found)) return refuse('VBD_NOT_EMPTY', found.ref);
  if (found.pending) {
    putOwnObject(work.context, found.ref, { VDI: vdi, empty: false });
    return ended();
  }
  return changed(found, mediumOf(volume), work);
}

function* eject(work: Work): Brokered<Ending> {
  const found = yield* cdOf(work);
  if (isEmpty(found)) return refuse('VBD_IS_EMPTY', found.ref);
  if (found.pending) {
    putOwnObject(work.context, found.ref, { VDI: NULL_REF, empty: true });
    return ended();
  }
  return changed(found, undefined, work);
}

export const VBD_MEDIA: Readonly<Record<string, Answer>> = { 'VBD.insert': insert, 'VBD.eject': eject };
