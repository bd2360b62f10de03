/** snapshot.* in, their plans out. Snapshots are libvirt's internal ones: with the memory of a running VM, and revertible on every version. */
import type { NativeRef } from '../../generic/ids.ts';
import type { Snapshot } from '../../generic/model.ts';
import type { Plan, Step } from '../../generic/plan.ts';
import { call, type Found, type Planning, paramsOf, probe, refuse, step, targetVm } from '../../generic/planning.ts';
import { escapeText } from '../../wire/xml.ts';
import { formatForCall, formatMetadata, ownElement, readMetadata } from '../metadata.ts';
import { child, parseSpans, path, splice, textOf } from '../spans.ts';
import { digest, isActive, isPersistent } from './planning.ts';
import { AFFECT, dom, metadataStep } from './steps.ts';

/** virDomainSnapshotCreateFlags, virDomainSnapshotRevertFlags, virDomainSnapshotDeleteFlags */
const CREATE = { redefine: 1, current: 2 } as const;
const REVERT = { running: 1, force: 4 } as const;
const DELETE = { children: 1 } as const;

const planOf = (vm: Found<'vm'>, steps: readonly Step[], planning: Planning, makes?: NativeRef): Plan => ({
  host: planning.command.host,
  queue: vm.native.native,
  steps,
  touches: [{ kind: 'vm', native: vm.native.native }, ...volumesOf(vm, planning)],
  ...(makes ? { makes } : {}),
});

/** A snapshot lies inside the volumes: their sizes change with it. */
const volumesOf = (vm: Found<'vm'>, { context }: Planning): NativeRef[] =>
  context.store.edges(vm.id, 'volume').flatMap((id) => {
    const entry = context.store.entry(id);
    return entry ? [{ kind: 'volume', native: entry.native }] : [];
  });

const snapshotOf = (vm: Found<'vm'>, native: string): Snapshot =>
  vm.doc.snapshots.find((one) => one.native === native) ??
  refuse('object-not-found', { type: 'snapshot', id: native }, `There is no snapshot '${native}'.`);

const snap = (uuid: string, name: string) => ({ name, dom: dom(uuid) });

/** libvirt's name of a snapshot: unique in the VM, no slash and no leading dot (QEMU driver, libvirt 9.0). */
const freeSnapshotName = (name: string, vm: Found<'vm'>): string => {
  const slug = name.trim().replaceAll('/', '-').replace(/^\.+/, '_') || 'snapshot';
  let free = slug;
  for (let n = 2; vm.doc.snapshots.some(({ native }) => native === free); n++) free = `${slug}-${n}`;
  return free;
};

/**
 * libvirt takes no internal snapshot of a running VM without its memory, and reverts to no external one before 9.9: the memory is always
 * in it. A mark in the domain, which libvirt keeps inside the snapshot, says that a revert shall end with the VM off; it also keeps a name
 * that libvirt does not take.
 */
const markStep = (vm: Found<'vm'>, native: string, name: string, memory: boolean): Step[] => {
  const text = vm.native.parts['live'] ?? vm.native.parts['domain'] ?? '';
  const old = readMetadata(text, parseSpans(text));
  const { snapshot: _, ...rest } = old;
  if (native === name && memory) return [];
  const flags = (isActive(vm) ? AFFECT.live : 0) | (isPersistent(vm) ? AFFECT.config : 0);
  return [
    metadataStep(
      vm.native.native,
      'element',
      formatForCall({ ...rest, snapshot: { native, name, memory } }),
      formatForCall(old),
      flags,
    ),
  ];
};

const freezeSteps = (uuid: string): { before: Step; after: Step } => {
  const thaw = call('DOMAIN_FSTHAW', { dom: dom(uuid), mountpoints: [], flags: 0 });
  return {
    before: step(
      'freeze',
      'compensatable',
      call('DOMAIN_FSFREEZE', { dom: dom(uuid), mountpoints: [], flags: 0 }),
      probe('always', {}),
      { undo: thaw },
    ),
    after: step('thaw', 'forward-only', thaw, probe('always', {})),
  };
};

export const planSnapshot = async (planning: Planning): Promise<Plan> => {
  const { name, description, memory, quiesce } = paramsOf(planning, 'snapshot.create');
  const vm = targetVm(planning);
  const uuid = vm.native.native;
  const active = isActive(vm);
  const native = freeSnapshotName(name, vm);
  const xml = `<domainsnapshot><name>${escapeText(native)}</name><description>${escapeText(description)}</description></domainsnapshot>`;
  const freeze = quiesce && !memory && active && vm.doc.guest.toolsRunning ? freezeSteps(uuid) : undefined;
  const steps: Step[] = [
    ...markStep(vm, native, name, memory || !active),
    ...(freeze ? [freeze.before] : []),
    step(
      'snapshot',
      'pivot',
      call('DOMAIN_SNAPSHOT_CREATE_XML', { dom: dom(uuid), xml_desc: xml, flags: 0 }),
      probe('snapshot-exists', { uuid, name: native }),
    ),
    ...(freeze ? [freeze.after] : []),
  ];
  return planOf(vm, steps, planning, { kind: 'snapshot', native });
};

