/** Programs inside a network namespace: the product from a configuration, peers, and servers and clients of another protocol; each ended by us. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Output } from './clients.ts';
import { launch, tailOf } from './launch.ts';
import type { Place } from './netns.ts';

const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
const WAIT_LIMIT_MS = 30_000;
const END_LIMIT_MS = 15_000;
export const USER = 'root';
export const PASSWORD = 'pass-for-tests';

export type Running = {
  readonly log: () => string;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** Runs until it is let go of. */
export const runIn = (place: Place, words: readonly string[]): Running => {
  const child = place.start(words);
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString('utf8')).slice(-16_384);
    });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  return {
    log: () => log,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      const stubborn = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
      await ended;
      clearTimeout(stubborn);
    },
  };
};

/** All of them, or none that goes on running. */
export const startAll = async <T extends AsyncDisposable>(
  stack: AsyncDisposableStack,
  starting: readonly Promise<T>[],
): Promise<readonly T[]> => {
  const settled = await Promise.allSettled(starting);
  const started = settled.flatMap((one) => (one.status === 'fulfilled' ? [stack.use(one.value)] : []));
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
  return started;
};

export const until = async (condition: () => boolean | Promise<boolean>, says: () => string): Promise<void> => {
  const end = Date.now() + WAIT_LIMIT_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(says());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** `transvisor intercept` there, on a configuration of this text. */
export const interceptIn = async (
  place: Place,
  act: 'print' | 'apply' | 'remove',
  config: string,
  ...flags: readonly string[]
): Promise<Output> => {
  const root = mkdtempSync(join(tmpdir(), 'tvi-'));
  const file = join(root, 'transvisor.toml');
  try {
    writeFileSync(file, config);
    return await place.run([PROGRAM, 'intercept', act, '--config', file, ...flags]);
  } finally {
    rmSync(root, { recursive: true });
  }
};

/** `transvisor up` there; its configuration is a file, as an operator's is. */
export type Product = Running & {
  /** `transvisor intercept` on its configuration, with these rules. */
  readonly intercept: (act: 'apply' | 'remove', rules?: string) => Promise<void>;
};

/** `opener`: words before the program's own, of what opens its sockets. */
export const startProduct = async (place: Place, config: string, opener: readonly string[] = []): Promise<Product> => {
  const root = mkdtempSync(join(tmpdir(), 'tvn-'));
  const file = (name: string): string => join(root, name);
  writeFileSync(file('password'), `${PASSWORD}\n`, { mode: 0o600 });
  const common = `state = "${file('state')}"\nuser = "${USER}"\npasswordFile = "${file('password')}"\n`;
  writeFileSync(file('transvisor.toml'), `${common}${config}`);
  const words = [...opener, PROGRAM, 'up', '--config', file('transvisor.toml'), '--port', 'admin=0'];
  const remove = (): void => rmSync(root, { recursive: true, force: true });
  const running = await launch(...place.command(...words), file('product')).catch((error: unknown) => {
    remove();
    throw error;
  });
  return {
    log: () => tailOf(file('product.log')),
    intercept: async (act, rules = '') => {
      const { code, stderr } = await interceptIn(place, act, `${common}${config}\n${rules}`);
      if (code !== 0) throw new Error(`intercept ${act} on ${place.name}: ${stderr}`);
    },
    [Symbol.asyncDispose]: async () => {
      await running.stop();
      remove();
    },
  };
};

/** Speaks first, as ssh does, then says again what it hears. */
const ECHO = `
const { createServer } = require('net');
for (const port of process.argv.slice(1))
  createServer((socket) => {
    socket.on('error', () => {});
    socket.write('SSH-2.0-own\\r\\n');
    socket.pipe(socket);
  }).listen(Number(port), '::', () => console.log(port));
`;
const TALK = `
const [host, port, says] = process.argv.slice(1);
let heard = '';
const tell = () => { console.log(JSON.stringify(heard)); process.exit(); };
const socket = require('net').connect(Number(port), host, () => socket.write(says));
socket.on('data', (bytes) => { heard += bytes; if (heard.endsWith(says)) tell(); });
socket.on('error', (error) => { heard += error.code; }).on('close', tell);
setTimeout(tell, 10000);
`;
const CLIENT_SAYS = 'SSH-2.0-client\r\n';
/** What is heard when a server of ours and a client of its protocol find each other. */
export const SSH_HEARD = `SSH-2.0-own\r\n${CLIENT_SAYS}`;

/** A server of another protocol on these ports of every address. */
export const startSshLike = async (place: Place, ...ports: readonly number[]): Promise<Running> => {
  const running = runIn(place, [process.execPath, '-e', ECHO, ...ports.map(String)]);
  await until(
    () => ports.every((port) => running.log().includes(`${port}\n`)),
    () => `nothing listens on ${place.name}: ${running.log()}`,
  );
  return running;
};

export const talkSshLike = async (from: Place, host: string, port: number): Promise<string> => {
  const { stdout, stderr } = await from.run([process.execPath, '-e', TALK, host, String(port), CLIENT_SAYS]);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as string;
};
