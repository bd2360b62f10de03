/** An object and those that refer to it in; the fields that no sheet can know (relations, own data, operations under way, what a storage holds) out. */
import { kindOf } from '../../generic/ids.ts';
import type { BrokerContext } from '../../generic/platform.ts';
import { NULL_REF } from '../ids.ts';
import { isForgotten, ownFields } from '../own-data.ts';
import { encodeField } from '../render/bundle.ts';
import { recordFields } from '../types.ts';
import { relationsTo } from './ends.ts';
import {
  fieldText,
  type Item,
  imageFacts,
  isNull,
  placesOf,
  refsIn,
  renderedField,
  scalarOf,
  setText,
} from './item.ts';
import { allowedMeanwhile } from './operations.ts';
import type { World } from './world.ts';

/** Inner texts by field name. */
type Computed = Record<string, string>;

const operations = (names: readonly string[]): string => setText(names);

const TRUE = '<boolean>1</boolean>';

/** What can be done to an image, and to one that a running machine uses: nothing that changes it under its feet. */
const OF_IMAGES = operations(['clone', 'copy', 'resize', 'snapshot', 'destroy', 'update']);
const OF_ATTACHED = operations(['update']);

/** A disk inside a snapshot is called as the disk that it was taken of. */
const labelOf = (item: Item, world: World): Computed => {
  const source = fieldText(item, 'snapshot_of');
  const live = isNull(source) ? undefined : world.find(source);
  return live === undefined ? {} : { name_label: fieldText(live, 'name_label') };
};

const vdi = (item: Item, world: World): Computed => {
  const label = labelOf(item, world);
  for (const ref of world.ends.shown('VDI', item.ref, 'VBDs')) {
    const vbd = world.find(ref);
    if (vbd !== undefined && fieldText(vbd, 'currently_attached') === TRUE)
      return { ...label, allowed_operations: OF_ATTACHED };
  }
  // What lies outside every storage, or inside a snapshot, is no image of its own.
  const isVolume = item.owner !== undefined && kindOf(item.owner) === 'volume';
  return isVolume ? { ...label, allowed_operations: OF_IMAGES } : label;
};

/** A storage that holds ISO images alone is a library of them. */
const sr = (item: Item, world: World): Computed => {
  let allocated = 0;
  let images = 0;
  let isos = 0;
  for (const ref of world.ends.shown('SR', item.ref, 'VDIs')) {
    const one = world.find(ref);
    if (one === undefined) continue;
    const { bytes, isIso } = imageFacts(one);
    allocated += bytes;
    images += 1;
    if (isIso) isos += 1;
  }
  const isLibrary = images > 0 && isos === images;
  return { virtual_allocation: String(allocated), ...(isLibrary ? { type: 'iso', content_type: 'iso' } : {}) };
};

/** Unless somebody chose one: the first on which disks can be made. */
const pool = (_item: Item, world: World): Computed => {
  for (const one of world.all('SR'))
    if (fieldText(one, 'content_type') === 'user' && world.isOfHost(one)) return { default_SR: one.ref };
  return {};
};

const pif = (item: Item, world: World): Computed => {
  const network = world.networkOf(scalarOf(item, 'device'));
  return network === undefined ? {} : { network };
};

/** What was made for a running machine waits to be plugged. */
const unplugged = (item: Item, world: World): Computed => {
  if (item.member !== undefined) return {};
  const vm = world.find(fieldText(item, 'VM'));
  const isUp = vm !== undefined && fieldText(vm, 'power_state') === 'Running';
  return { allowed_operations: operations(isUp ? ['attach', 'plug'] : ['attach']) };
};

/** Told by its records as well: what runs on the host is no control domain. */
const runsMachines = (item: Item, world: World): boolean =>
  [...world.ends.shown('host', item.ref, 'resident_VMs')].some((ref) => {
    const vm = world.find(ref);
    return vm !== undefined && fieldText(vm, 'is_control_domain') !== TRUE;
  });

/** As the calls do it: nothing is started on a host that is disabled, and only such a one is switched off. */
const host = (item: Item, world: World, context: BrokerContext): Computed => {
  const isEnabled = fieldText(item, 'enabled') === TRUE && ownFields(context, item.ref).get('enabled')?.value !== false;
  if (isEnabled)
    return {
      allowed_operations: operations(['provision', 'evacuate', 'vm_start', 'vm_resume', 'vm_migrate', 'enable']),
    };
  const controls = item.owner === undefined ? [] : (context.store.generic('host', item.owner)?.controls ?? []);
  const canStop = controls.includes('power') && !runsMachines(item, world);
  return {
    allowed_operations: operations(['evacuate', ...(canStop ? ['shutdown', 'reboot'] : []), 'vm_migrate', 'enable']),
  };
};

