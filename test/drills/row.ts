/** One row of the table: a fault under the commands of two vendors' clients in; what was promised, what was seen, and what was broken, out. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DrillHost, type Estate, startHost } from './estate.ts';
import { differencesOfIds, differencesToHost, type IdsSeen, idsOf } from './fresh-read.ts';
import { type Judged, judge } from './judge.ts';
import { type Commands, type Sent, startCommands } from './load.ts';
import { BROKE, startWatches, type Watch } from './watch.ts';

export type Ground = {
  readonly hosts: readonly DrillHost[];
  /** The command line of the product. */
  readonly program: string;
  /** Scratch of this row. */
  readonly folder: string;
};

export type Opened = {
  readonly estate: Estate;
  /** Each strikes, and mends what it struck; they are spread over the load. */
  readonly strikes: readonly (() => Promise<void>)[];
  readonly close?: () => Promise<void>;
};

export type Row = {
  readonly name: string;
  readonly fault: string;
  readonly promised: string;
  readonly hosts: number;
  /** No command and no wait notices. */
  readonly unnoticed?: true;
  /** Connections of clients end. */
  readonly breaks?: true;
  readonly open: (ground: Ground) => Promise<Opened>;
};

export type Result = {
  readonly row: Pick<Row, 'name' | 'fault' | 'promised'>;
  readonly seen: string;
  readonly commands: number;
  readonly broken: readonly string[];
};

/** A strike comes at any moment of a command. */
const JITTER_MS = 300;
const SETTLE_LIMIT_MS = 120_000;
const SETTLE_PAUSE_MS = 500;
/** Of what was broken in one row. */
const SHOWN = 20;
const LOAD_LIMIT_MS = 900_000;
/** That something of the client's is gone, which no fault here may make so. */
const LOST_PLACE = /InvalidCollectorVersion|NotAuthenticated|SESSION_INVALID|ManagedObjectNotFound|HANDLE_INVALID/;

/** What clients may be told: that the host is not reached, that another command holds the machine, or that theirs was taken back; and of power, that it is so already. */
const FAULTS =
  /^(?:task: )?(?:HostNotConnected|HostCommunication|HostNotReachable|TaskInProgress|RequestCanceled|InvalidPowerState|HOST_OFFLINE|OTHER_OPERATION_IN_PROGRESS|TASK_CANCELLED|OPERATION_CANCELLED|VM_BAD_POWER_STATE)$/;

/** Looks until nothing differs, or the limit is over: what differs then. */
const untilNothing = async (look: () => Promise<readonly string[]>): Promise<readonly string[]> => {
  const end = Date.now() + SETTLE_LIMIT_MS;
  for (;;) {
    const found = await look().catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
    if (found.length === 0 || Date.now() > end) return found;
    await sleep(SETTLE_PAUSE_MS);
  }
};

