/** One client connection: bytes of a socket in, requests one after the other to the listener, answers in order out; bounded in bytes and time. */
import type { Socket } from 'node:net';
import type { Decoded, HttpAnswer } from '../../mappings/generic/platform.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Client, Head } from '../client.ts';
import { type Fields, fieldText, isBodiless } from './answer-head.ts';
import type { RequestHead } from './head.ts';
import { createRequestReader } from './reader.ts';

/** What becomes of requests; the same for all connections of a listener. */
export interface Requests {
  /** How a body is taken: up to so many bytes gathered, or pulled by who answers; undefined: no request is served now. */
  admit(head: RequestHead): number | 'pulled' | undefined;
  arrived(client: Client, body: Uint8Array): void;
  tooLarge(client: Client): void;
  fields(status: number, headers: HttpAnswer['headers']): Fields;
  readonly date: string;
}

const EMPTY = new Uint8Array();
const NO_HEADERS = {};
/** Smaller pieces leave in one write with their frame. */
const SMALL_BYTES = 4096;

type Wanted = { readonly resolve: (result: IteratorResult<Buffer>) => void; readonly reject: (error: Error) => void };

export class HttpConnection {
  readonly secure: boolean;
  readonly #socket: Socket;
  readonly #requests: Requests;
  readonly #reader = createRequestReader({ headBytes: LIMITS.httpHeaderBytes, fields: LIMITS.httpFields });
  readonly #rooms: (() => void)[] = [];
  #current: Exchange | undefined;
  #pumping = false;
  #paused = false;
  /** Answers of one round, not yet written. */
  #out = '';
  /** No further request: what still comes is swallowed. */
  #ended = false;
  #swallowed = 0;
  #served = 0;
  #phase = '';
  #age = 0;
  memo: { readonly head: RequestHead; readonly body: Buffer; readonly decoded: Decoded } | undefined;

  constructor(socket: Socket, secure: boolean, requests: Requests) {
    this.#socket = socket;
    this.#requests = requests;
    this.secure = secure;
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
    socket.on('drain', () => {
      this.#giveRoom();
      this.#pump();
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      this.#giveRoom();
      this.#current?.lost();
    });
  }

  get address(): string {
    return this.#socket.remoteAddress ?? '';
  }
  get destroyed(): boolean {
    return this.#socket.destroyed;
  }
  get requests(): Requests {
    return this.#requests;
  }
  get backlog(): number {
    return this.#socket.writableLength;
  }

  #received(bytes: Buffer): void {
    if (this.#ended) return this.#swallow(bytes.length);
    this.#reader.push(bytes);
    this.#pump();
  }
  #swallow(count: number): void {
    this.#swallowed += count;
    if (this.#swallowed > LIMITS.drainBodyBytes) this.destroy();
  }

  /** Takes from the reader whatever the exchange under way, or the next one, can take now. */
  #pump(): void {
    if (this.#pumping || this.#ended) return;
    this.#pumping = true;
    try {
      while (this.#takeOne());
    } finally {
      this.#pumping = false;
      this.flush();
    }
    const behind = this.#reader.buffered > LIMITS.httpAheadBytes;
    if (behind === this.#paused) return;
    this.#paused = behind;
    if (behind) this.#socket.pause();
    else this.#socket.resume();
  }
  #takeOne(): boolean {
    if (this.#ended || this.#socket.destroyed) return false;
    const current = this.#current;
    // A client that asks on without reading its answers waits.
    const takes = current === undefined ? this.backlog < LIMITS.clientHighWaterBytes : current.takes;
    const item = takes ? this.#reader.next() : undefined;
    if (item === undefined) return false;
    switch (item.kind) {
      case 'head':
        this.#begin(item.head);
        return true;
      case 'body':
        current?.piece(item.bytes);
        return true;
      case 'end':
        current?.whole();
        return true;
      case 'refused':
        this.#refuse(item.status);
        return false;
      default:
        return item satisfies never;
    }
  }
  #begin(head: RequestHead): void {
    this.#swallowed = 0;
    const most = this.#requests.admit(head);
    if (most === undefined) return this.#refuse(503, 'retry-after: 1\r\n');
    const exchange = new Exchange(this, head, most);
    this.#current = exchange;
    exchange.begin();
  }
  /** There is no request that a front could answer. */
  #refuse(status: number, more = ''): void {
    const current = this.#current;
    if (current?.opened === true) return this.destroy();
    const { text } = this.#requests.fields(status, NO_HEADERS);
    this.#out += `${text}${this.#requests.date}${more}connection: close\r\ncontent-length: 0\r\n\r\n`;
    this.#current = undefined;
    current?.lost();
    this.end();
  }

