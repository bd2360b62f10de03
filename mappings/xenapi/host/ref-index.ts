/** Records as they pass by in; which object of the hub a reference belongs to out, also of one that is gone. The memory of one connection. */
import type { NativeRef } from '../../generic/ids.ts';
import { NULL_REF } from '../types.ts';
import { HEARD, KEPT, type KeptClass } from './kept-fields.ts';
import { isHidden, isVolume } from './membership.ts';
import { listIn, type PlainRecord, textIn } from './plain.ts';

/** An event tells of a gone object by its reference alone. */
interface Known {
  readonly cls: KeptClass;
  readonly uuid: string;
  /** What it is a part of: a drive's VM, a volume's storage, a snapshot's VM. */
  readonly owner: string;
  /** A volume's drives, a network's cards, a VM's guest metrics. */
  readonly parts: readonly string[];
  readonly hidden: boolean;
  readonly state: string;
  readonly name: string;
  /** Of a VM: its guest metrics, which are others at every start. */
  readonly guest: string;
  /** Hash of what is kept of the record. */
  readonly print: number;
}

export interface Marked {
  readonly ref: NativeRef;
  readonly hint?: string;
}

export interface RefIndex {
  /** A record that was read. */
  observe(cls: string, ref: string, record: PlainRecord): void;
  /** Events of one batch; the objects that are to be read again. */
  hear(
    events: readonly {
      readonly cls: KeptClass;
      readonly ref: string;
      readonly operation: 'add' | 'mod' | 'del';
      readonly record: PlainRecord | undefined;
    }[],
  ): Marked[];
  /** Objects that were listed after the host had told that they are gone. */
  late(): Marked[];
}

/** References told gone that no record was seen of: a listing under way may yet bring one. */
const MOST_DEAD = 10_000;

const hash = (text: string, seed: number): number => {
  let h = seed;
  for (let n = 0; n < text.length; n++) h = Math.imul(h ^ text.charCodeAt(n), 0x01000193);
  return h;
};

/** Two records of the same kept fields have the same print. A map's order is the host's. */
const printOf = (cls: KeptClass, record: PlainRecord): number => {
  let h = 0x811c9dc5;
  for (const field of KEPT[cls]) h = hash(JSON.stringify(record[field] ?? ''), hash(field, h));
  return h;
};

const OWNER: Partial<Record<KeptClass, string>> = { VBD: 'VM', VIF: 'VM', VDI: 'SR', PBD: 'SR' };
const PARTS: Partial<Record<KeptClass, string>> = { VDI: 'VBDs', network: 'VIFs' };

const isHeard = (cls: string): cls is (typeof HEARD)[number] => (HEARD as readonly string[]).includes(cls);

/** What a VM's going from one power state to another is called. */
const happening = (before: string | undefined, after: string): string | undefined => {
  if (before === undefined || before === after) return undefined;
  switch (after) {
    case 'Running':
      return before === 'Paused' ? 'vm.resumed' : 'vm.started';
    case 'Halted':
      return 'vm.stopped';
    case 'Paused':
      return before === 'Running' ? 'vm.paused' : 'vm.started';
    case 'Suspended':
      return 'vm.suspended';
    default:
      return undefined;
  }
};

