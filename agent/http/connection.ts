/** One client connection: bytes of a socket in, requests one after the other to the listener, answers in order out; bounded in bytes and time. */
import type { Socket } from 'node:net';
import type { Decoded, HttpAnswer } from '../../mappings/generic/platform.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Client, TakenConnection } from '../client.ts';
import type { Fields } from './answer-head.ts';
import { Exchange } from './exchange.ts';
import type { RequestHead } from './head.ts';
import { createRequestReader, type Item } from './reader.ts';

/** What becomes of requests; the same for all connections of a listener. */
export interface Requests {
  /** How a body is taken: up to so many bytes gathered, or pulled by who answers; relayed: the whole connection goes elsewhere; undefined: no request is served now. */
  admit(head: RequestHead): number | 'pulled' | 'relayed' | undefined;
  relayed(connection: HttpConnection, head: RequestHead): void;
  arrived(client: Client, body: Uint8Array): void;
  tooLarge(client: Client): void;
  fields(status: number, headers: HttpAnswer['headers']): Fields;
  readonly date: string;
}

const NO_HEADERS = {};
/** Smaller pieces leave in one write with their frame. */
const SMALL_BYTES = 4096;

export class HttpConnection {
  /** The client's, also where a load balancer is between. */
  readonly address: string;
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
  /** The client says no more, and may still read. */
  #heardAll = false;
  #taken = false;
  #swallowed = 0;
  #served = 0;
  /** Nothing follows on the next answer. */
  #last = false;
  #phase = '';
  #age = 0;
  memo: { readonly head: RequestHead; readonly body: Buffer; readonly decoded: Decoded } | undefined;

  constructor(socket: Socket, address: string, secure: boolean, requests: Requests) {
    this.#socket = socket;
    this.#requests = requests;
    this.address = address;
    this.secure = secure;
    socket.on('data', this.#received);
    socket.on('drain', () => {
      this.#giveRoom();
      this.#pump();
    });
    socket.on('end', () => {
      this.#heardAll = true;
      this.#pump();
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      this.#giveRoom();
      this.#current?.lost();
    });
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

  readonly #received = (bytes: Buffer): void => {
    if (this.#ended) {
      this.#swallow(bytes.length);
      return;
    }
    this.#reader.push(bytes);
    this.#pump();
  };
  #swallow(count: number): void {
    this.#swallowed += count;
    if (this.#swallowed > LIMITS.drainBodyBytes) this.destroy();
  }

  /** Takes from the reader whatever the exchange under way, or the next one, can take now. */
  #pump(): void {
    if (this.#pumping || this.#ended || this.#taken) return;
    this.#pumping = true;
    try {
      while (this.#takeOne());
    } finally {
      this.#pumping = false;
      this.flush();
    }
    const behind = this.#reader.buffered() > LIMITS.httpAheadBytes;
    if (behind === this.#paused || this.#taken) return;
    this.#paused = behind;
    if (behind) this.#socket.pause();
    else this.#socket.resume();
  }
  #takeOne(): boolean {
    if (this.#ended || this.#taken || this.#socket.destroyed) return false;
    const current = this.#current;
    // A client that asks on without reading its answers waits.
    const takes = current === undefined ? this.backlog < LIMITS.clientHighWaterBytes : current.takes;
    const item = takes ? this.#reader.next() : undefined;
    if (item === undefined) {
      if (takes && this.#heardAll) this.#stopShort();
      return false;
    }
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
    if (most === undefined) {
      this.#refuse(503, 'retry-after: 1\r\n');
      return;
    }
    if (most === 'relayed') {
      this.#requests.relayed(this, head);
      return;
    }
    const exchange = new Exchange(this, head, most);
    if (this.#last) exchange.keepsAlive = false;
    this.#current = exchange;
    exchange.begin();
  }
  /** What is there is all that comes: nothing, or a part of a request. */
  #stopShort(): void {
    const current = this.#current;
    this.#current = undefined;
    current?.lost();
    this.end();
  }
  /** There is no request that a front could answer. */
  #refuse(status: number, more = ''): void {
    const current = this.#current;
    if (current?.opened === true) {
      this.destroy();
      return;
    }
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
  /** Of a client that is gone: what came and was not asked for. */
  leftover(): Item | undefined {
    return this.#socket.destroyed ? this.#reader.next() : undefined;
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
  /** Whoever takes it has it alone; it comes paused. */
  takeOver(): TakenConnection {
    this.#leave();
    // A tunnel whose client says no more has none.
    this.#socket.allowHalfOpen = false;
    if (this.#heardAll) this.destroy();
    return { socket: this.#socket, early: this.#reader.rest() };
  }
  /** As it was before the head that was read last; it comes paused. */
  giveBack(): Socket {
    this.#leave();
    this.#socket.unshift(this.#reader.unread());
    return this.#socket;
  }
  #leave(): void {
    this.flush();
    this.#taken = true;
    this.#socket.off('data', this.#received);
    this.#socket.pause();
  }
  /** Its next answer is its last. An idle one is left a while: its client may be about to use it. */
  retire(): void {
    this.#last = true;
    if (this.#current !== undefined) this.#current.keepsAlive = false;
  }
  /** The listener closes: what is under way may end. */
  close(): void {
    if (this.#taken) this.destroy();
    else if (this.#current === undefined) this.end();
    else this.#current.keepsAlive = false;
  }
  destroy(): void {
    this.#socket.destroy();
  }

  /** Called at every tick: ends what takes too long. What counts is how many ticks saw the same. */
  sweep(): void {
    if (this.#taken) return;
    const current = this.#current;
    const phase = this.#ended
      ? `ended ${this.backlog}`
      : current === undefined
        ? this.#reader.atRest()
          ? 'rest'
          : 'head'
        : current.phase;
    const now = `${phase} ${this.#served} ${this.#heardAll ? this.#socket.bytesWritten : ''}`;
    if (now !== this.#phase) {
      this.#phase = now;
      this.#age = 0;
      return;
    }
    const ageMs = ++this.#age * LIMITS.httpTickMs;
    if (this.#ended) {
      if (ageMs >= (this.backlog > 0 ? LIMITS.httpRequestMs : LIMITS.httpLingerMs)) this.destroy();
    } else if (current !== undefined) {
      if (this.#heardAll && this.backlog === 0) {
        // It may be gone altogether, which cannot be seen.
        if (ageMs >= LIMITS.httpLingerMs) this.destroy();
      } else if (phase !== 'answer' && ageMs >= LIMITS.httpRequestMs) this.destroy();
    } else if (phase === 'rest' && this.#served > 0) {
      if (ageMs >= LIMITS.httpKeepAliveMs) this.end();
    } else if (ageMs >= LIMITS.httpHeadersMs) this.#refuse(408);
  }
}
