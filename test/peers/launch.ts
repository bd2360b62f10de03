/** Starts one program of the product as a person does and waits for its ready file; ends it by signal. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { witness } from './witnesses.ts';

const START_LIMIT_MS = 90_000;
const END_LIMIT_MS = 20_000;
const LOG_TAIL = 8192;

export type Launched = {
  readonly pid: number;
  readonly runs: () => boolean;
  readonly ended: Promise<number | null>;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** SIGTERM, and waits; gives the exit code. */
  readonly stop: () => Promise<number | null>;
  readonly kill9: () => Promise<void>;
  /** What the ready file says. */
  readonly ready: unknown;
};

export const tailOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8').slice(-LOG_TAIL) : '');

/** `files`: the beginning of the names of its ready file and its log, which is written on. `given`: aborted, it is not waited for any more. */
export const launch = async (
  program: string,
  args: readonly string[],
  files: string,
  given?: AbortSignal,
): Promise<Launched> => {
  const readyFile = `${files}.ready`;
  const logFile = `${files}.log`;
  rmSync(readyFile, { force: true });
  const log = openSync(logFile, 'a');
  const child = spawn(program, [...args, '--ready-file', readyFile], { stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
  const forget = witness(`${program} ${args[0]} (${child.pid})`, () => tailOf(logFile));
  const runs = (): boolean => child.exitCode === null && child.signalCode === null;
  const kill9 = async (): Promise<void> => {
    if (!runs()) return;
    child.kill('SIGKILL');
    await ended;
    forget();
  };
  const end = Date.now() + START_LIMIT_MS;
  while (!existsSync(readyFile)) {
    if (!runs()) throw new Error(`transvisor ${args[0]} ended with ${child.exitCode}: ${tailOf(logFile)}`);
    if (Date.now() > end || given?.aborted === true) {
      await kill9();
      throw new Error(`transvisor ${args[0]} is not ready in time: ${tailOf(logFile)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    pid: child.pid ?? 0,
    runs,
    ended,
    signal: (signal) => void child.kill(signal),
    stop: async () => {
      forget();
      if (!runs()) return ended;
      child.kill('SIGTERM');
      const stubborn = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
      const code = await ended;
      clearTimeout(stubborn);
      return code;
    },
    kill9,
    ready: JSON.parse(readFileSync(readyFile, 'utf8')) as unknown,
  };
};
