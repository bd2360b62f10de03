/** The link: typed calls both ways over a channel of whole binary messages. Calls in, MessagePack out; and back. */
import { Packr } from 'msgpackr';
import { LIMITS } from './limits.ts';
import type { Log } from './log.ts';
import { Numbered } from './numbered.ts';

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

/** A call or its answer. */
interface Message {
  t: 'q' | 's';
  /** A number of the caller's, or a text of one that is of an earlier version; the answer has it as well. */
  i: number | string;
  /** The function, and what it is given. */
  m?: string;
  a?: unknown[];
  /** What it gave, or why it gave nothing. */
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
  if (typeof message.i !== 'number' && typeof message.i !== 'string')
    throw new Error('a message of the link without its id');
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
  const calls = new Numbered<Pick<PromiseWithResolvers<unknown>, 'resolve' | 'reject'>>();
  let reason: string | undefined;

  /** Whoever waits for room in the channel waits for its answer. */
  const send = (message: Message): void => void channel.send(encodeMessage(message));
  const call = async (name: string, args: unknown[]): Promise<unknown> => {
    if (reason !== undefined) throw new LinkDown(`the link is down: ${reason}`);
    const answer = Promise.withResolvers<unknown>();
    const id = calls.add(answer);
    let timer: NodeJS.Timeout | undefined;
    try {
      send({ t: 'q', i: id, m: name, a: args });
      if (!unlimited.has(name)) {
        const late = (): void => answer.reject(new LinkDown(`the link did not answer ${name} in ${callMs} ms`));
        timer = setTimeout(late, callMs);
        timer.unref();
      }
      return await answer.promise;
    } finally {
      calls.delete(id);
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
        method = (...args) => call(name, args);
        methods.set(name, method);
      }
      return method;
    },
  });
  const functions = callable(typeof local === 'function' ? local(remote) : local);
  const reply = async ({ i, m: name = '', a: args = [] }: Message): Promise<void> => {
    try {
      const asked = functions[name];
      if (asked === undefined) throw new Error(`the link's function ${name} was not found`);
      send({ t: 's', i, r: await asked(...args) });
    } catch (error) {
      // Once the link is down there is nobody to be told.
      if (reason !== undefined) return;
      if (!(error instanceof LinkDown)) log.error({ error }, `link: ${name} failed`);
      send({ t: 's', i, e: error });
    }
  };

  channel.onMessage((bytes) => {
    let message: Message;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      // One side is broken: whoever waits for that message would wait for ever.
      log.error({ error }, 'link: a message could not be read');
      channel.close('unreadable message');
      return;
    }
    if (message.t === 'q')
      void reply(message).catch(() => {}); // the link went down meanwhile
    else if (message.e === undefined) calls.get(Number(message.i))?.resolve(message.r);
    else calls.get(Number(message.i))?.reject(message.e as Error);
  });
  const closed = new Promise<string>((resolve) => {
    channel.onClose((why) => {
      reason ??= why;
      for (const { reject } of calls.values()) reject(new LinkDown(`the link is down: ${reason}`));
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
