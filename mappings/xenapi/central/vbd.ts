/** VBD.create, destroy, plug, unplug and their settings in, changes of the VM's drives out; what cannot be on the host yet is kept until it can. */
import type { VmChange } from '../../generic/commands.ts';
import type { Fault, Outcome } from '../../generic/faults.ts';
import type { Brokered } from '../../generic/platform.ts';
import { NULL_REF } from '../ids.ts';
import { badPowerState, type XenPowerState } from '../lifecycle.ts';
import { putOwnObject, removeOwnObject } from '../own-data.ts';
import { MOST_USERDEVICE, slotOfDrive } from '../seats.ts';
import { xenPowerState } from '../states.ts';
import type { Default } from '../types.ts';
import { attributeMap, attributeText, keptText } from '../vm-attributes.ts';
import { driveOf, type FoundDrive, forgottenDrive, takenUserdevices, uuidOfRef, vbdRef, vdiRefOf } from './devices.ts';
import { type Follower, made } from './follow-ups.ts';
import { detach, keepPending, plannedDrive } from './pending-devices.ts';
import { notSupported, Refusal, refuse } from './refusal.ts';
import { type Found, isUp, onlyMachine, volumeOf, xenVmOf } from './targets.ts';
import { type Answer, type Ending, ended, flagArg, last, mapArg, recordArg, run, textArg, type Work } from './work.ts';

type Fields = Record<string, Default>;

const userdeviceFor = (wanted: string, vm: Found<'vm'>, work: Work): number => {
  const taken = takenUserdevices(vm, work.context);
  if (wanted === 'autodetect' || wanted === '') {
    for (let place = 0; place <= MOST_USERDEVICE; place++) if (!taken.has(place)) return place;
    return refuse('INVALID_DEVICE', wanted);
  }
  const place = /^\d{1,3}$/.test(wanted) ? Number(wanted) : Number.NaN;
  if (!(place <= MOST_USERDEVICE)) return refuse('INVALID_DEVICE', wanted);
  return taken.has(place) ? refuse('DEVICE_ALREADY_EXISTS', wanted) : place;
};

function* makeVbd(work: Work): Brokered<Ending> {
  const record = recordArg(work);
  const vm = onlyMachine(yield* xenVmOf(textArg(record, 'VM'), work));
  const type = textArg(record, 'type') || 'Disk';
  const mode = textArg(record, 'mode') || (type === 'CD' ? 'RO' : 'RW');
  const vdi = textArg(record, 'VDI') || NULL_REF;
  const empty = flagArg(record, 'empty') || (type === 'CD' && vdi === NULL_REF);
  if (type === 'Floppy') notSupported('type', type, 'floppy drives cannot be made');
  if (type === 'CD' && mode !== 'RO') refuse('VBD_CDS_MUST_BE_READONLY');
  if (type === 'Disk' && empty) refuse('INVALID_VALUE', 'empty', 'true');
  if (!empty) yield* volumeOf(vdi, work);
  const userdevice = userdeviceFor(textArg(record, 'userdevice'), vm, work);
  const ref = vbdRef(vm, userdevice, work.context);
  const fields: Fields = {
    uuid: uuidOfRef('VBD', ref, work),
    VM: vm.ref,
    VDI: empty ? NULL_REF : vdi,
    userdevice: String(userdevice),
    device: '',
    type,
    mode,
    empty,
    bootable: flagArg(record, 'bootable'),
    unpluggable: record.args['unpluggable'] === undefined ? type === 'Disk' : flagArg(record, 'unpluggable'),
    other_config: mapArg(record, 'other_config'),
    qos_algorithm_type: textArg(record, 'qos_algorithm_type'),
    qos_algorithm_params: mapArg(record, 'qos_algorithm_params'),
    currently_attached: false,
    allowed_operations: ['attach', 'plug'],
  };
  if (vm.doc.powerState !== 'stopped') keepPending(ref, fields, work);
  else yield* addDrive(vm, fields, work);
  return ended(ref);
}

/** Two who let a place be found at once find the same one: the later looks again. */
const MOST_LOOKS = 8;

