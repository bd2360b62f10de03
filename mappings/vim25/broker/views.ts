/** Container, list and inventory views: records in the session's locals; their members follow the inventory. */
import type { Call, Reply } from '../../generic/call.ts';
import { fault } from '../../generic/faults.ts';
import { FURNITURE as F, refKey, sameRef } from '../ids.ts';
import { isSubtype, managedObject } from '../types.ts';
import { type MoRef, moRef } from '../values.ts';
import { childrenOf, exists, furnish } from './registry.ts';
import { refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { invalidArgument, objectNotFound } from './select.ts';
import { newMoid } from './tokens.ts';

type ViewRecord =
  | {
      readonly kind: 'ContainerView';
      readonly id: string;
      readonly container: MoRef;
      readonly type: readonly string[];
      readonly recursive: boolean;
    }
  | { readonly kind: 'ListView'; readonly id: string; readonly items: readonly MoRef[] }
  | { readonly kind: 'InventoryView'; readonly id: string; readonly root: MoRef; readonly open: readonly MoRef[] };

const CONTAINERS = ['Folder', 'Datacenter', 'ComputeResource', 'ResourcePool', 'HostSystem'];

const viewKey = (id: string): string => `view/${id}`;

const viewOf = ({ context }: Scope, type: string, id: string): ViewRecord | undefined => {
  const record = context.locals.get(viewKey(id)) as ViewRecord | undefined;
  return record?.kind === type ? record : undefined;
};

const put = (scope: Scope, record: ViewRecord): MoRef => {
  scope.context.locals.put(viewKey(record.id), record);
  scope.caches.viewRevision++;
  return moRef(record.kind, record.id);
};

/** What a container holds directly: of a pool and of a host, its VMs. */
const below = (scope: Scope, ref: MoRef): readonly MoRef[] =>
  ref.type === 'HostSystem'
    ? childrenOf(scope, F.rootPool).filter(({ type }) => type === 'VirtualMachine')
    : childrenOf(scope, ref);

const containerMembers = (
  scope: Scope,
  { container, type, recursive }: Extract<ViewRecord, { kind: 'ContainerView' }>,
): MoRef[] => {
  const wanted = new Map<string, boolean>();
  const isWanted = (name: string): boolean => {
    let answer = wanted.get(name);
    if (answer === undefined) {
      answer = type.length === 0 || type.some((base) => isSubtype(name, base));
      wanted.set(name, answer);
    }
    return answer;
  };
  const found = new Map<string, MoRef>();
  const walk = (ref: MoRef): void => {
    for (const child of below(scope, ref)) {
      if (isWanted(child.type)) found.set(refKey(child), child);
      // A host and its pool both hold the same VMs; one way down is enough.
      if (recursive && child.type !== 'VirtualMachine' && child.type !== 'HostSystem') walk(child);
    }
  };
  walk(container);
  return [...found.values()];
};

export function createContainerView(scope: Scope, call: Call): Reply {
  const container = call.args['container'] as MoRef;
  if (!exists(scope, container)) return refuse(objectNotFound(container));
  if (!CONTAINERS.some((base) => isSubtype(container.type, base))) return refuse(invalidArgument('container'));
  const type = (call.args['type'] as readonly string[] | undefined) ?? [];
  for (const name of type)
    if (!managedObject(name) || !isSubtype(name, 'ManagedEntity')) {
      // Clients name the root of all types as well as the entities.
      if (name !== 'ManagedObject' && name !== 'ExtensibleManagedObject') return refuse(invalidArgument('type'));
    }
  return value(
    put(scope, {
      kind: 'ContainerView',
      id: newMoid(scope),
      container,
      type,
      recursive: call.args['recursive'] === true,
    }),
  );
}

const refs = (list: unknown): readonly MoRef[] => (list as readonly MoRef[] | undefined) ?? [];

/** Each once; those that are not there apart. */
const sift = (scope: Scope, list: readonly MoRef[]): { present: MoRef[]; absent: MoRef[] } => {
  const present = new Map<string, MoRef>();
  const absent: MoRef[] = [];
  for (const ref of list) {
    if (exists(scope, ref)) present.set(refKey(ref), ref);
    else absent.push(ref);
  }
  return { present: [...present.values()], absent };
};

export function createListView(scope: Scope, call: Call): Reply {
  const { present, absent } = sift(scope, refs(call.args['obj']));
  const [gone] = absent;
  if (gone) return refuse(objectNotFound(gone));
  return value(put(scope, { kind: 'ListView', id: newMoid(scope), items: present }));
}

const membersOf = (scope: Scope, record: ViewRecord): readonly MoRef[] => {
  switch (record.kind) {
    case 'ContainerView':
      return containerMembers(scope, record);
    case 'ListView':
      return record.items;
    case 'InventoryView':
      return inventoryMembers(scope, record);
    default:
      return record satisfies never;
  }
};

export function createListViewFromView(scope: Scope, call: Call): Reply {
  const view = call.args['view'] as MoRef;
  const from = viewOf(scope, view.type, view.value);
  if (!from) return refuse(objectNotFound(view));
  return value(put(scope, { kind: 'ListView', id: newMoid(scope), items: membersOf(scope, from) }));
}

const listOf = (scope: Scope, call: Call): Extract<ViewRecord, { kind: 'ListView' }> | undefined => {
  const record = viewOf(scope, 'ListView', call.target.id);
  return record?.kind === 'ListView' ? record : undefined;
};

/** Returns the references that could not be resolved. */
export function modifyListView(scope: Scope, call: Call): Reply {
  const record = listOf(scope, call);
  if (!record) return refuse(objectNotFound({ type: 'ListView', value: call.target.id }));
  const removed = refs(call.args['remove']);
  const { present, absent } = sift(scope, refs(call.args['add']));
  const kept = record.items.filter(
    (item) => !removed.some((ref) => sameRef(ref, item)) && !present.some((ref) => sameRef(ref, item)),
  );
  const unknown = removed.filter((ref) => !record.items.some((item) => sameRef(item, ref)));
  put(scope, { ...record, items: [...kept, ...present] });
  return value([...unknown, ...absent]);
}

export function resetListView(scope: Scope, call: Call): Reply {
  const record = listOf(scope, call);
  if (!record) return refuse(objectNotFound({ type: 'ListView', value: call.target.id }));
  const { present, absent } = sift(scope, refs(call.args['obj']));
  put(scope, { ...record, items: present });
  return value(absent);
}

export function resetListViewFromView(scope: Scope, call: Call): Reply {
  const record = listOf(scope, call);
  const view = call.args['view'] as MoRef;
  const from = viewOf(scope, view.type, view.value);
  if (!record || !from) return refuse(objectNotFound(record ? view : { type: 'ListView', value: call.target.id }));
  put(scope, { ...record, items: membersOf(scope, from) });
  return value(undefined);
}

// ---- inventory views: a tree of which folders are opened one by one ----

const inventoryMembers = (
  scope: Scope,
  { root, open }: Extract<ViewRecord, { kind: 'InventoryView' }>,
): readonly MoRef[] => {
  const found = new Map([[refKey(root), root]]);
  for (const ref of open) {
    found.set(refKey(ref), ref);
    for (const child of childrenOf(scope, ref)) found.set(refKey(child), child);
  }
  return [...found.values()].filter((ref) => exists(scope, ref));
};

export function createInventoryView(scope: Scope): Reply {
  return value(put(scope, { kind: 'InventoryView', id: newMoid(scope), root: F.rootFolder, open: [F.rootFolder] }));
}

const turn = (
  scope: Scope,
  call: Call,
  change: (open: readonly MoRef[], entities: readonly MoRef[]) => readonly MoRef[],
) => {
  const record = viewOf(scope, 'InventoryView', call.target.id);
  if (record?.kind !== 'InventoryView') return refuse(objectNotFound({ type: 'InventoryView', value: call.target.id }));
  const { present, absent } = sift(scope, refs(call.args['entity']));
  put(scope, { ...record, open: change(record.open, present) });
  return value(absent);
};

export function openInventoryViewFolder(scope: Scope, call: Call): Reply {
  return turn(scope, call, (open, entities) => [
    ...open,
    ...entities.filter((ref) => !open.some((other) => sameRef(other, ref))),
  ]);
}

export function closeInventoryViewFolder(scope: Scope, call: Call): Reply {
  return turn(scope, call, (open, entities) => open.filter((ref) => !entities.some((other) => sameRef(other, ref))));
}

export function destroyView(scope: Scope, call: Call): Reply {
  if (!scope.context.locals.get(viewKey(call.target.id)))
    return refuse(fault('object-not-found', { type: call.target.type, id: call.target.id }, ''));
  scope.context.locals.delete(viewKey(call.target.id));
  scope.caches.viewRevision++;
  return value(undefined);
}

export const furnishViews = (): void => {
  furnish('ContainerView', (scope, { value: id }) => {
    const record = viewOf(scope, 'ContainerView', id);
    if (record?.kind !== 'ContainerView') return undefined;
    return {
      values: {
        container: () => record.container,
        type: () => record.type,
        recursive: () => record.recursive,
        view: () => containerMembers(scope, record),
      },
    };
  });
  furnish('ListView', (scope, { value: id }) => {
    const record = viewOf(scope, 'ListView', id);
    return record?.kind === 'ListView' ? { values: { view: () => record.items } } : undefined;
  });
  furnish('InventoryView', (scope, { value: id }) => {
    const record = viewOf(scope, 'InventoryView', id);
    return record?.kind === 'InventoryView' ? { values: { view: () => inventoryMembers(scope, record) } } : undefined;
  });
  furnish('ViewManager', (scope, ref) =>
    sameRef(ref, F.viewManager)
      ? {
          values: {
            viewList: () =>
              scope.context.locals
                .list('view/')
                .map(({ value: record }) => moRef((record as ViewRecord).kind, (record as ViewRecord).id)),
          },
        }
      : undefined,
  );
};