export const planRevert = async (planning: Planning): Promise<Plan> => {
  const { snapshot: native, start } = paramsOf(planning, 'snapshot.revert');
  const vm = targetVm(planning);
  const uuid = vm.native.native;
  const snapshot = snapshotOf(vm, native);
  const comesUp = snapshot.powerState === 'running' || snapshot.powerState === 'paused';
  const flags = REVERT.force | (start === true && !comesUp ? REVERT.running : 0);
  const steps: Step[] = [
    step(
      'revert',
      'pivot',
      call('DOMAIN_REVERT_TO_SNAPSHOT', { snap: snap(uuid, native), flags }),
      probe('snapshot-current', { uuid, name: native }),
    ),
  ];
  if (comesUp && (start === false || (start === undefined && !snapshot.hasMemory)))
    steps.push(
      step(
        'power off',
        'forward-only',
        call('DOMAIN_DESTROY_FLAGS', { dom: dom(uuid), flags: 0 }),
        probe('domain-inactive', { uuid }),
      ),
    );
  // The saved state belongs to what the disks were before.
  if (vm.native.facts['managedSave'] === true)
    steps.push(
      step(
        'drop saved state',
        'forward-only',
        call('DOMAIN_MANAGED_SAVE_REMOVE', { dom: dom(uuid), flags: 0 }),
        probe('saved-state-absent', { uuid }),
      ),
    );
  // A VM keeps its name through a revert; the definition inside the snapshot may have an older one.
  const text = vm.native.parts[`snapshot:${native}`] ?? '';
  const inside = text === '' ? undefined : textOf(text, path(parseSpans(text), 'domain', 'title'));
  const title = vm.doc.name === vm.doc.nativeName ? '' : vm.doc.name;
  if (inside !== undefined && inside !== title && isPersistent(vm)) {
    const stays = steps.length === 1 && (comesUp || start === true);
    const { undo: _, ...set } = metadataStep(uuid, 'title', title, null, AFFECT.config | (stays ? AFFECT.live : 0));
    steps.push({ ...set, kind: 'forward-only' });
  }
  return planOf(vm, steps, planning);
};

const deleteStep = (uuid: string, native: string, flags: number, kind: Step['kind']): Step =>
  step(
    `delete snapshot ${native}`,
    kind,
    call('DOMAIN_SNAPSHOT_DELETE', { snap: snap(uuid, native), flags }),
    probe('snapshot-absent', { uuid, name: native }),
  );

export const planSnapshotDelete = async (planning: Planning): Promise<Plan> => {
  const { snapshot: native, children } = paramsOf(planning, 'snapshot.delete');
  const vm = targetVm(planning);
  snapshotOf(vm, native);
  return planOf(vm, [deleteStep(vm.native.native, native, children ? DELETE.children : 0, 'pivot')], planning);
};

export const planSnapshotDeleteAll = async (planning: Planning): Promise<Plan> => {
  const vm = targetVm(planning);
  const { snapshots } = vm.doc;
  const roots = snapshots.filter(
    ({ parent }) => parent === undefined || !snapshots.some(({ native }) => native === parent),
  );
  if (roots.length === 0) refuse('not-found', {}, `${vm.doc.name} has no snapshots.`);
  return planOf(
    vm,
    roots.map(({ native }, at) =>
      deleteStep(vm.native.native, native, DELETE.children, at === 0 ? 'pivot' : 'forward-only'),
    ),
    planning,
  );
};

/** The same snapshot told anew: description in its own place, a name that libvirt does not have as our mark. */
const renamed = (text: string, native: string, name: string, description: string): string => {
  const root = parseSpans(text);
  const edits: { from: number; to: number; put: string }[] = [];
  const old = child(root, 'description');
  const put = description === '' ? '' : `<description>${escapeText(description)}</description>`;
  edits.push(old ? { from: old.start, to: old.end, put } : { from: root.openEnd, to: root.openEnd, put });
  const domain = child(root, 'domain');
  if (domain) {
    const { snapshot: mark, ...own } = readMetadata(text, domain);
    const memory = mark?.native === native ? mark.memory : true;
    const metadata = formatMetadata({
      ...own,
      ...(name === native && memory ? {} : { snapshot: { native, name, memory } }),
    });
    const mine = ownElement(text, domain);
    const holder = child(domain, 'metadata');
    if (mine) edits.push({ from: mine.start, to: mine.end, put: metadata });
    else if (metadata !== '') {
      const at = holder && holder.closeStart < holder.end ? holder.openEnd : domain.openEnd;
      edits.push(
        holder && holder.closeStart === holder.end
          ? { from: holder.start, to: holder.end, put: `<metadata>${metadata}</metadata>` }
          : { from: at, to: at, put: holder ? metadata : `<metadata>${metadata}</metadata>` },
      );
    }
  }
  return splice(text, edits);
};

export const planSnapshotRename = async (planning: Planning): Promise<Plan> => {
  const { snapshot: native, name, description } = paramsOf(planning, 'snapshot.rename');
  const vm = targetVm(planning);
  const snapshot = snapshotOf(vm, native);
  const text = vm.native.parts[`snapshot:${native}`];
  if (text === undefined) throw new Error(`${vm.id} lists the snapshot ${native} without its document`);
  const xml = renamed(text, native, name ?? snapshot.name, description ?? snapshot.description);
  const uuid = vm.native.native;
  const flags = CREATE.redefine | (snapshot.current ? CREATE.current : 0);
  return planOf(
    vm,
    [
      step(
        'redefine snapshot',
        'pivot',
        call('DOMAIN_SNAPSHOT_CREATE_XML', { dom: dom(uuid), xml_desc: xml, flags }),
        probe('snapshot-differs', { uuid, name: native, sha256: digest(text) }),
      ),
    ],
    planning,
  );
};
