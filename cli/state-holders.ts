/** A state directory in; the processes that work on it out: a server has its database open, an agent its outbox. */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Holder {
  readonly pid: number;
  /** What it was started as. */
  readonly command: string;
}

const listOf = <T>(read: () => T[]): T[] => {
  try {
    return read();
  } catch {
    // It ended, or is another user's: whoever may change the directory sees those who work on it.
    return [];
  }
};

export const holdersOf = (directory: string): Holder[] => {
  const [at] = listOf(() => [realpathSync(directory)]);
  if (at === undefined) return [];
  const pids = listOf(() => readdirSync('/proc')).filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) =>
      listOf(() => readdirSync(`/proc/${pid}/fd`)).some((fd) =>
        listOf(() => [readlinkSync(`/proc/${pid}/fd/${fd}`)]).some(
          (path) => path.startsWith('/') && dirname(path) === at,
        ),
      ),
    )
    .map((pid) => ({
      pid: Number(pid),
      command: listOf(() => [readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim()])[0] ?? '',
    }));
};
