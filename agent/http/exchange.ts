/** One request of a connection and its answer: takes the body as the front wants it, frames the answer by what the client understands. */
import type { Decoded, HttpAnswer } from '../../mappings/generic/platform.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Client, Head, TakenConnection } from '../client.ts';
import type { Trail } from '../trail.ts';
import { type Fields, fieldText, isBodiless } from './answer-head.ts';
import type { HttpConnection } from './connection.ts';
import type { RequestHead } from './head.ts';

const EMPTY = new Uint8Array();

type Wanted = { readonly resolve: (result: IteratorResult<Buffer>) => void; readonly reject: (error: Error) => void };

export class Exchange implements Client {
  readonly head: RequestHead;
  trail: Trail | undefined;
  outcome: string | undefined;
  exchange: string | undefined;
  opened = false;
  /** Whether a next request may follow on the connection. */
  keepsAlive: boolean;
  readonly #connection: HttpConnection;
  readonly #most: number;
  #mode: 'gathered' | 'pulled' | 'drained';
  #read = false;
  #answered = false;
  #gone = false;
  #continued = false;
  #bytes = 0;
  #only: Buffer | undefined;
  #pieces: Buffer[] | undefined;
  #wanted: Wanted | undefined;
  #listeners: (() => void)[] | undefined;
  /** Of an answer in pieces: bytes still to come, or its framing. */
  #framing: number | 'chunked' | 'until-close' = 0;
  #status = 0;

  constructor(connection: HttpConnection, head: RequestHead, most: number | 'pulled') {
    this.#connection = connection;
    this.head = head;
    this.keepsAlive = head.keepAlive;
    this.#mode = most === 'pulled' ? 'pulled' : 'gathered';
    this.#most = most === 'pulled' ? 0 : most;
  }

  get secure(): boolean {
    return this.#connection.secure;
  }
  get address(): string {
    return this.#connection.address;
  }
  get gone(): boolean {
    return this.#gone || this.#connection.destroyed;
  }
  /** Whether the next piece of the body has a place to go. */
  get takes(): boolean {
    return !this.#read && (this.#mode !== 'pulled' || this.#wanted !== undefined);
  }
  /** What the client has to do next, and how far it came. */
  get phase(): string {
    if (!this.takes) return 'answer';
    return this.#mode === 'pulled' ? `body ${this.#bytes}` : 'body';
  }

