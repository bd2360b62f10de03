/** Snapshots of simulated VMs: the definition and the content of its volumes, kept and brought back. */
import type { Snapshot, Vm } from '../../generic/model.ts';
import { inState, vmEvent, withVm } from './power.ts';
import {
  type Args,
  drop,
  flag,
  gone,
  isName,
  type Pages,
  type Procedure,
  put,
  refuse,
  type SimState,
  type Step,
  text,
  textOr,
  took,
  type VmRecord,
  volumeNative,
} from './state.ts';

const SNAPSHOTS_MAX = 256;

const onVm =
  (act: (state: SimState, record: VmRecord, args: Args, nowMs: number) => Step): Procedure =>
  (state, args, nowMs) => {
    const native = text(args, 'vm');
    const record = state.vms.get(native);
    return record ? act(state, record, args, nowMs) : gone(state, 'vm', native);
  };

const onSnapshot = (
  act: (state: SimState, record: VmRecord, snapshot: Snapshot, args: Args, nowMs: number) => Step,
): Procedure =>
  onVm((state, record, args, nowMs) => {
    const wanted = text(args, 'snapshot');
    const snapshot = record.doc.snapshots.find(({ native }) => native === wanted);
    return snapshot ? act(state, record, snapshot, args, nowMs) : gone(state, 'snapshot', wanted);
  });

const volumesOf = (doc: Vm): string[] =>
  doc.disks.flatMap(({ medium }) =>
    medium.storageName !== '' && medium.volumeName !== undefined
      ? [volumeNative(medium.storageName, medium.volumeName)]
      : [],
  );

const create = onVm((state, record, args, nowMs) => {
  const { doc } = record;
  const [native, name] = [text(args, 'snapshot'), text(args, 'name')];
  if (!isName(name)) return refuse(state, 'invalid-name', { name }, `"${name}" is no name for a snapshot.`);
  if (doc.snapshots.length >= SNAPSHOTS_MAX)
    return refuse(state, 'too-many', { limit: SNAPSHOTS_MAX }, 'The VM has no room for more snapshots.');
  if (record.saved.has(native))
    return refuse(state, 'already-exists', { name: native }, `The snapshot "${native}" already exists.`);
  const parent = doc.snapshots.find(({ current }) => current)?.native;
  const up = doc.powerState === 'running' || doc.powerState === 'paused';
  const snapshot: Snapshot = {
    native,
    name,
    description: text(args, 'description'),
    createdMs: nowMs,
    powerState: doc.powerState,
    hasMemory: up && flag(args, 'memory'),
    quiesced: up && flag(args, 'quiesce'),
    ...(parent === undefined ? {} : { parent }),
    current: true,
  };
  const contents = new Map<string, Pages>();
  for (const volume of volumesOf(doc)) contents.set(volume, state.volumes.get(volume)?.pages ?? new Map());
  const snapshots = [...doc.snapshots.map((one) => ({ ...one, current: false })), snapshot];
  const next = { ...record, doc: { ...doc, snapshots }, saved: put(record.saved, native, { doc, contents }) };
  return took(withVm(state, next), [vmEvent(record.native, 'snapshot.created')], { snapshot: native });
});

const revert = onSnapshot((state, record, snapshot, args, nowMs) => {
  const saved = record.saved.get(snapshot.native);
  if (!saved) return gone(state, 'snapshot', snapshot.native);
  for (const native of volumesOf(saved.doc)) {
    if (!state.volumes.has(native))
      return refuse(state, 'file-not-found', { path: native }, `The volume "${native}" was not found.`);
  }
  // What names the VM and says how it is kept is not the past's business.
  const { name, nativeName, autostart, template } = record.doc;
  const snapshots = record.doc.snapshots.map((one) => ({ ...one, current: one.native === snapshot.native }));
  const back: Vm = { ...saved.doc, name, nativeName, autostart, template, snapshots, modifiedMs: nowMs };
  const asItWas = snapshot.hasMemory
    ? snapshot.powerState
    : saved.doc.powerState === 'suspended'
      ? 'suspended'
      : 'stopped';
  const powerState = args['start'] === true && asItWas !== 'paused' ? 'running' : asItWas;
  const volumes = new Map(state.volumes);
  for (const [native, pages] of saved.contents) {
    const volume = volumes.get(native);
    if (volume) volumes.set(native, { ...volume, pages });
  }
  // Volumes that grew since stay as large as they are.
  const disks = back.disks.map((disk) => {
    const volume = volumes.get(volumeNative(disk.medium.storageName, disk.medium.volumeName ?? ''));
    return volume ? { ...disk, capacityBytes: volume.doc.capacityBytes } : disk;
  });
  const due = state.due.has(record.native) ? drop(state.due, record.native) : state.due;
  const doc = inState({ ...back, disks, powerState: 'stopped' }, powerState, nowMs);
  return took({ ...withVm(state, { ...record, doc }), volumes, due }, [vmEvent(record.native, 'snapshot.reverted')]);
});

const below = (snapshots: readonly Snapshot[], native: string): ReadonlySet<string> => {
  const out = new Set([native]);
  // A child is made after its parent, so one walk in order finds all.
  for (const one of snapshots) if (one.parent !== undefined && out.has(one.parent)) out.add(one.native);
  return out;
};

const without = (state: SimState, record: VmRecord, removed: ReadonlySet<string>): Step => {
  const parentOf = new Map(record.doc.snapshots.map(({ native, parent }) => [native, parent]));
  const survivor = (native: string | undefined): string | undefined => {
    let at = native;
    while (at !== undefined && removed.has(at)) at = parentOf.get(at);
    return at;
  };
  const current = survivor(record.doc.snapshots.find((one) => one.current)?.native);
  const snapshots = record.doc.snapshots.flatMap((one) => {
    if (removed.has(one.native)) return [];
    const { parent, ...rest } = one;
    const up = survivor(parent);
    return [{ ...rest, ...(up === undefined ? {} : { parent: up }), current: one.native === current }];
  });
  const saved = new Map(record.saved);
  for (const native of removed) saved.delete(native);
  return took(withVm(state, { ...record, doc: { ...record.doc, snapshots }, saved }), [
    vmEvent(record.native, 'snapshot.deleted'),
  ]);
};

const remove = onSnapshot((state, record, { native }, args) =>
  without(state, record, flag(args, 'children') ? below(record.doc.snapshots, native) : new Set([native])),
);

const removeAll = onVm((state, record) =>
  without(state, record, new Set(record.doc.snapshots.map(({ native }) => native))),
);

const rename = onSnapshot((state, record, snapshot, args) => {
  const name = textOr(args, 'name', snapshot.name);
  if (!isName(name)) return refuse(state, 'invalid-name', { name }, `"${name}" is no name for a snapshot.`);
  const description = textOr(args, 'description', snapshot.description);
  const snapshots = record.doc.snapshots.map((one) =>
    one.native === snapshot.native ? { ...one, name, description } : one,
  );
  return took(withVm(state, { ...record, doc: { ...record.doc, snapshots } }), [vmEvent(record.native, 'vm.changed')]);
});

export const SNAPSHOTS = {
  'SNAPSHOT.create': create,
  'SNAPSHOT.revert': revert,
  'SNAPSHOT.delete': remove,
  'SNAPSHOT.deleteAll': removeAll,
  'SNAPSHOT.rename': rename,
} satisfies Record<string, Procedure>;
