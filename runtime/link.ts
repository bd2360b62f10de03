/** The link: typed calls both ways over a channel of whole binary messages. Calls in, MessagePack out; and back. */
import { createBirpc } from 'birpc';
import { Packr } from 'msgpackr';
import { LIMITS } from './limits.ts';
import type { Log } from './log.ts';

/** A pipe of whole messages. `send` resolves when there is room for more; it throws when the pipe is closed. */
export interface Channel {
  send(bytes: Uint8Array): Promise<void> | void;
  onMessage(listener: (bytes: Uint8Array) => void): void;
  /** Called once, also when already closed. */
  onClose(listener: (reason: string) => void): void;
  close(reason: string): void;
}

/** The other program is away, or one that it needs: the call was not answered and may or may not have been carried out. */
export class LinkDown extends Error {
  override readonly name = 'LinkDown';
}

export interface Link<Remote> {
  readonly remote: Remote;
  /** Resolved with the reason. */
  readonly closed: Promise<string>;
  close(reason: string): void;
}

export interface LinkOptions {
  readonly log: Log;
  /** Calls that wait for clients, hosts or changes and so have no time limit of the link's. */
  readonly unlimited: readonly string[];
  readonly callMs?: number;
}

/** Each message stands alone: no shared structures, so that a lost or late one spoils no other. */
const packr = new Packr({ useRecords: false, moreTypes: false });

interface Message {
  t: 'q' | 's';
  i?: string;
  m?: string;
  a?: unknown[];
  r?: unknown;
  e?: unknown;
  /** The error is a LinkDown: what the other side needed for its answer is away. */
  d?: true;
}

/** An error crosses as its text only: what was thrown is the thrower's bug and is logged there with its stack. */
const errorText = ({ e, ...message }: Message): Message => ({
  ...message,
  e: e instanceof Error ? e.message : String(e),
  ...(e instanceof LinkDown ? { d: true } : {}),
});

const encodeMessage = (message: Message): Uint8Array => {
  const bytes = packr.pack(message.e === undefined ? message : errorText(message));
  if (bytes.length > LIMITS.linkMessageBytes)
    throw new Error(`a link message of ${bytes.length} bytes is over the limit`);
  return bytes;
};

const decodeMessage = (bytes: Uint8Array): Message => {
  const message = packr.unpack(bytes) as Message | null;
  if (message === null || typeof message !== 'object' || (message.t !== 'q' && message.t !== 's')) {
    throw new Error('not a message of the link');
  }
  if (message.t === 'q' && (typeof message.m !== 'string' || !Array.isArray(message.a))) {
    throw new Error('not a call of the link');
  }
  if (message.e === undefined) return message;
  return { ...message, e: message.d === true ? new LinkDown(String(message.e)) : new Error(String(message.e)) };
};

/** Only own functions can be called from the other side, never what an object inherits. */
const callable = (local: object): Record<string, (...args: unknown[]) => unknown> => {
  const functions: Record<string, (...args: unknown[]) => unknown> = Object.create(null);
  for (const [name, value] of Object.entries(local)) {
    if (typeof value === 'function') functions[name] = value as (...args: unknown[]) => unknown;
  }
  return functions;
};

/** `local` may be made from the other side's functions, which it then calls back. */
export const openLink = <Remote extends object>(
  local: object | ((remote: Remote) => object),
  channel: Channel,
  options: LinkOptions,
): Link<Remote> => {
  const { log } = options;
  const callMs = options.callMs ?? LIMITS.linkCallMs;
  const unlimited = new Set(options.unlimited);
  let reason: string | undefined;
  const timed = async (name: string, args: unknown[]): Promise<unknown> => {
    if (reason !== undefined) throw new LinkDown(`the link is down: ${reason}`);
    const answer = rpc.$call(name, ...args);
    if (unlimited.has(name)) return answer;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new LinkDown(`the link did not answer ${name} in ${callMs} ms`)), callMs);
      timer.unref();
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  };
  const methods = new Map<string, (...args: unknown[]) => Promise<unknown>>();
  const remote = new Proxy({} as Remote, {
    get: (_, name) => {
      // A promise resolved with the proxy asks for `then`.
      if (typeof name !== 'string' || name === 'then') return undefined;
      let method = methods.get(name);
      if (method === undefined) {
        method = (...args) => timed(name, args);
        methods.set(name, method);
      }
      return method;
    },
  });
  const functions = callable(typeof local === 'function' ? local(remote) : local);
  const rpc = createBirpc<Record<string, (...args: unknown[]) => unknown>>(functions, {
    post: (bytes: Uint8Array) => channel.send(bytes),
    on: (listener) =>
      channel.onMessage((bytes) => {
        // birpc answers by itself; what is left to reject here is a reply that could not be sent because the link is gone.
        Promise.resolve(listener(bytes)).catch(() => {});
      }),
    serialize: encodeMessage,
    deserialize: (bytes: Uint8Array) => {
      try {
        return decodeMessage(bytes);
      } catch (error) {
        // One side is broken: whoever waits for that message would wait for ever.
        log.error({ error }, 'link: a message could not be read');
        channel.close('unreadable message');
        throw error;
      }
    },
    bind: 'functions',
    timeout: -1,
    onFunctionError: (error, name) => {
      if (!(error instanceof LinkDown)) log.error({ error }, `link: ${name} failed`);
      return false;
    },
    // What the other side threw goes to the caller, which knows what it means.
    onGeneralError: () => false,
  });
  const closed = new Promise<string>((resolve) => {
    channel.onClose((why) => {
      reason ??= why;
      rpc.$close(new LinkDown(`the link is down: ${reason}`));
      resolve(reason);
    });
  });
  return { remote, closed, close: (why) => channel.close(why) };
};

/** Calls of the server and of the agent that may take as long as a client or a host does. */
export const UNLIMITED = [
  'call',
  'stream',
  'chunk',
  'acquire',
  'step',
  'probe',
  'read',
  'ask',
  'list',
  'changes',
] as const;
