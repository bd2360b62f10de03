/** One step of a plan in, its call on the host out: what it names by its mark is looked up, what the host gave to a new object is told. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { NativeCall } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { messageOf, NULL_REF } from '../types.ts';
import { isLocator, locate } from './locate.ts';
import { namesakeOf, own } from './names.ts';
import { isRecord, textIn } from './plain.ts';
import { ask, askFound } from './reading/estate.ts';

type Fields = Readonly<Record<string, unknown>>;
type Results = Outcome<Record<string, unknown>>;

/** What a step refers to is not there: for an undo, that is as good as done. */
class Missing extends Error {
  readonly what: string;
  constructor(what: string) {
    super(`what the plan made is not there: ${what}`);
    this.what = what;
  }
}

const resolved = async (send: DriverSend, value: unknown): Promise<unknown> => {
  if (isLocator(value)) {
    const found = await locate(send, value);
    if (!found) throw new Missing(JSON.stringify(value));
    return found.ref;
  }
  if (Array.isArray(value)) return Promise.all(value.map((one) => resolved(send, one)));
  if (typeof value !== 'object' || value === null) return value;
  const entries = await Promise.all(
    Object.entries(value).map(async ([key, one]) => [key, await resolved(send, one)] as const),
  );
  return Object.fromEntries(entries);
};

/** A map's key has no setter: it is removed, which always succeeds, and added. */
const setKey = async (send: DriverSend, { cls, self, field, key, value }: Fields): Promise<Results> => {
  const removed = await ask(send, `${String(cls)}.remove_from_${String(field)}`, { self, key }, 'work');
  if (!removed.ok || value === null) return removed.ok ? done({}) : removed;
  const added = await ask(send, `${String(cls)}.add_to_${String(field)}`, { self, key, value }, 'work');
  return added.ok ? done({}) : added;
};

const destroyIfThere = async (send: DriverSend, { cls, self }: Fields): Promise<Results> => {
  const gone = await ask(send, `Async.${String(cls)}.destroy`, { self }, 'work');
  return gone.ok || gone.fault.kind === 'object-not-found' ? done({}) : gone;
};

/** After a revert the VM has other images: what is written on them is theirs now. */
const stampImages = async (send: DriverSend, { vm }: Fields): Promise<Results> => {
  const drives = await askFound(send, 'VM.get_VBDs', { self: vm }, 'work');
  for (const drive of Array.isArray(drives) ? drives : []) {
    const self = await askFound(send, 'VBD.get_VDI', { self: drive }, 'work');
    const image = self === NULL_REF ? undefined : await askFound(send, 'VDI.get_record', { self }, 'work');
    if (!isRecord(image) || namesakeOf(image) === undefined) continue;
    const value = textIn(image, 'uuid');
    const set = await setKey(send, { cls: 'VDI', self, field: 'other_config', key: own.uuid, value });
    if (!set.ok) return set;
  }
  return done({});
};

const perform = async (send: DriverSend, procedure: string, args: Fields): Promise<Results> => {
  if (procedure === 'nothing') return done({});
  if (procedure === 'set_key') return setKey(send, args);
  if (procedure === 'destroy_if_there') return destroyIfThere(send, args);
  if (procedure === 'stamp_images') return stampImages(send, args);
  const outcome = await ask(send, procedure, args, 'work');
  if (!outcome.ok) return outcome;
  const result = messageOf(procedure.replace(/^Async\./, ''))?.result;
  if (result?.kind !== 'ref') return done({});
  // References are the host's own; the hub knows objects by their uuids.
  const uuid = await askFound(send, `${result.class}.get_uuid`, { self: outcome.value }, 'work');
  // What is written under our keys says whose it is. Without it, it is taken at its word.
  const { other_config: written } = (args['args'] ?? {}) as { other_config?: Fields };
  if (typeof uuid === 'string' && written && Object.hasOwn(written, own.job))
    await ask(send, `${result.class}.add_to_other_config`, { self: outcome.value, key: own.uuid, value: uuid }, 'work');
  return done({ ref: outcome.value, ...(typeof uuid === 'string' ? { uuid } : {}) });
};

export const performStep = async (send: DriverSend, { procedure, args }: NativeCall): Promise<Results> => {
  try {
    return await perform(send, procedure, (await resolved(send, args)) as Fields);
  } catch (error) {
    if (error instanceof Missing)
      return refused(fault('object-not-found', { type: 'vm', id: error.what }, error.message));
    throw error;
  }
};
