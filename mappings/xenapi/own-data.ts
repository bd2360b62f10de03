/** Fields and objects that no host keeps (other_config of a pool, tags, tasks of clients, VBDs not plugged yet): written durably under a version, read back with it. */
import type { BrokerContext } from '../generic/platform.ts';
import type { OwnView } from '../generic/store-view.ts';
import { parseRef } from './ids.ts';
import type { Default } from './types.ts';

/*
 * Keys of the namespace `xenapi:<uuid of the front>`:
 * - `field <ref> <name>`: a field of an object that is otherwise read from the host; it stands instead of what was rendered.
 * - `object <ref>`: a whole object of our own; fields that it does not name have the data model's default.
 * Each holds { value, version }. What stands here is a form of `Default` (types.ts): refs and times are text, maps are objects.
 */

type OwnContext = Pick<BrokerContext, 'front' | 'own' | 'nextVersion'>;

export interface OwnObject {
  readonly cls: string;
  readonly ref: string;
  readonly fields: Readonly<Record<string, Default>>;
  /** Store version at which it was made. */
  readonly created: number;
  readonly version: number;
}

export interface OwnField {
  readonly value: Default;
  readonly version: number;
}

/** One change of own data; gone: the object (not only a field of it). */
export interface OwnChange {
  readonly ref: string;
  readonly version: number;
  readonly gone: boolean;
}

/** What is kept in memory of one front's namespace: all writes pass here. `changes`: those of this run, after `floor`. */
interface Index {
  readonly fields: Map<string, Map<string, OwnField>>;
  readonly objects: Map<string, OwnObject>;
  changes: OwnChange[];
  floor: number;
}

const CHANGES = 20_000;
const NO_FIELDS: ReadonlyMap<string, OwnField> = new Map();

/** Kept with the data itself: calls that still run when new tables are taken into use, and those that run by the new ones, share it. */
const INDEXES = Symbol.for('xenapi own data 1');
type Bearer = OwnView & { [INDEXES]?: Map<string, Index> };

const namespaceOf = (context: OwnContext): string => `xenapi:${context.front.uuid}`;

interface StoredObject {
  readonly value: Readonly<Record<string, Default>>;
  readonly created: number;
  readonly version: number;
}

const load = (context: OwnContext, namespace: string): Index => {
  const index: Index = { fields: new Map(), objects: new Map(), changes: [], floor: 0 };
  for (const { key, value } of context.own.list(namespace)) {
    const [what = '', ref = '', ...name] = key.split(' ');
    if (what === 'field') {
      const fields = index.fields.get(ref) ?? new Map<string, OwnField>();
      fields.set(name.join(' '), value as OwnField);
      index.fields.set(ref, fields);
    } else if (what === 'object') {
      const stored = value as StoredObject;
      const cls = parseRef(ref)?.cls;
      if (cls === undefined) continue;
      index.objects.set(ref, { cls, ref, fields: stored.value, created: stored.created, version: stored.version });
    }
  }
  return index;
};

const indexOf = (context: OwnContext): Index => {
  const bearer: Bearer = context.own;
  bearer[INDEXES] ??= new Map();
  const byFront = bearer[INDEXES];
  const namespace = namespaceOf(context);
  let index = byFront.get(namespace);
  if (index === undefined) {
    index = load(context, namespace);
    byFront.set(namespace, index);
  }
  return index;
};

const note = (index: Index, change: OwnChange): void => {
  index.changes.push(change);
  if (index.changes.length <= CHANGES * 2) return;
  index.floor = index.changes[index.changes.length - CHANGES - 1]?.version ?? index.floor;
  index.changes = index.changes.slice(-CHANGES);
};

export const readOwn = (context: OwnContext, ref: string, field: string): Default | undefined =>
  indexOf(context).fields.get(ref)?.get(field)?.value;

/** All fields of an object that stand here, with their versions. */
export const ownFields = (context: OwnContext, ref: string): ReadonlyMap<string, OwnField> =>
  indexOf(context).fields.get(ref) ?? NO_FIELDS;

/** `value` undefined: what the host says stands again. Wakes whoever waits for events. */
export const writeOwn = (context: OwnContext, ref: string, field: string, value: Default | undefined): void => {
  const index = indexOf(context);
  const version = context.nextVersion();
  const fields = index.fields.get(ref) ?? new Map<string, OwnField>();
  const key = `field ${ref} ${field}`;
  if (value === undefined) {
    fields.delete(field);
    context.own.delete(namespaceOf(context), key);
  } else {
    fields.set(field, { value, version });
    context.own.put(namespaceOf(context), key, { value, version });
  }
  if (fields.size === 0) index.fields.delete(ref);
  else index.fields.set(ref, fields);
  note(index, { ref, version, gone: false });
};

export const ownObject = (context: OwnContext, ref: string): OwnObject | undefined => indexOf(context).objects.get(ref);

/** All objects of our own, or those of a class. */
export const ownObjects = (context: OwnContext, cls?: string): readonly OwnObject[] =>
  [...indexOf(context).objects.values()].filter((one) => cls === undefined || one.cls === cls);

/** Makes an object, or changes the fields named of one that is there. `uuid` is one of the fields. */
export const putOwnObject = (
  context: OwnContext,
  ref: string,
  fields: Readonly<Record<string, Default>>,
): OwnObject => {
  const index = indexOf(context);
  const cls = parseRef(ref)?.cls;
  if (cls === undefined) throw new Error(`${ref} names no object of this front`);
  const before = index.objects.get(ref);
  const version = context.nextVersion();
  const made: OwnObject = {
    cls,
    ref,
    fields: { ...before?.fields, ...fields },
    created: before?.created ?? version,
    version,
  };
  index.objects.set(ref, made);
  context.own.put(namespaceOf(context), `object ${ref}`, { value: made.fields, created: made.created, version });
  note(index, { ref, version, gone: false });
  return made;
};

/** false: there is none. */
export const removeOwnObject = (context: OwnContext, ref: string): boolean => {
  const index = indexOf(context);
  if (!index.objects.delete(ref)) return false;
  context.own.delete(namespaceOf(context), `object ${ref}`);
  note(index, { ref, version: context.nextVersion(), gone: true });
  return true;
};

/** Not a field of any class. */
const FORGOTTEN = 'forgotten';

/** What a client destroyed of a host's object (the task of a job, the PBD of a storage): the host keeps it, it is shown no more. */
export const forget = (context: OwnContext, ref: string): void => writeOwn(context, ref, FORGOTTEN, true);
export const remember = (context: OwnContext, ref: string): void => writeOwn(context, ref, FORGOTTEN, undefined);
export const isForgotten = (context: OwnContext, ref: string): boolean => readOwn(context, ref, FORGOTTEN) === true;

/** The host's object is gone: nothing is kept for it. */
export const dropOwnFields = (context: OwnContext, ref: string): void => {
  const index = indexOf(context);
  const fields = index.fields.get(ref);
  if (fields === undefined) return;
  index.fields.delete(ref);
  for (const name of fields.keys()) context.own.delete(namespaceOf(context), `field ${ref} ${name}`);
};

/** Changes of this run of the program, oldest first. undefined: some after this version are forgotten. */
export const ownChangedSince = (context: OwnContext, version: number): readonly OwnChange[] | undefined => {
  const { changes, floor } = indexOf(context);
  if (version < floor) return undefined;
  let first = changes.length;
  while (first > 0 && (changes[first - 1] as OwnChange).version > version) first--;
  return changes.slice(first);
};
