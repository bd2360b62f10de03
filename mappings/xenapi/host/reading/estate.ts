/** Records of a host by class and reference: read in bulk for a listing, one by one for what changed. */
import { fault, type Outcome, refused } from '../../../generic/faults.ts';
import type { DriverSend } from '../../../generic/platform.ts';
import { NULL_REF } from '../../types.ts';
import type { KeptClass } from '../kept-fields.ts';
import { namesakeOf } from '../names.ts';
import { isRecord, listIn, type Plain, type PlainRecord, textIn } from '../plain.ts';

export type Records = ReadonlyMap<string, PlainRecord>;

export interface Estate {
  of(cls: KeptClass): Records;
  /** Uuids of images that have given their name to these and are there themselves. */
  readonly namesakes?: ReadonlySet<string>;
}

type Args = Readonly<Record<string, unknown>>;
export type Lane = 'read' | 'work';

export const ask = async (
  send: DriverSend,
  procedure: string,
  args: Args = {},
  lane: Lane = 'read',
): Promise<Outcome<Plain>> => {
  const outcome = await send.call(procedure, args, lane);
  return outcome.ok ? { ok: true, value: outcome.value['value'] as Plain } : outcome;
};

/** The value; undefined when what is asked for is gone. Any other refusal says nothing of that, and the reader must not take it for gone. */
export const askFound = async (
  send: DriverSend,
  procedure: string,
  args: Args,
  lane: Lane = 'read',
): Promise<Plain | undefined> => {
  const outcome = await ask(send, procedure, args, lane);
  if (outcome.ok) return outcome.value;
  if (outcome.fault.kind === 'object-not-found') return undefined;
  throw new Error(`${procedure}: ${outcome.fault.text}`);
};

const toMap = (value: Plain | undefined): Map<string, PlainRecord> =>
  new Map(
    isRecord(value) ? Object.entries(value).filter((pair): pair is [string, PlainRecord] => isRecord(pair[1])) : [],
  );

/** All records of a class; none where the host has no such class. */
const listAll = async (send: DriverSend, cls: KeptClass): Promise<Map<string, PlainRecord>> => {
  const outcome = await ask(send, `${cls}.get_all_records`);
  if (outcome.ok) return toMap(outcome.value);
  const { kind, native } = outcome.fault;
  if (native && (kind === 'method-not-found' || kind === 'not-supported')) return new Map();
  throw new Error(`${cls}.get_all_records: ${outcome.fault.text}`);
};

const NONE: Records = new Map();

export const listEstate = async (send: DriverSend, classes: readonly KeptClass[]): Promise<Estate> => {
  const read = await Promise.all(classes.map(async (cls) => [cls, await listAll(send, cls)] as const));
  const byClass = new Map<KeptClass, Records>(read);
  const all = byClass.get('VDI');
  return {
    of: (cls) => byClass.get(cls) ?? NONE,
    ...(all ? { namesakes: new Set([...all.values()].map((image) => textIn(image, 'uuid'))) } : {}),
  };
};

/** A revert gives a VM copies of its images, and the images go; a copy by others lives beside them. */
export const readNamesakes = async (send: DriverSend, images: Records): Promise<ReadonlySet<string>> => {
  const wanted = [...new Set([...images.values()].map(namesakeOf))].filter((uuid) => uuid !== undefined);
  const refs = await Promise.all(wanted.map((uuid) => refOfUuid(send, 'VDI', uuid)));
  return new Set(wanted.filter((_, n) => refs[n] !== undefined));
};

/** Records that are gone are left out: what refers to them is about to change as well. */
const readAll = async (
  send: DriverSend,
  cls: KeptClass,
  refs: readonly string[],
): Promise<Map<string, PlainRecord>> => {
  const wanted = [...new Set(refs)].filter((ref) => ref !== '' && ref !== NULL_REF);
  const records = await Promise.all(wanted.map((self) => askFound(send, `${cls}.get_record`, { self })));
  const found = new Map<string, PlainRecord>();
  for (const [n, ref] of wanted.entries()) {
    const record = records[n];
    if (isRecord(record)) found.set(ref, record);
  }
  return found;
};

const fieldsOf = (records: Iterable<PlainRecord>, field: string): string[] =>
  [...records].map((record) => textIn(record, field));
const listsOf = (records: Iterable<PlainRecord>, field: string): string[] =>
  [...records].flatMap((record) => [...listIn(record, field)]);

/** All that the documents of these VMs are made of. Storages and networks are few, and their names depend on each other. */
export const readVmEstate = async (send: DriverSend, vms: readonly string[]): Promise<Estate> => {
  const live = await readAll(send, 'VM', vms);
  const snapshots = await readAll(send, 'VM', listsOf(live.values(), 'snapshots'));
  const all = new Map([...live, ...snapshots]);
  const [drives, cards, metrics, guests, few] = await Promise.all([
    readAll(send, 'VBD', listsOf(all.values(), 'VBDs')),
    readAll(send, 'VIF', listsOf(live.values(), 'VIFs')),
    readAll(send, 'VM_metrics', fieldsOf(live.values(), 'metrics')),
    readAll(send, 'VM_guest_metrics', fieldsOf(live.values(), 'guest_metrics')),
    listEstate(send, ['SR', 'network']),
  ]);
  const images = await readAll(send, 'VDI', fieldsOf(drives.values(), 'VDI'));
  const byClass = new Map<KeptClass, Records>([
    ['VM', all],
    ['VBD', drives],
    ['VIF', cards],
    ['VM_metrics', metrics],
    ['VM_guest_metrics', guests],
    ['VDI', images],
  ]);
  return { of: (cls) => byClass.get(cls) ?? few.of(cls), namesakes: await readNamesakes(send, images) };
};

/** So many images are read by listing all. */
const MANY_IMAGES = 16;

/** A storage and what lies in it. */
export const readStorageEstate = async (send: DriverSend, storage: PlainRecord): Promise<Estate> => {
  const refs = listIn(storage, 'VDIs');
  const [few, images, mounts] = await Promise.all([
    listEstate(send, ['SR']),
    refs.length < MANY_IMAGES ? readAll(send, 'VDI', refs) : listAll(send, 'VDI'),
    readAll(send, 'PBD', listIn(storage, 'PBDs')),
  ]);
  return {
    of: (cls) => (cls === 'VDI' ? images : cls === 'PBD' ? mounts : few.of(cls)),
    namesakes: await readNamesakes(send, images),
  };
};

/** The reference of the object with that uuid. */
export const refOfUuid = async (
  send: DriverSend,
  cls: KeptClass,
  uuid: string,
  lane: Lane = 'read',
): Promise<string | undefined> => {
  const found = await askFound(send, `${cls}.get_by_uuid`, { uuid }, lane);
  return typeof found === 'string' && found !== NULL_REF ? found : undefined;
};

export const gone = (cls: string, uuid: string): Outcome<never> =>
  refused(fault('object-not-found', { type: cls, id: uuid }, `There is no ${cls} ${uuid}.`));
