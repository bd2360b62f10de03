/** Objects that a plan made, by their marks: references that no plan can know beforehand, and no lost answer can lose. */
import type { DriverSend } from '../../generic/platform.ts';
import { NULL_REF } from '../types.ts';
import { own } from './names.ts';
import { isRecord, mapGet, mapIn, type PlainRecord, textIn } from './plain.ts';
import { askFound } from './reading/estate.ts';

/** In a call's arguments, where a reference stands. */
export type Locator =
  /** What that job made: its label is looked up, its mark compared. */
  | { readonly find: 'made'; readonly cls: 'VM' | 'VDI' | 'network'; readonly label: string; readonly mark: string }
  /** A drive or card of a VM by its place. */
  | { readonly find: 'VBD' | 'VIF'; readonly vm: string | Locator; readonly place: string }
  /** A snapshot of a VM that was not among the earlier ones. */
  | { readonly find: 'snapshot'; readonly vm: string; readonly label: string; readonly before: readonly string[] };

export const isLocator = (value: unknown): value is Locator =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && typeof (value as Locator).find === 'string';

export interface Located {
  readonly ref: string;
  readonly record: PlainRecord;
}

const recordOf = async (send: DriverSend, cls: string, self: string): Promise<Located | undefined> => {
  if (self === '' || self === NULL_REF) return undefined;
  const record = await askFound(send, `${cls}.get_record`, { self }, 'work');
  return isRecord(record) ? { ref: self, record } : undefined;
};

const firstOf = async (
  refs: unknown,
  read: (ref: string) => Promise<Located | undefined>,
  isWanted: (record: PlainRecord) => boolean,
): Promise<Located | undefined> => {
  for (const ref of Array.isArray(refs) ? refs : []) {
    const found = await read(String(ref));
    if (found && isWanted(found.record)) return found;
  }
  return undefined;
};

/** undefined: there is no such object (any more, or yet). */
export const locate = async (send: DriverSend, locator: Locator): Promise<Located | undefined> => {
  switch (locator.find) {
    case 'made': {
      const { cls, label, mark } = locator;
      const refs = await askFound(send, `${cls}.get_by_name_label`, { label }, 'work');
      const isMarked = (record: PlainRecord): boolean =>
        record['is_a_snapshot'] !== true && mapGet(mapIn(record, 'other_config'), own.job) === mark;
      return firstOf(refs, (ref) => recordOf(send, cls, ref), isMarked);
    }
    case 'VBD':
    case 'VIF': {
      const vm = isLocator(locator.vm) ? (await locate(send, locator.vm))?.ref : locator.vm;
      if (vm === undefined) return undefined;
      const refs = await askFound(send, `VM.get_${locator.find}s`, { self: vm }, 'work');
      const field = locator.find === 'VBD' ? 'userdevice' : 'device';
      return firstOf(
        refs,
        (ref) => recordOf(send, locator.find, ref),
        (record) => textIn(record, field) === locator.place,
      );
    }
    case 'snapshot': {
      const refs = await askFound(send, 'VM.get_snapshots', { self: locator.vm }, 'work');
      const fresh = Array.isArray(refs) ? refs.filter((ref) => !locator.before.includes(String(ref))) : [];
      return firstOf(
        fresh,
        (ref) => recordOf(send, 'VM', ref),
        (record) => textIn(record, 'name_label') === locator.label,
      );
    }
    default:
      return locator satisfies never;
  }
};
