/** One program takes the place of another while clients wait: a signal in; a successor started from the code on disk, the sockets passed to it, out. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Acceptor, createAcceptor } from '../agent/acceptor.ts';
import type { Log } from '../runtime/log.ts';
import { EXIT } from './exit-codes.ts';
import { follow, lineEnvironment } from './follower.ts';

/** What a running program can do for its successor. */
export interface Predecessor {
  readonly acceptors: ReadonlyMap<string, Server>;
  /** Lets go of all that only one program can have. */
  handOver(): Promise<void>;
  /** The successor serves: resolves when what is under way here has ended. `note` is the successor's. */
  drain(note: SuccessorNote): Promise<void>;
}

/** Where clients' waits of the old program are asked again, when its own server is gone. */
export interface SuccessorNote {
  readonly link?: string;
  readonly token?: string;
}

/** The successor's side. */
export interface Turn {
  readonly acceptors: ReadonlyMap<string, Acceptor>;
  serving(note: SuccessorNote): void;
  /** The one before has nothing under way any more. */
  readonly left: Promise<void>;
}

/** `looks`: it wants to be told where this program listens, and then says whether it can listen everywhere else. Earlier versions do not. */
type ToPredecessor =
  | { readonly ready: true; readonly looks?: true }
  | { readonly fits: true }
  | { readonly unfit: string }
  | { readonly serving: SuccessorNote };
type ToSuccessor = { readonly held: readonly AddressInfo[] } | { readonly socket: string } | { readonly go: true };

const MARK = 'TRANSVISOR_SUCCEEDS';
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const READY_MS = 60_000;
const SERVING_MS = 120_000;

/** Whether this program was started to take the place of another. */
export const isSuccessor = (): boolean => process.env[MARK] !== undefined && process.send !== undefined;

/**
 * In a successor: says that it could start, and waits until the other has let go. undefined: there is no other. `look` is given where the
 * other listens, and fails where this one could not.
 */
export const awaitTurn = async (
  look: (held: readonly AddressInfo[]) => Promise<void> = async () => {},
): Promise<Turn | undefined> => {
  if (!isSuccessor()) return undefined;
  delete process.env[MARK];
  const acceptors = new Map<string, Acceptor>();
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  process.once('disconnect', leave);
  const gone = left.then(() => {
    throw new Error('the program before this one ended before it let go');
  });
  const say = (message: ToPredecessor): void => void process.send?.(message);
  const go = new Promise<void>((resolve, reject) => {
    process.on('message', (message: ToSuccessor, handle?: unknown) => {
      if ('socket' in message) acceptors.set(message.socket, createAcceptor(handle as Server));
      else if ('held' in message)
        look(message.held).then(
          () => say({ fits: true }),
          (error: unknown) => {
            say({ unfit: error instanceof Error ? error.message : String(error) });
            reject(error);
          },
        );
      else resolve();
    });
  });
  say({ ready: true, looks: true });
  await Promise.race([go, gone]);
  gone.catch(() => {}); // from here on it may end
  return { acceptors, serving: (note) => say({ serving: note }), left };
};

const heard = <T>(
  child: ChildProcess,
  limitMs: number,
  pick: (message: ToPredecessor) => T | undefined,
): Promise<T | undefined> =>
  new Promise((resolve) => {
    const end = (found: T | undefined): void => {
      clearTimeout(timer);
      child.off('message', listen);
      child.off('exit', exited);
      resolve(found);
    };
    const listen = (message: unknown): void => {
      const found = pick(message as ToPredecessor);
      if (found !== undefined) end(found);
    };
    const exited = (): void => end(undefined);
    const timer = setTimeout(exited, limitMs);
    child.on('message', listen);
    child.once('exit', exited);
    child.once('error', exited);
  });

const start = (): ChildProcess =>
  spawn(join(ROOT, 'scripts', 'on-node'), ['node', ...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...lineEnvironment(), [MARK]: '1' },
  });

/** Resolves when all are under way: one goes at a time, and whoever closes a socket that still waits for its turn sends none. */
const passOn = async (child: ChildProcess, sockets: Predecessor['acceptors']): Promise<void> => {
  const sent = [...sockets].map(
    ([socket, server]) =>
      new Promise<void>((resolve) => void child.send({ socket } satisfies ToSuccessor, server, {}, () => resolve())),
  );
  await Promise.race([Promise.all(sent), new Promise((resolve) => child.once('exit', resolve))]);
};

/** Why it cannot listen where it is to listen; undefined: it can. */
const looked = async (child: ChildProcess, sockets: Predecessor['acceptors']): Promise<string | undefined> => {
  const places = [...sockets.values()].map((server) => server.address());
  const held = places.filter((at): at is AddressInfo => at !== null && typeof at === 'object');
  child.send({ held } satisfies ToSuccessor);
  const told = await heard(child, READY_MS, (message) =>
    'fits' in message || 'unfit' in message ? message : undefined,
  );
  if (told === undefined) return 'the new program ended before it could listen';
  return 'unfit' in told ? told.unfit : undefined;
};

/** Take-overs that this program refused, and why the last one. */
export interface Refusals {
  readonly times: number;
  readonly why: string;
}
let refusals: Refusals = { times: 0, why: '' };
export const refusedTakeOvers = (): Refusals => refusals;

/**
 * The exit code of the successor when there was one; undefined when there is none and this program goes on. A successor that fails
 * after this one has let go ends both: whoever started it starts it anew.
 */
const replace = async (predecessor: Predecessor, log: Log): Promise<number | undefined> => {
  const child = start();
  const ready = await heard(child, READY_MS, (message) => ('ready' in message ? message : undefined));
  const why =
    ready === undefined
      ? 'the new program does not start; the log has what it said'
      : ready.looks === true
        ? await looked(child, predecessor.acceptors)
        : undefined;
  if (why !== undefined) {
    child.kill('SIGKILL');
    refusals = { times: refusals.times + 1, why };
    log.error({}, `take-over: this program stays: ${why}`);
    return undefined;
  }
  await passOn(child, predecessor.acceptors);
  await predecessor.handOver();
  child.send({ go: true } satisfies ToSuccessor);
  const note = await heard(child, SERVING_MS, (message) => ('serving' in message ? message.serving : undefined));
  if (note === undefined) {
    child.kill('SIGKILL');
    log.error({}, 'take-over: the new program failed after this one had let go');
    return EXIT.internal;
  }
  log.info({}, `take-over: program ${child.pid} serves, this one ends what is under way`);
  const drained = predecessor
    .drain(note)
    .catch((error: unknown) => log.error({ error }, 'take-over: what was under way could not be ended'))
    .then(() => {
      log.info({}, 'take-over: nothing is under way any more');
      if (child.connected) child.disconnect();
    });
  return follow(child.pid ?? 0, drained);
};

/** Resolves with an exit code once a successor took over and ended. SIGUSR2 asks for one. */
export const untilReplaced = (predecessor: Predecessor, log: Log): Promise<number> =>
  new Promise((resolve, reject) => {
    let replacing = false;
    process.on('SIGUSR2', () => {
      if (replacing) return;
      replacing = true;
      replace(predecessor, log)
        .then((code) => {
          replacing = false;
          if (code !== undefined) resolve(code);
        })
        .catch(reject);
    });
  });