const strikeUnder = async (load: Commands, count: number, { strikes }: Opened, dice: () => number): Promise<void> => {
  for (const [at, strike] of strikes.entries()) {
    const from = (count * (at + 0.5)) / (strikes.length + 0.5);
    while (load.written() < from) await Promise.race([sleep(20), load.ended]);
    await sleep(dice() * JITTER_MS);
    await strike();
  }
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const counted = (words: ReadonlyMap<string, number>): string =>
  [...words]
    .filter(([word]) => word !== 'success')
    .toSorted(([, a], [, b]) => b - a)
    .map(([word, count]) => `${count} ${word}`)
    .join(', ');

/** Each way in which commands ended, once. */
const answersOf = (sent: readonly Sent[]): readonly (readonly [Sent, number])[] =>
  [...Map.groupBy(sent, ({ answer, broken }) => `${answer} ${broken}`).values()].flatMap((group) =>
    group[0] === undefined || group[0].answer === 'success' ? [] : [[group[0], group.length] as const],
  );

const wordsOf = (judged: Judged, watches: readonly Watch[], ids: number): string => {
  const faults = new Map<string, number>();
  for (const watch of watches)
    for (const [word, count] of watch.faults) faults.set(word, (faults.get(word) ?? 0) + count);
  const answered = watches.reduce((sum, watch) => sum + watch.answered(), 0);
  const { commands, succeeded, faulted, undone, inDoubt, twice, lost, switches } = judged;
  return [
    `${commands} commands and ${switches} power commands: ${succeeded} succeeded, ${faulted} faulted without effect (${undone} of them undone), ${inDoubt} in doubt and reported as fault`,
    `${twice.length} twice, ${lost.length} lost`,
    `one command took at most ${seconds(judged.longestMs)}, no success for at most ${seconds(judged.longestPauseMs)}`,
    `waits: ${answered} answered, ${counted(faults) || 'no fault'}`,
    `${ids} ids compared`,
  ].join('; ');
};

export const runRow = async (
  row: Row,
  options: {
    readonly count: number;
    readonly seed: number;
    readonly program: string;
    readonly folder: string;
    readonly dice: () => number;
    readonly say: (line: string) => void;
  },
): Promise<Result> => {
  const { count, seed, say } = options;
  const hosts: DrillHost[] = [];
  let opened: Opened | undefined;
  let load: Commands | undefined;
  const broken: string[] = [];
  const waiting: Watch[] = [];
  try {
    for (let n = 1; n <= row.hosts; n++) hosts.push(await startHost(`kvm-${n}`));
    opened = await row.open({ ...options, hosts });
    const { estate } = opened;
    const idsBefore = new Map<DrillHost, IdsSeen>();
    for (const host of hosts) idsBefore.set(host, await idsOf(estate, host));
    const watches = await startWatches(estate, hosts);
    waiting.push(...[...watches.values()].flat());
    load = await startCommands(estate, hosts, { count, seed });
    const late = sleep(LOAD_LIMIT_MS, undefined, { ref: false }).then(() => {
      throw new Error(`the commands did not end in ${LOAD_LIMIT_MS} ms`);
    });
    await Promise.race([Promise.all([strikeUnder(load, count, opened, options.dice), load.ended]), late]);

    const whatTheHostsDid = () =>
      judge(
        load?.sent ?? [],
        hosts.flatMap((host) => host.doings()),
      );
    // What was in doubt may still come to its end: plans go on after their clients were told.
    const differs = await untilNothing(async () => {
      const { standing } = whatTheHostsDid();
      const found: string[] = [];
      for (const host of hosts) {
        found.push(...(await differencesToHost(estate, host, standing)));
        for (const [at, watch] of (watches.get(host) ?? []).entries())
          for (const machine of host.machines)
            if (standing.has(machine) && watch.texts.get(machine) !== standing.get(machine))
              found.push(
                `the ${['vim25', 'xenapi'][at]} client that waits knows '${watch.texts.get(machine)}' of ${machine}, not '${standing.get(machine)}'`,
              );
      }
      return found;
    });
    broken.push(...differs.map((one) => `not as the host has it: ${one}`));
    let ids = 0;
    for (const host of hosts) {
      const before = idsBefore.get(host) ?? new Map();
      ids += before.size;
      broken.push(...differencesOfIds(before, await idsOf(estate, host)).map((one) => `ids: ${one}`));
    }
    for (const watch of waiting) await watch.stop();
    const judged = whatTheHostsDid();
    for (const [what, found] of [
      ['executed twice', judged.twice],
      ['lost without a fault', judged.lost],
      ['done, and nobody asked for it', judged.strange],
    ] as const)
      broken.push(...found.map((one) => `${what}: ${one}`));
    if (judged.commands !== count) broken.push(`${count} commands were to be sent, ${judged.commands} were`);
    for (const [{ answer, broken: isBroken, marker = 'power', machine, sentMs }, times] of answersOf(load.sent)) {
      const first = `${marker} on ${machine}, sent at ${new Date(sentMs).toISOString()}`;
      const ended = `${times} commands ended with ${answer} (${first})`;
      if (row.unnoticed) broken.push(`noticed: ${ended}`);
      else if (LOST_PLACE.test(answer)) broken.push(`a session or an object was lost: ${ended}`);
      else if (isBroken ? row.breaks !== true : !FAULTS.test(answer))
        broken.push(`not a fault that was promised: ${ended}`);
    }
    for (const { faults } of waiting)
      for (const [word, times] of faults)
        if (row.unnoticed || LOST_PLACE.test(word) || (BROKE.test(word) && row.breaks !== true))
          broken.push(`a wait ended with ${word}, ${times} times`);
    say(`  ${counted(judged.answers) || 'no fault'}`);
    for (const one of broken.slice(0, SHOWN)) say(`  BROKEN: ${one}`);
    if (broken.length > SHOWN) say(`  and ${broken.length - SHOWN} more`);
    return { row, commands: judged.commands, broken, seen: wordsOf(judged, waiting, ids) };
  } catch (error) {
    broken.push(error instanceof Error ? error.message : String(error));
    say(`  FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return { row, commands: load?.written() ?? 0, broken, seen: 'the drill failed' };
  } finally {
    load?.stop();
    for (const watch of waiting) await watch.stop();
    if (broken.length > 0) {
      const file = join(options.folder, `${row.name}.log`);
      writeFileSync(file, [opened?.estate.log(), ...hosts.map(({ libvirtd }) => libvirtd.log())].join('\n'));
      say(`  all logs: ${file}`);
    }
    await opened?.estate[Symbol.asyncDispose]();
    await opened?.close?.();
    for (const host of hosts) await host.libvirtd.stop();
  }
};
