/** One exchange's client on an HTTP connection: whole answers, and bodies in pieces with back-pressure, out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpAnswer } from '../mappings/generic/platform.ts';
import { LIMITS } from '../runtime/limits.ts';

export interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Client {
  readonly request: IncomingMessage;
  readonly address: string;
  readonly secure: boolean;
  /** The client closed before its answer was complete. */
  readonly gone: boolean;
  onGone(listener: () => void): void;
  answer(answer: HttpAnswer, setCookie?: string): void;
  /** Opens an answer that comes in pieces; length -1 when not known. */
  open(head: Head, lengthBytes: number): void;
  /** Resolves when the client has room for more, or is gone. */
  write(bytes: Uint8Array | string): Promise<void> | undefined;
  end(): void;
  /** The answer cannot be completed: the client must not take what it has for the whole. */
  destroy(): void;
}

export const createClient = (request: IncomingMessage, response: ServerResponse, secure: boolean): Client => {
  const socket = request.socket;
  let gone = false;
  const listeners: (() => void)[] = [];
  let watching = false;
  const watch = (): void => {
    if (watching) return;
    watching = true;
    response.once('close', () => {
      if (response.writableFinished) return;
      gone = true;
      for (const listener of listeners.splice(0)) listener();
    });
  };
  return {
    request,
    secure,
    get address() {
      return socket.remoteAddress ?? '';
    },
    get gone() {
      return gone || socket.destroyed;
    },
    onGone: (listener) => {
      if (gone || socket.destroyed) return listener();
      listeners.push(listener);
      return watch();
    },
    answer: ({ status, headers, body }, setCookie) => {
      const head: Record<string, string | number> = { ...headers };
      // A HEAD answer tells the length of what GET would send.
      const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
      head['content-length'] ??= bytes;
      if (setCookie !== undefined) head['set-cookie'] = setCookie;
      response.writeHead(status, head);
      // ASCII text leaves with its head in one write; as Latin-1 it is copied, not transcoded, which saves a fifth of a short answer.
      if (typeof body === 'string' && bytes === body.length) response.end(body, 'latin1');
      else response.end(body);
    },
    open: ({ status, headers }, lengthBytes) => {
      response.writeHead(status, lengthBytes < 0 ? { ...headers } : { ...headers, 'content-length': lengthBytes });
    },
    write: (bytes) => {
      if (gone || socket.destroyed) return undefined;
      response.write(bytes);
      if (response.writableLength < LIMITS.clientHighWaterBytes) return undefined;
      watch();
      return new Promise((resolve) => {
        const room = (): void => {
          response.off('drain', room);
          response.off('close', room);
          resolve();
        };
        response.on('drain', room);
        response.on('close', room);
      });
    },
    end: () => void response.end(),
    destroy: () => void socket.destroy(),
  };
};

/** Answers for short bodies leave in one write with their length; the first piece waits to see whether another follows. */
export interface BodyWriter {
  readonly started: boolean;
  write(bytes: Uint8Array): Promise<void> | undefined;
  finish(): void;
}

export const createBodyWriter = (
  client: Client,
  wrapOf: () => Head & { readonly before: string; readonly after: string },
): BodyWriter => {
  let first: Uint8Array | undefined;
  let opened = false;
  return {
    get started() {
      return opened || first !== undefined;
    },
    write: (bytes) => {
      if (!opened && first === undefined) {
        // The link's buffer may be used again: what is kept is copied.
        first = Buffer.from(bytes);
        return undefined;
      }
      if (!opened) {
        opened = true;
        const wrap = wrapOf();
        client.open(wrap, -1);
        void client.write(wrap.before);
        if (first !== undefined) void client.write(first);
      }
      return client.write(bytes);
    },
    finish: () => {
      if (opened) {
        void client.write(wrapOf().after);
        client.end();
        return;
      }
      const wrap = wrapOf();
      const parts = [Buffer.from(wrap.before), first ?? new Uint8Array(), Buffer.from(wrap.after)];
      client.answer({ status: wrap.status, headers: wrap.headers, body: Buffer.concat(parts) });
    },
  };
};
