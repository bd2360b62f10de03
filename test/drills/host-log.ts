/** What libvirtd logged of its own API in; what was carried out on each machine, in order, out. Nothing of the product has a part in it. */

/** For a libvirtd: one line for each call of its API, and each error of its threads. */
export const LOGS_CALLS = 'log_filters="1:libvirt 1:util.error"\nlog_outputs="1:stderr"\n';

export type Doing = {
  readonly atMs: number;
  readonly machine: string;
  /** A description that was written, or a power call. */
  readonly what: { readonly text: string } | { readonly call: 'on' | 'off' };
  /** The daemon's, counted from 0. */
  readonly life: number;
  /** Undefined: the daemon was killed, perhaps while it was under way. */
  done: boolean | undefined;
};

const RECORD = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})\+0000: (\d+): (\w+) : (?:(\w+):\d+ : )?/;
/** How a record of a call begins; all others are errors. */
const CALL = /^\w+=(?:0x|\(nil\))/;
/** Tells how it goes, in words. */
const OPENING = /^virConnectOpen/;
/** The name is only what the caller said of it. */
const MACHINE = /\(VM: name=[^,]*, uuid=([-0-9a-f]+)\)/;
const TEXT = /, type=0, metadata='([^']*)', key=/;
const POWER: Readonly<Record<string, 'on' | 'off'>> = {
  virDomainCreate: 'on',
  virDomainCreateWithFlags: 'on',
  virDomainDestroy: 'off',
  virDomainDestroyFlags: 'off',
};
/** A daemon's first words. */
const BEGINS = 'libvirt version: ';
/** Errors on the way that libvirt itself does not mind. */
const MINOR = /^virCgroup/;

/** The last description that a machine was given in a life that was cut off took effect if it is what was found on the disk then. */
const settle = (doings: readonly Doing[], found: readonly ReadonlyMap<string, string>[]): void => {
  const later = new Set<string>();
  for (const doing of doings.toReversed()) {
    if (!('text' in doing.what)) continue;
    const last = `${doing.machine} ${doing.life}`;
    if (doing.done === undefined)
      doing.done = later.has(last) || found[doing.life]?.get(doing.machine) === doing.what.text;
    later.add(last);
  }
};

/** `names`: of machines by their UUIDs. `found`: of each life that was cut off, the descriptions by machine that were on the disk after it. */
export const doingsIn = (
  log: string,
  names: ReadonlyMap<string, string>,
  found: readonly ReadonlyMap<string, string>[],
): readonly Doing[] => {
  const doings: Doing[] = [];
  /** By thread: what it does until it does something else. */
  const underWay = new Map<string, Doing>();
  let life = -1;
  for (const line of log.split('\n')) {
    const [head, day, time, thread = '', , place = ''] = RECORD.exec(line) ?? [];
    if (head === undefined) continue;
    const rest = line.slice(head.length);
    if (rest.startsWith(BEGINS)) {
      life += 1;
      for (const doing of underWay.values()) if (doing.done === true) doing.done = undefined;
      underWay.clear();
      continue;
    }
    const before = underWay.get(thread);
    if (!CALL.test(rest) && !OPENING.test(place)) {
      if (before !== undefined && !MINOR.test(place)) before.done = false;
      continue;
    }
    underWay.delete(thread);
    const machine = names.get(MACHINE.exec(rest)?.[1] ?? '');
    const text = place === 'virDomainSetMetadata' ? TEXT.exec(rest)?.[1] : undefined;
    const call = POWER[place];
    if (machine === undefined || (text === undefined && call === undefined)) continue;
    const what = text === undefined ? { call: call ?? 'on' } : { text };
    const doing: Doing = { atMs: Date.parse(`${day}T${time}Z`), machine, what, life, done: true };
    doings.push(doing);
    underWay.set(thread, doing);
  }
  settle(doings, found);
  return doings;
};