  begin(): void {
    const { requests } = this.#connection;
    if (this.#mode === 'pulled') {
      requests.arrived(this, EMPTY);
      return;
    }
    if (this.head.bodyBytes > this.#most) {
      this.#refuseBody();
      return;
    }
    this.#continue();
  }
  #continue(): void {
    if (!this.head.awaitsContinue || this.#continued) return;
    this.#continued = true;
    this.#connection.text('HTTP/1.1 100 Continue\r\n\r\n');
    this.#connection.flush();
  }
  /** The fault goes out at once; the rest is swallowed within bounds so that the client gets to read it. */
  #refuseBody(): void {
    this.#mode = 'drained';
    this.#connection.requests.tooLarge(this);
  }
  piece(bytes: Buffer): void {
    this.#bytes += bytes.length;
    switch (this.#mode) {
      case 'gathered':
        // Nearly every request comes in one piece; a list of pieces is made only for the others.
        if (this.#bytes > this.#most) {
          this.#only = this.#pieces = undefined;
          this.#refuseBody();
        } else if (this.#only === undefined) this.#only = bytes;
        else if (this.#pieces === undefined) this.#pieces = [this.#only, bytes];
        else this.#pieces.push(bytes);
        return;
      case 'pulled':
        this.#wanted?.resolve({ done: false, value: bytes });
        this.#wanted = undefined;
        return;
      case 'drained':
        this.#connection.drain(bytes.length);
        return;
      default:
        this.#mode satisfies never;
    }
  }
  whole(): void {
    this.#read = true;
    const mode = this.#mode;
    if (mode === 'gathered') {
      const body = this.#pieces === undefined ? (this.#only ?? EMPTY) : Buffer.concat(this.#pieces);
      this.#only = this.#pieces = undefined;
      this.#connection.requests.arrived(this, body);
    } else {
      this.#wanted?.resolve({ done: true, value: undefined });
      this.#wanted = undefined;
      if (this.#answered) this.#connection.done(false);
    }
  }
  lost(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#wanted?.reject(new Error('the client went away'));
    this.#wanted = undefined;
    if (this.#answered) return;
    for (const listener of this.#listeners?.splice(0) ?? []) listener();
  }

  onGone(listener: () => void): void {
    if (this.gone) {
      listener();
      return;
    }
    this.#listeners ??= [];
    this.#listeners.push(listener);
  }
  body(): AsyncIterable<Buffer> {
    const next = (): Promise<IteratorResult<Buffer>> =>
      new Promise((resolve, reject) => {
        if (this.#read) return resolve({ done: true, value: undefined });
        if (this.gone) {
          // What it sent before it went is still its body.
          const item = this.#connection.leftover();
          if (item?.kind === 'body') return resolve({ done: false, value: item.bytes });
          if (item?.kind === 'end') return resolve({ done: true, value: undefined });
          return reject(new Error('the client went away'));
        }
        this.#continue();
        this.#wanted = { resolve, reject };
        this.#connection.more();
      });
    const leave = async (): Promise<IteratorResult<Buffer>> => {
      this.#mode = 'drained';
      this.#connection.more();
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
  }

  /** The head's text so far, without framing. */
  #start(status: number, headers: HttpAnswer['headers']): Fields {
    if (this.opened) throw new Error('the head of the answer was sent before');
    const { fields, date } = this.#connection.requests;
    const { text, hasLength } = fields(status, headers);
    const { head } = this;
    if (!this.#read) {
      // A client that was not told to send its body may send it or the next request; and nobody waits for a very long one.
      if (head.awaitsContinue && !this.#continued) this.keepsAlive = false;
      if (head.bodyBytes - this.#bytes > LIMITS.drainBodyBytes) this.keepsAlive = false;
    }
    this.opened = true;
    if (!this.keepsAlive) return { text: `${text}${date}connection: close\r\n`, hasLength };
    if (head.minor === 0) return { text: `${text}${date}connection: keep-alive\r\n`, hasLength };
    return { text: text + date, hasLength };
  }
  answer({ status, headers, body }: HttpAnswer, setCookie?: string): void {
    if (this.gone) return;
    const { text, hasLength } = this.#start(status, headers);
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const bodiless = isBodiless(status);
    let start = setCookie === undefined ? text : text + fieldText('set-cookie', setCookie);
    // A HEAD answer tells the length of what GET would send.
    start += hasLength || bodiless ? '\r\n' : `content-length: ${bytes}\r\n\r\n`;
    if (bytes === 0 || bodiless || this.head.method === 'HEAD') this.#connection.text(start);
    else if (typeof body !== 'string') this.#connection.bytes(start, body, '');
    // ASCII text leaves with its head in one write, copied and not transcoded.
    else if (bytes === body.length) this.#connection.text(start + body);
    else this.#connection.utf8(start + body);
    this.trail?.piece(body);
    this.trail?.answered(status);
    this.#finish();
  }
  open({ status, headers }: Head, lengthBytes: number): void {
    if (this.gone) return;
    if (lengthBytes < 0 && this.head.minor === 0) this.keepsAlive = false;
    const { text } = this.#start(status, headers);
    this.#status = status;
    const bodiless = isBodiless(status) || this.head.method === 'HEAD';
    if (lengthBytes >= 0) this.#connection.text(`${text}content-length: ${lengthBytes}\r\n\r\n`);
    else if (this.head.minor === 0) this.#connection.text(`${text}\r\n`);
    else this.#connection.text(`${text}transfer-encoding: chunked\r\n\r\n`);
    this.#framing =
      bodiless || lengthBytes >= 0 ? (bodiless ? 0 : lengthBytes) : this.head.minor === 0 ? 'until-close' : 'chunked';
  }
  write(piece: Uint8Array | string): Promise<void> | undefined {
    if (this.gone || piece.length === 0 || this.head.method === 'HEAD') return undefined;
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    this.trail?.piece(bytes);
    if (this.#framing === 'chunked') this.#connection.bytes(`${bytes.length.toString(16)}\r\n`, bytes, '\r\n');
    else {
      if (this.#framing !== 'until-close') {
        if (bytes.length > this.#framing) throw new Error('the answer is longer than was announced');
        this.#framing -= bytes.length;
      }
      this.#connection.bytes('', bytes, '');
    }
    return this.#connection.backlog < LIMITS.clientHighWaterBytes ? undefined : this.#connection.room();
  }
  end(): void {
    if (this.gone) return;
    if (this.#framing === 'chunked') this.#connection.text('0\r\n\r\n');
    // Fewer bytes than were announced: a broken answer must look broken.
    else if (typeof this.#framing === 'number' && this.#framing > 0) {
      this.destroy();
      return;
    }
    this.trail?.answered(this.#status);
    this.#finish();
  }
  #finish(): void {
    this.#answered = true;
    if (!this.keepsAlive) {
      this.#connection.done(true);
      return;
    }
    if (this.#read) {
      this.#connection.done(false);
      return;
    }
    this.#mode = 'drained';
    this.#connection.more();
  }
  destroy(): void {
    this.#connection.destroy();
  }

  takeOver(): TakenConnection {
    if (this.opened || this.gone) throw new Error('a connection can be taken over only instead of an answer');
    this.opened = true;
    this.#answered = true;
    return this.#connection.takeOver();
  }

  decodedBefore(body: Uint8Array): Decoded | undefined {
    const { memo } = this.#connection;
    if (memo === undefined || memo.head !== this.head || memo.body.length !== body.length) return undefined;
    return memo.body.compare(body) === 0 ? memo.decoded : undefined;
  }
  remember(body: Uint8Array, decoded: Decoded): void {
    this.#connection.memo = { head: this.head, body: Buffer.from(body), decoded };
  }
}