/** Hosts that copy a disk under a machine that runs move it then as well, and none moves one with snapshots in it: its own record knows neither. */
const vm = (item: Item, world: World, { store, front }: BrokerContext): Computed => {
  const rendered = (): string[] => refsIn(fieldText(item, 'allowed_operations'));
  if (world.ends.shown('VM', item.ref, 'snapshots').size > 0)
    return { allowed_operations: operations(rendered().filter((name) => name !== 'migrate_send')) };
  if (fieldText(item, 'power_state') !== 'Running') return {};
  if (store.generic('host', front.host)?.controls.includes('liveMoves') !== true) return {};
  if (fieldText(item, 'blocked_operations').includes('<name>migrate_send</name>')) return {};
  return {
    allowed_operations: operations(
      rendered().flatMap((name) => (name === 'pool_migrate' ? [name, 'migrate_send'] : [name])),
    ),
  };
};

const OWN: Readonly<Record<string, (item: Item, world: World, context: BrokerContext) => Computed>> = {
  host,
  VM: vm,
  VDI: vdi,
  SR: sr,
  pool,
  PIF: pif,
  VBD: unplugged,
  VIF: unplugged,
};

const sameRefs = (rendered: string, refs: ReadonlySet<string>): boolean => {
  const known = refsIn(rendered);
  return known.length === refs.size && known.every((ref) => refs.has(ref));
};

const underWay = (item: Item, world: World): Computed => {
  const current = world.operations.get(item.ref);
  if (current === undefined || current.size === 0 || !placesOf(item.cls).has('current_operations')) return {};
  let members = '';
  for (const [task, name] of current) members += `<member><name>${task}</name><value>${name}</value></member>`;
  const allowed =
    item.cls === 'VM' ? allowedMeanwhile(refsIn(fieldText(item, 'allowed_operations')), current.values()) : [];
  return { current_operations: `<struct>${members}</struct>`, allowed_operations: operations(allowed) };
};

const ownOverlay = (item: Item, world: World, context: BrokerContext): Computed => {
  const fields = ownFields(context, item.ref);
  if (fields.size === 0) return {};
  const found: Computed = {};
  for (const { name, type } of recordFields(item.cls)) {
    const own = fields.get(name);
    if (own === undefined) continue;
    // The image that a snapshot was taken of may be gone.
    const isLost = name === 'snapshot_of' && world.find(String(own.value)) === undefined;
    found[name] = isLost ? NULL_REF : encodeField(type, own.value);
  }
  return found;
};

const NONE: ReadonlyMap<number, string> = new Map();

/** What stands instead of the rendered text, by place and in order; empty when all of it stands. */
export const patchesOf = (item: Item, world: World, context: BrokerContext): ReadonlyMap<number, string> => {
  const places = placesOf(item.cls);
  const found = new Map<number, string>();
  for (const relation of relationsTo(item.cls)) {
    const refs = world.ends.sources(item.ref, relation);
    const rendered = renderedField(item, relation.toPlace);
    if (!sameRefs(rendered, refs)) found.set(relation.toPlace, setText(refs));
  }
  const computed = {
    ...(OWN[item.cls]?.(item, world, context) ?? {}),
    ...ownOverlay(item, world, context),
    ...underWay(item, world),
  };
  for (const [field, inner] of Object.entries(computed)) {
    const place = places.get(field);
    if (place !== undefined && inner !== renderedField(item, place)) found.set(place, inner);
  }
  if (found.size === 0) return NONE;
  return new Map([...found].sort(([a], [b]) => a - b));
};

const PLUGS = ['VM', 'VDI', 'network'] as const;

/** It refers to something that is not there. */
const isLost = (item: Item, field: string, world: World): boolean => {
  const ref = fieldText(item, field);
  return !isNull(ref) && world.find(ref) === undefined;
};

/** Objects that are there for others' sake, when there are none. */
export const isHidden = (item: Item, world: World, context: BrokerContext): boolean => {
  switch (item.cls) {
    case 'task':
      return isForgotten(context, item.ref);
    case 'SR':
      return !world.isOfHost(item) && world.ends.shown('SR', item.ref, 'VDIs').size === 0;
    case 'PBD': {
      // Another client of the host plugs what one of ours took away.
      if (isForgotten(context, item.ref) && fieldText(item, 'currently_attached') !== TRUE) return true;
      const storage = world.find(fieldText(item, 'SR'));
      return storage !== undefined && !isNull(storage.ref) && isHidden(storage, world, context);
    }
    case 'VBD':
    case 'VIF':
      // Not plugged yet: it goes with its machine, and with what it was to plug.
      return item.member === undefined && PLUGS.some((field) => isLost(item, field, world));
    case 'network':
      return !world.isOfHost(item) && world.ends.shown('network', item.ref, 'PIFs').size === 0;
    default:
      return false;
  }
};
