/** Programs inside a network namespace: the product from a configuration, hosts with a machine each, and servers of a line, each ended by us. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from './netns.ts';

export const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
const START_LIMIT_MS = 90_000;
const END_LIMIT_MS = 15_000;
export const USER = 'root';
export const PASSWORD = 'pass-for-tests';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export type Running = {
  readonly log: () => string;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** Runs until it is let go of. */
export const runIn = (place: Place, words: readonly string[]): Running & { readonly child: ChildProcess } => {
  const child = place.start(words);
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString('utf8')).slice(-16_384);
    });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  return {
    child,
    log: () => log,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      const stubborn = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
      await ended;
      clearTimeout(stubborn);
    },
  };
};

export const until = async (condition: () => boolean | Promise<boolean>, says: () => string): Promise<void> => {
  const end = Date.now() + START_LIMIT_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(says());
    await sleep(20);
  }
};

/** `transvisor up` there; its configuration is a file, as an operator's is. */
export type Product = Running & {
  readonly configFile: string;
  /** `transvisor intercept print|apply|remove` on that configuration with this `[intercept]`. */
  readonly intercept: (act: string, rules?: string, ...flags: readonly string[]) => Promise<string>;
};

export const startProduct = async (place: Place, config: string): Promise<Product> => {
  const root = mkdtempSync(join(tmpdir(), 'tvn-'));
  const file = (name: string): string => join(root, name);
  writeFileSync(file('password'), `${PASSWORD}\n`, { mode: 0o600 });
  const common = `state = "${file('state')}"\nuser = "${USER}"\npasswordFile = "${file('password')}"\n`;
  writeFileSync(file('transvisor.toml'), `${common}${config}`);
  const running = runIn(place, [
    PROGRAM,
    'up',
    '--config',
    file('transvisor.toml'),
    ...['--port', 'admin=0', '--ready-file', file('ready')],
  ]);
  const dispose = async (): Promise<void> => {
    await running[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  };
  try {
    await until(
      () => {
        if (running.child.exitCode !== null) throw new Error(`transvisor on ${place.name}: ${running.log()}`);
        return existsSync(file('ready'));
      },
      () => `transvisor on ${place.name} is not ready in time: ${running.log()}`,
    );
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    log: running.log,
    configFile: file('transvisor.toml'),
    intercept: async (act, rules = '', ...flags) => {
      writeFileSync(file('intercept.toml'), `${readFileSync(file('transvisor.toml'), 'utf8')}\n${rules}`);
      const words = [PROGRAM, 'intercept', act, '--config', file('intercept.toml'), ...flags];
      const { code, stdout, stderr } = await place.run(words);
      if (code !== 0) throw new Error(`intercept ${act} on ${place.name}: ${stderr}`);
      return stdout;
    },
    [Symbol.asyncDispose]: dispose,
  };
};