function* createVbd(work: Work): Brokered<Ending> {
  const wanted = textArg(recordArg(work), 'userdevice');
  for (let looks = 1; ; looks++) {
    try {
      return yield* makeVbd(work);
    } catch (error) {
      const isLost = error instanceof Refusal && error.fault.native?.code === 'DEVICE_ALREADY_EXISTS';
      if (!isLost || looks === MOST_LOOKS || (wanted !== '' && wanted !== 'autodetect')) throw error;
    }
  }
}

/** Somebody else took the place since we looked. */
const isTaken = ({ kind, members }: Fault): boolean =>
  kind === 'invalid-device' && (members as { property?: string }).property === 'slot';

function* addition(vm: Found<'vm'>, fields: Fields, work: Work): Brokered<VmChange> {
  const { disk, cdrom, attributes } = yield* plannedDrive(vm.doc, fields, work);
  return {
    ...(disk ? { disks: { add: [disk] } } : {}),
    ...(cdrom ? { cdroms: { add: [cdrom] } } : {}),
    ...(attributes.length > 0 ? { attributes } : {}),
  };
}

function* addDrive(vm: Found<'vm'>, fields: Fields, work: Work): Brokered<void> {
  const change = yield* addition(vm, fields, work);
  try {
    yield* run(work, 'vm.change', vm.id, { change });
  } catch (error) {
    if (error instanceof Refusal && isTaken(error.fault)) refuse('DEVICE_ALREADY_EXISTS', String(fields['userdevice']));
    throw error;
  }
}

const needs = ({ ref, doc }: Found<'vm'>, ...states: XenPowerState[]): void => {
  const state = xenPowerState(doc.powerState);
  if (!states.includes(state)) refuse(...badPowerState(ref, states, state));
};

/** The change that takes a drive from its VM, with all that is kept for it. */
const removal = ({ vm, drive }: FoundDrive): VmChange => {
  if (!drive) return {};
  const slot = slotOfDrive(drive);
  const attributes = forgottenDrive(vm.doc, drive);
  return {
    ...(drive.type === 'Disk'
      ? { disks: { remove: [{ slot, deleteVolume: false }] } }
      : { cdroms: { remove: [slot] } }),
    ...(attributes.length > 0 ? { attributes } : {}),
  };
};

function* destroyVbd(work: Work): Brokered<Ending> {
  const found = yield* driveOf(work);
  if (!found.drive) {
    removeOwnObject(work.context, found.ref);
    return ended();
  }
  if (isUp(found.vm))
    return refuse(
      'OPERATION_NOT_ALLOWED',
      `VBD '${uuidOfRef('VBD', found.ref, work)}' still attached to '${found.vm.doc.uuid}'`,
    );
  needs(found.vm, 'Halted');
  return last(work, 'vm.change', found.vm.id, { change: removal(found) });
}

const typeOf = ({ drive, pending }: FoundDrive): string => drive?.type ?? String(pending?.fields['type'] ?? 'Disk');

const refuseCd = (found: FoundDrive): void => {
  if (typeOf(found) === 'CD')
    refuse('OPERATION_NOT_ALLOWED', 'HVM CDROMs cannot be hotplugged/unplugged, only inserted or ejected');
};

function* plugVbd(work: Work): Brokered<Ending> {
  const found = yield* driveOf(work);
  needs(found.vm, 'Running');
  if (!found.pending) return refuse('DEVICE_ALREADY_ATTACHED', found.ref);
  refuseCd(found);
  const fields = found.pending.fields as Fields;
  const change = yield* addition(found.vm, fields, work);
  const args = { userdevice: String(fields['userdevice']) };
  return last(work, 'vm.change', found.vm.id, { change }, { name: 'VBD.plugged', args });
}

// biome-ignore lint/correctness/useYield: a follow-up like the others
function* plugged(work: Work, outcome: Outcome): Brokered<void> {
  if (!outcome.ok && isTaken(outcome.fault)) refuse('DEVICE_ALREADY_EXISTS', textArg(work, 'userdevice'));
  made(outcome);
  removeOwnObject(work.context, work.self);
}

