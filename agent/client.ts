/** One exchange's client as the routes see it: whole answers, and bodies in pieces with back-pressure. */
import type { Socket } from 'node:net';
import type { Decoded, HttpAnswer } from '../mappings/generic/platform.ts';
import type { RequestHead } from './http/head.ts';
import type { Trail } from './trail.ts';

export interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TakenConnection {
  readonly socket: Socket;
  readonly early: Buffer;
}

export interface Client {
  readonly head: RequestHead;
  readonly address: string;
  readonly secure: boolean;
  /** Where somebody may look at the exchange: told of the answer by whoever sends it. */
  trail?: Trail | undefined;
  /** What became of it, as soon as that is known: value, or the kind of the fault. */
  outcome?: string | undefined;
  /** Its id, once it has one. */
  exchange?: string | undefined;
  /** The client closed before its answer was complete. */
  readonly gone: boolean;
  onGone(listener: () => void): void;
  /** The request's body as it comes, of a request whose body is not gathered; a client that goes away ends it with an error. */
  body(): AsyncIterable<Buffer>;
  answer(answer: HttpAnswer, setCookie?: string): void;
  /** Opens an answer that comes in pieces; length -1 when not known. */
  open(head: Head, lengthBytes: number): void;
  /** Resolves when the client has room for more, or is gone. */
  write(bytes: Uint8Array | string): Promise<void> | undefined;
  end(): void;
  /** The answer cannot be completed: the client must not take what it has for the whole. */
  destroy(): void;
  /** The connection itself, with what the client sent behind its request; nothing more is read or written for it here. */
  takeOver(): TakenConnection;
  /** What the connection's last request was decoded to, when this one is the same to the letter. */
  decodedBefore(body: Uint8Array): Decoded | undefined;
  remember(body: Uint8Array, decoded: Decoded): void;
}

type Wrap = Head & { readonly before: string; readonly after: string };

/** Answers for short bodies leave in one write with their length; the first piece waits to see whether another follows. */
export class BodyWriter {
  readonly #client: Client;
  readonly #wrapOf: () => Wrap;
  #first: Uint8Array | undefined;
  #opened = false;

  constructor(client: Client, wrapOf: () => Wrap) {
    this.#client = client;
    this.#wrapOf = wrapOf;
  }
  /** Pieces went to the client: no other answer can be given any more. */
  get opened(): boolean {
    return this.#opened;
  }
  write(bytes: Uint8Array): Promise<void> | undefined {
    const client = this.#client;
    if (!this.#opened) {
      if (this.#first === undefined) {
        // The link's buffer may be used again: what is kept is copied.
        this.#first = Buffer.from(bytes);
        return undefined;
      }
      this.#opened = true;
      const wrap = this.#wrapOf();
      client.open(wrap, -1);
      void client.write(wrap.before);
      void client.write(this.#first);
    }
    return client.write(bytes);
  }
  finish(): void {
    const wrap = this.#wrapOf();
    if (this.#opened) {
      void this.#client.write(wrap.after);
      this.#client.end();
      return;
    }
    const parts = [Buffer.from(wrap.before), this.#first ?? new Uint8Array(), Buffer.from(wrap.after)];
    this.#client.answer({ status: wrap.status, headers: wrap.headers, body: Buffer.concat(parts) });
  }
}
