/** The first of a line of programs that took each other's place: stays for whoever started it, passes signals on, and ends with the newest. */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from './exit-codes.ts';

/** Names the folder of the line: the pids of those who served, and the socket by which old ones reach the newest. */
const LINE = 'TRANSVISOR_LINE';
const POLL_MS = 200;
const ENDING = ['SIGTERM', 'SIGINT'] as const;
/** Asked of the newest alone. */
const ASKING = ['SIGUSR2', 'SIGHUP'] as const;

let own: string | undefined;
/** Nobody else can write to it; a unix socket in it has a path that is short enough wherever the state lies. */
const lineFolder = (): string => {
  own ??= process.env[LINE] ?? mkdtempSync(join(tmpdir(), 'transvisor-line-'));
  return own;
};

/** For the environment of a successor. */
export const lineEnvironment = (): Readonly<Record<string, string>> => ({ [LINE]: lineFolder() });

/** The same for all of the line: one that was replaced twice over finds the newest. */
export const lineSocket = (): string => join(lineFolder(), 'link');

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // Nobody may be there to reap it: as the first process of a container this one never asked to.
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
};

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // it ended meanwhile
  }
};

/**
 * A successor with this pid serves. Resolves with an exit code when this program has nothing to stay for: the first of the line when the
 * newest has ended, any other when it is drained.
 */
export const follow = (successor: number, drained: Promise<void>): Promise<number> => {
  const file = join(lineFolder(), 'pids');
  appendFileSync(file, `${successor}\n`, { mode: 0o600 });
  // Only a program that listens to it lives on after SIGHUP; so do those after it.
  const asking = ASKING.filter((signal) => process.listenerCount(signal) > 0);
  for (const signal of [...ENDING, ...asking]) process.removeAllListeners(signal);
  if (process.env[LINE] !== undefined) {
    // Another one follows: it is told to end with the rest.
    const told = new Promise<void>((resolve) => {
      for (const signal of ENDING) process.on(signal, () => resolve());
      for (const signal of asking) process.on(signal, () => {});
    });
    return Promise.race([drained, told]).then(() => EXIT.ok);
  }
  const line = (): readonly number[] => readFileSync(file, 'utf8').trim().split('\n').map(Number);
  const pass = (signal: NodeJS.Signals, pids: readonly number[]): void => {
    for (const pid of pids) send(pid, signal);
  };
  for (const signal of ENDING) process.on(signal, () => pass(signal, line()));
  for (const signal of asking) process.on(signal, () => pass(signal, line().slice(-1)));
  return new Promise((resolve) => {
    const poll = setInterval(() => {
      const newest = line().at(-1) ?? successor;
      if (isAlive(newest)) return;
      clearInterval(poll);
      rmSync(lineFolder(), { recursive: true, force: true });
      resolve(EXIT.ok);
    }, POLL_MS);
  });
};