  /** Latin-1 text that leaves with whatever else this round writes. */
  text(text: string): void {
    this.#out += text;
    if (!this.#pumping || this.#out.length > LIMITS.httpAheadBytes) this.flush();
  }
  flush(): void {
    const out = this.#out;
    if (out === '') return;
    this.#out = '';
    if (this.#socket.writable) this.#socket.write(out, 'latin1');
  }
  utf8(text: string): void {
    this.flush();
    if (this.#socket.writable) this.#socket.write(text, 'utf8');
  }
  bytes(before: string, bytes: Uint8Array, after: string): void {
    this.flush();
    if (!this.#socket.writable) return;
    if (bytes.length <= SMALL_BYTES) {
      this.#socket.write(Buffer.concat([Buffer.from(before, 'latin1'), bytes, Buffer.from(after, 'latin1')]));
      return;
    }
    this.#socket.cork();
    if (before !== '') this.#socket.write(before, 'latin1');
    this.#socket.write(bytes);
    if (after !== '') this.#socket.write(after, 'latin1');
    this.#socket.uncork();
  }
  room(): Promise<void> {
    return new Promise((resolve) => this.#rooms.push(resolve));
  }
  #giveRoom(): void {
    for (const resolve of this.#rooms.splice(0)) resolve();
  }

  /** The exchange under way has its answer and its body is read, or its answer was the connection's last. */
  done(last: boolean): void {
    this.#current = undefined;
    this.#served++;
    if (last) this.end();
    else this.#pump();
  }
  /** More of the body is wanted. */
  more(): void {
    this.#pump();
  }
  drain(count: number): void {
    this.#swallow(count);
  }
  /** Everything is written: a client that still sends gets a while to read it before the connection goes. */
  end(): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    this.#socket.end();
    this.#socket.resume();
  }
  /** The listener closes: what is under way may end. */
  close(): void {
    if (this.#current === undefined) this.end();
    else this.#current.keepsAlive = false;
  }
  destroy(): void {
    this.#socket.destroy();
  }

  /** Called at every tick: ends what takes too long. What counts is how many ticks saw the same. */
  sweep(): void {
    const current = this.#current;
    const phase = this.#ended ? `ended ${this.backlog}` : current === undefined ? (this.#reader.atRest ? 'rest' : 'head') : current.phase;
    const now = `${phase} ${this.#served}`;
    if (now !== this.#phase) {
      this.#phase = now;
      this.#age = 0;
      return;
    }
    const ageMs = ++this.#age * LIMITS.httpTickMs;
    if (this.#ended) {
      if (ageMs >= (this.backlog > 0 ? LIMITS.httpRequestMs : LIMITS.httpLingerMs)) this.destroy();
    } else if (current !== undefined) {
      if (phase !== 'answer' && ageMs >= LIMITS.httpRequestMs) this.destroy();
    } else if (phase === 'rest' && this.#served > 0) {
      if (ageMs >= LIMITS.httpKeepAliveMs) this.end();
    } else if (ageMs >= LIMITS.httpHeadersMs) this.#refuse(408);
  }
}

class Exchange implements Client {
  readonly head: RequestHead;
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
    if (this.#mode === 'pulled') return requests.arrived(this, EMPTY);
    if (this.head.bodyBytes > this.#most) return this.#refuseBody();
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
        return this.#connection.drain(bytes.length);
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
    if (this.gone) return listener();
    (this.#listeners ??= []).push(listener);
  }
  body(): AsyncIterable<Buffer> {
    const next = (): Promise<IteratorResult<Buffer>> =>
      new Promise((resolve, reject) => {
        if (this.#read) return resolve({ done: true, value: undefined });
        if (this.gone) return reject(new Error('the client went away'));
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
    this.#finish();
  }
  open({ status, headers }: Head, lengthBytes: number): void {
    if (this.gone) return;
    if (lengthBytes < 0 && this.head.minor === 0) this.keepsAlive = false;
    const { text } = this.#start(status, headers);
    const bodiless = isBodiless(status) || this.head.method === 'HEAD';
    if (lengthBytes >= 0) this.#connection.text(`${text}content-length: ${lengthBytes}\r\n\r\n`);
    else if (this.head.minor === 0) this.#connection.text(`${text}\r\n`);
    else this.#connection.text(`${text}transfer-encoding: chunked\r\n\r\n`);
    this.#framing = bodiless || lengthBytes >= 0 ? (bodiless ? 0 : lengthBytes) : this.head.minor === 0 ? 'until-close' : 'chunked';
  }
  write(piece: Uint8Array | string): Promise<void> | undefined {
    if (this.gone || piece.length === 0 || this.head.method === 'HEAD') return undefined;
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
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
    else if (typeof this.#framing === 'number' && this.#framing > 0) return this.destroy();
    this.#finish();
  }
  #finish(): void {
    this.#answered = true;
    if (!this.keepsAlive) return this.#connection.done(true);
    if (this.#read) return this.#connection.done(false);
    this.#mode = 'drained';
    this.#connection.more();
  }
  destroy(): void {
    this.#connection.destroy();
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
