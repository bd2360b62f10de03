/** How each command ended for its client and what its host carried out in; commands by what became of them, and each broken promise in words, out. */

import { firstText } from './estate.ts';
import type { Doing } from './host-log.ts';
import type { Sent } from './load.ts';

export type Judged = {
  readonly commands: number;
  readonly succeeded: number;
  /** A fault to its client, nothing on the host: also when it was undone there. */
  readonly faulted: number;
  /** Of these, the ones that were carried out and taken back. */
  readonly undone: number;
  /** A fault to its client, or its connection broke; and it was carried out. */
  readonly inDoubt: number;
  readonly twice: readonly string[];
  /** A success to its client, and not carried out. */
  readonly lost: readonly string[];
  /** What else the host did that nobody asked for. */
  readonly strange: readonly string[];
  /** Power commands, in the same sense; they are not among `commands`. */
  readonly switches: number;
  /** The longest time that one command took, and the longest time in which none of a client succeeded. */
  readonly longestMs: number;
  readonly longestPauseMs: number;
  readonly answers: ReadonlyMap<string, number>;
  /** By machine, what its last description is. */
  readonly standing: ReadonlyMap<string, string>;
};

type Trace = { times: number; undone: boolean; machine: string };

/**
 * What was written on each machine, in order, makes each command's trace. A text that is written again counts as the same command carried out
 * again, with one exception: it stood before a command that its client was told a fault of, and so it is that command's undo.
 */
const traceOf = (
  doings: readonly Doing[],
  sent: ReadonlyMap<string, Sent>,
): { traces: ReadonlyMap<string, Trace>; standing: Map<string, string>; strange: string[] } => {
  const traces = new Map<string, Trace>();
  const standing = new Map<string, string>();
  /** By machine, what stood before what stands; and whether what stands was put back by an undo. */
  const before = new Map<string, string>();
  const restored = new Map<string, boolean>();
  const strange: string[] = [];
  for (const { machine, what, done } of doings) {
    if (!('text' in what) || done !== true) continue;
    const { text } = what;
    const stands = standing.get(machine) ?? firstText(machine);
    const owner = sent.get(stands);
    const isUndo = before.get(machine) === text && owner !== undefined && owner.answer !== 'success';
    const isSameUndo = stands === text && restored.get(machine) === true;
    if (isUndo) {
      const trace = traces.get(stands);
      if (trace !== undefined) trace.undone = true;
    } else if (!isSameUndo) {
      const command = sent.get(text);
      if (command === undefined) strange.push(`${machine}: '${text}', which nobody sent`);
      else if (command.machine !== machine)
        strange.push(`${machine}: '${text}', which was sent for ${command.machine}`);
      const trace = traces.get(text);
      if (trace === undefined) traces.set(text, { times: 1, undone: false, machine });
      else {
        trace.times += 1;
        trace.undone = false;
      }
    }
    if (stands !== text) before.set(machine, stands);
    restored.set(machine, isUndo || isSameUndo);
    standing.set(machine, text);
  }
  return { traces, standing, strange };
};

const said = ({ marker, machine, answer, broken, sentMs }: Sent): string =>
  `${marker ?? 'power'} on ${machine}, sent at ${new Date(sentMs).toISOString()}: ${broken ? 'broken: ' : ''}${answer}`;

/** Power commands of a machine come one after the other from one client: what the host did until the next one was sent is theirs. */
const judgeSwitches = (sent: readonly Sent[], doings: readonly Doing[]): { twice: string[]; lost: string[] } => {
  const twice: string[] = [];
  const lost: string[] = [];
  for (const [at, command] of sent.entries()) {
    const until = sent[at + 1]?.sentMs ?? Number.POSITIVE_INFINITY;
    const done = doings.filter(
      ({ atMs, what, done: is }) =>
        is === true && atMs >= command.sentMs - 1 && atMs < until - 1 && 'call' in what && what.call === command.switch,
    ).length;
    if (done > 1) twice.push(`${said(command)}: ${done} times`);
    const mayHaveEndedBefore = doings.some(({ done: is }) => is === undefined);
    if (done === 0 && command.answer === 'success' && !mayHaveEndedBefore) lost.push(said(command));
  }
  return { twice, lost };
};

const longestPauseOf = (sent: readonly Sent[]): number => {
  let longest = 0;
  let last = sent[0]?.sentMs ?? 0;
  for (const { answer, sentMs, ms } of sent) {
    if (answer !== 'success') continue;
    longest = Math.max(longest, sentMs + ms - last);
    last = sentMs + ms;
  }
  return longest;
};

export const judge = (all: readonly Sent[], doings: readonly Doing[]): Judged => {
  const written = all.filter(({ marker }) => marker !== undefined);
  const byMarker = new Map(written.map((one) => [one.marker ?? '', one]));
  const { traces, standing, strange } = traceOf(doings, byMarker);
  const [twice, lost]: [string[], string[]] = [[], []];
  let [succeeded, faulted, undone, inDoubt] = [0, 0, 0, 0];
  for (const [marker, command] of byMarker) {
    const trace = traces.get(marker);
    if (trace !== undefined && trace.times > 1) twice.push(`${said(command)}: ${trace.times} times`);
    const stays = trace !== undefined && !trace.undone;
    if (command.answer === 'success') {
      if (stays) succeeded += 1;
      else lost.push(said(command));
    } else if (stays) inDoubt += 1;
    else {
      faulted += 1;
      if (trace !== undefined) undone += 1;
    }
  }
  const switches = all.filter((one) => one.switch !== undefined);
  for (const machine of new Set(switches.map((one) => one.machine))) {
    const found = judgeSwitches(
      switches.filter((one) => one.machine === machine),
      doings.filter((one) => one.machine === machine),
    );
    twice.push(...found.twice);
    lost.push(...found.lost);
  }
  const answers = new Map<string, number>();
  for (const { answer, broken, vendor } of all) {
    const word = answer === 'success' ? answer : `${vendor} ${broken ? 'broken: ' : ''}${answer}`;
    answers.set(word, (answers.get(word) ?? 0) + 1);
  }
  const clients = new Map<string, Sent[]>();
  for (const one of all) {
    const key = `${one.vendor} ${one.host.name}`;
    clients.set(key, [...(clients.get(key) ?? []), one]);
  }
  return {
    commands: written.length,
    ...{ succeeded, faulted, undone, inDoubt, twice, lost, strange },
    switches: switches.length,
    longestMs: Math.max(0, ...all.map(({ ms }) => ms)),
    longestPauseMs: Math.max(0, ...[...clients.values()].map(longestPauseOf)),
    answers,
    standing,
  };
};
