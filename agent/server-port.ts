/** The server as the agent sees it: its functions while the link is up, nothing while it is away. */
import { LinkDown } from '../runtime/link.ts';
import type { ServerApi, ServerHello } from '../runtime/protocol.ts';

export interface ServerPort {
  /** undefined while the server is away or has not answered `hello` on this link. */
  readonly api: ServerApi | undefined;
  /** The last answer to `hello`; kept while the server is away. */
  readonly hello: ServerHello | undefined;
  /** While another server takes over: what is asked anew waits for it; rejects with LinkDown when none comes. */
  readonly held?: Promise<void> | undefined;
  onUp(listener: (api: ServerApi, hello: ServerHello) => void): void;
  onDown(listener: () => void): void;
}

export interface OwnedServerPort extends ServerPort {
  up(api: ServerApi, hello: ServerHello): void;
  down(): void;
}

export const createServerPort = (): OwnedServerPort => {
  let api: ServerApi | undefined;
  let hello: ServerHello | undefined;
  const ups: ((api: ServerApi, hello: ServerHello) => void)[] = [];
  const downs: (() => void)[] = [];
  return {
    get api() {
      return api;
    },
    get hello() {
      return hello;
    },
    onUp: (listener) => {
      ups.push(listener);
      if (api !== undefined && hello !== undefined) listener(api, hello);
    },
    onDown: (listener) => void downs.push(listener),
    up: (next, answer) => {
      api = next;
      hello = answer;
      for (const listener of ups) listener(next, answer);
    },
    down: () => {
      if (api === undefined) return;
      api = undefined;
      for (const listener of downs) listener();
    },
  };
};

/** The server's functions, or LinkDown, which a front answers with its host-communication fault. */
export const present = (server: ServerPort): ServerApi => {
  if (server.api === undefined) throw new LinkDown('the transform server is away');
  return server.api;
};