export const createRefIndex = (): RefIndex => {
  const known = new Map<string, Known>();
  /** Guest metrics to their VM: the record does not say. */
  const vmOfMetrics = new Map<string, string>();
  const dead = new Set<string>();
  let lately: Marked[] = [];

  const factsOf = (cls: KeptClass, record: PlainRecord): Known => {
    const isSnapshot = cls === 'VM' && record['is_a_snapshot'] === true;
    return {
      cls,
      uuid: textIn(record, 'uuid'),
      owner: isSnapshot ? textIn(record, 'snapshot_of') : textIn(record, OWNER[cls] ?? ''),
      parts: listIn(record, PARTS[cls] ?? ''),
      hidden: cls === 'VM' ? isHidden(record) : cls === 'VDI' ? !isVolume(record) : false,
      state: textIn(record, 'power_state'),
      name: textIn(record, 'name_label'),
      guest: cls === 'VM' ? textIn(record, 'guest_metrics') : '',
      print: printOf(cls, record),
    };
  };

  const vmMark = (ref: string, hint?: string): Marked[] => {
    const found = known.get(ref);
    // A snapshot is a part of the VM it was taken of.
    const vm = found?.cls === 'VM' && found.owner !== '' ? known.get(found.owner) : found;
    if (vm?.cls !== 'VM' || vm.owner !== '' || vm.hidden) return [];
    return [{ ref: { kind: 'vm', native: vm.uuid }, ...(hint === undefined ? {} : { hint }) }];
  };
  const storageMark = (ref: string): Marked[] => {
    const sr = known.get(ref);
    return sr?.cls === 'SR' ? [{ ref: { kind: 'storage', native: sr.uuid } }] : [];
  };

  /** What is to be read again when this object came, changed or went. */
  const marksOf = (ref: string, after: Known, before: Known | undefined, gone: boolean): Marked[] => {
    switch (after.cls) {
      case 'VM': {
        const isSnapshot = after.owner !== '';
        const came = before === undefined && !gone;
        if (isSnapshot) return vmMark(after.owner, gone ? 'snapshot.deleted' : came ? 'snapshot.created' : undefined);
        if (after.hidden && before?.hidden !== false) return [];
        const hint = gone || came ? undefined : happening(before?.state, after.state);
        return [{ ref: { kind: 'vm', native: after.uuid }, ...(hint === undefined ? {} : { hint }) }];
      }
      case 'VM_guest_metrics':
        return vmMark(vmOfMetrics.get(ref) ?? '');
      case 'VBD':
      case 'VIF':
        return vmMark(after.owner);
      case 'VDI': {
        if (after.hidden && before?.hidden !== false) return [];
        const volume: Marked = { ref: { kind: 'volume', native: after.uuid } };
        const drives = [...new Set([...after.parts, ...(before?.parts ?? [])])];
        // What its storage has left, the storage's own event tells.
        return [volume, ...drives.flatMap((drive) => vmMark(known.get(drive)?.owner ?? ''))];
      }
      case 'SR':
        return [{ ref: { kind: 'storage', native: after.uuid } }];
      case 'PBD':
        return storageMark(after.owner);
      case 'network': {
        const network: Marked = { ref: { kind: 'network', native: after.uuid } };
        // A card names its network.
        const renamed = before !== undefined && before.name !== after.name;
        return [network, ...(renamed ? after.parts.flatMap((card) => vmMark(known.get(card)?.owner ?? '')) : [])];
      }
      case 'host':
      case 'pool':
        return [...known.values()]
          .filter(({ cls }) => cls === 'host')
          .map(({ uuid }) => ({ ref: { kind: 'host', native: uuid } }));
      default:
        return [];
    }
  };

  const forget = (ref: string): void => {
    const guest = known.get(ref)?.guest ?? '';
    if (vmOfMetrics.get(guest) === ref) vmOfMetrics.delete(guest);
    known.delete(ref);
  };
  const put = (cls: KeptClass, ref: string, record: PlainRecord): Known => {
    forget(ref);
    const facts = factsOf(cls, record);
    known.set(ref, facts);
    if (facts.guest !== '' && facts.guest !== NULL_REF) vmOfMetrics.set(facts.guest, ref);
    return facts;
  };

  return {
    observe: (cls, ref, record) => {
      if (!isHeard(cls)) return;
      const facts = put(cls, ref, record);
      if (dead.delete(ref)) {
        lately.push(...marksOf(ref, facts, undefined, true));
        forget(ref);
      }
    },
    hear: (events) => {
      const before = new Map(events.map(({ ref }) => [ref, known.get(ref)]));
      // All of a batch is taken in first: its order is not the order in time.
      for (const { cls, ref, record } of events) if (record) put(cls, ref, record);
      const marks = events.flatMap(({ ref, operation }) => {
        const [was, is] = [before.get(ref), known.get(ref)];
        if (operation !== 'del') return is && is.print !== was?.print ? marksOf(ref, is, was, false) : [];
        if (was) return marksOf(ref, was, was, true);
        if (dead.size < MOST_DEAD) dead.add(ref);
        return [];
      });
      for (const { ref, operation } of events) if (operation === 'del') forget(ref);
      const seen = new Set<string>();
      return marks.filter(({ ref: { kind, native }, hint }) => {
        const key = `${kind} ${native} ${hint ?? ''}`;
        return !seen.has(key) && seen.add(key);
      });
    },
    late: () => {
      const marks = lately;
      lately = [];
      return marks;
    },
  };
};