export const VBD_FOLLOWERS: Readonly<Record<string, Follower>> = { 'VBD.plugged': plugged };

function* unplugVbd(work: Work): Brokered<Ending> {
  const found = yield* driveOf(work);
  const { vm, drive, userdevice, ref } = found;
  needs(vm, 'Running');
  if (!drive) return refuse('DEVICE_ALREADY_DETACHED', ref);
  refuseCd(found);
  if (drive.type !== 'Disk') return ended();
  if (kept(found, 'unpluggable') === 'false') refuse('VBD_NOT_UNPLUGGABLE', ref);
  const vdi = vdiRefOf(drive.disk, work.context);
  if (vdi === NULL_REF)
    refuse('OPERATION_NOT_ALLOWED', 'The disk lies outside every storage: it could not be plugged in again');
  const bootable = kept(found, 'bootable');
  const fields: Fields = {
    uuid: uuidOfRef('VBD', ref, work),
    VM: vm.ref,
    VDI: vdi,
    userdevice: String(userdevice),
    device: '',
    type: 'Disk',
    mode: drive.disk.readOnly ? 'RO' : 'RW',
    empty: false,
    bootable: bootable === undefined ? userdevice === 0 : bootable === 'true',
    unpluggable: true,
    other_config: { ...attributeMap(vm.doc, `VBD.${userdevice}.other_config`) },
    qos_algorithm_type: '',
    qos_algorithm_params: {},
    currently_attached: false,
    allowed_operations: ['attach', 'plug'],
  };
  return detach(vm, removal(found), 'VBD', fields, work);
}

/** A field of a drive that its VM's host keeps. */
const kept = ({ vm, userdevice }: FoundDrive, field: string): string | undefined =>
  attributeText(vm.doc, `VBD.${userdevice}.${field}`);

const setFlag = (field: 'bootable' | 'unpluggable'): Answer =>
  function* (work: Work): Brokered<Ending> {
    const found = yield* driveOf(work);
    const value = flagArg(work, 'value');
    if (found.pending) {
      putOwnObject(work.context, found.ref, { [field]: value });
      return ended();
    }
    const attributes = [keptText(`VBD.${found.userdevice}.${field}`, String(value))];
    return last(work, 'vm.change', found.vm.id, { change: { attributes } });
  };

function* setMode(work: Work): Brokered<Ending> {
  const found = yield* driveOf(work);
  const mode = textArg(work, 'value');
  if (typeOf(found) === 'CD') return mode === 'RO' ? ended() : refuse('VBD_CDS_MUST_BE_READONLY');
  if (found.pending) {
    putOwnObject(work.context, found.ref, { mode });
    return ended();
  }
  needs(found.vm, 'Halted');
  const { drive } = found;
  if (drive?.type !== 'Disk') return ended();
  const change: VmChange = { disks: { change: [{ slot: drive.disk.slot, to: { readOnly: mode === 'RO' } }] } };
  return last(work, 'vm.change', found.vm.id, { change });
}

/** A VBD is known by its place: it keeps it for life. */
function* setUserdevice(work: Work): Brokered<Ending> {
  const { userdevice } = yield* driveOf(work);
  const value = textArg(work, 'value');
  if (value !== String(userdevice))
    notSupported('userdevice', value, 'a VBD keeps its place: destroy it and create another');
  return ended();
}

function* assertAttachable(work: Work): Brokered<Ending> {
  const { vm, drive, ref } = yield* driveOf(work);
  if (drive && isUp(vm)) return refuse('DEVICE_ALREADY_ATTACHED', ref);
  return ended();
}

export const VBD: Readonly<Record<string, Answer>> = {
  'VBD.create': createVbd,
  'VBD.destroy': destroyVbd,
  'VBD.plug': plugVbd,
  'VBD.unplug': unplugVbd,
  'VBD.unplug_force': unplugVbd,
  'VBD.set_bootable': setFlag('bootable'),
  'VBD.set_unpluggable': setFlag('unpluggable'),
  'VBD.set_mode': setMode,
  'VBD.set_userdevice': setUserdevice,
  'VBD.assert_attachable': assertAttachable,
};
