/** This program again, in a network, a mount and a process namespace of its own: what drills do to networks and disks is seen by nobody else, and all of it ends with it. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../peers/clients.ts';

const INSIDE = 'TRANSVISOR_DRILLS_INSIDE';
/** Daemons and tools of the network live in sbin, which is not on every PATH. */
const PROGRAMS = `${process.env['PATH']}:/usr/sbin:/sbin`;

/** Whatever still runs in there when the first process ends is killed. */
const APART = ['-n', '-m', '--propagation', 'private', '-p', '--fork', '--kill-child', '--mount-proc'];

export const isInside = (): boolean => process.env[INSIDE] === 'yes';

/** The exit code of the same command line inside. */
export const enter = (program: string, args: readonly string[]): Promise<number> => {
  if (process.getuid?.() !== 0) throw new Error('drills need root: they make networks, mounts and hosts of their own');
  const again = [process.execPath, fileURLToPath(program), ...args];
  const child = spawn(
    'unshare',
    [...APART, 'sh', '-c', 'ip link set lo up && exec "$@"', 'drills', 'tini', '--', ...again],
    {
      stdio: 'inherit',
      env: { ...process.env, PATH: PROGRAMS, [INSIDE]: 'yes' },
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
};

const run = async (...words: readonly string[]): Promise<void> => {
  const [file = '', ...args] = words;
  const { code, stderr } = await runProgram(file, args);
  if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr.trim()}`);
};

/** A disk that is full when so many bytes are on it. */
export const mountSmallDisk = async (folder: string, bytes: number): Promise<AsyncDisposable> => {
  await run('mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'small', folder);
  // What still runs there keeps it for itself until it ends.
  return { [Symbol.asyncDispose]: () => run('umount', '--lazy', folder) };
};

/** Not a byte is free any more, until the file that is given is removed. */
export const fillDisk = (folder: string): string => {
  const file = join(folder, 'filler');
  const to = openSync(file, 'w');
  try {
    for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 16)) {
      const piece = Buffer.alloc(size);
      try {
        for (;;) if (writeSync(to, piece) < size) break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(to);
  }
  return file;
};

/** Nothing comes through to or from this port, and nobody is told. */
export const cutPort = async (port: number): Promise<AsyncDisposable> => {
  const rules = `table inet cut {\n chain cut {\n type filter hook output priority 0;\n tcp dport ${port} drop\n tcp sport ${port} drop\n }\n}\n`;
  await run('nft', rules);
  return { [Symbol.asyncDispose]: () => run('nft', 'delete table inet cut') };
};
