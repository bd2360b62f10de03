/** One exchange of many in, what a line of the exchange log says of it out: who asked what, how it ended, how long it took; nothing of its bodies. */
import type { Call, Row } from '../mappings/generic/call.ts';
import { type Clock, exactly } from '../runtime/clock.ts';
import type { Hop } from '../runtime/protocol.ts';
import type { Client } from './client.ts';
import { isCommand, type Trail } from './trail.ts';

const DETAIL = { note: 'too many came at once: only the line was kept' };

/** What all trails of an agent have. */
export interface Notebook {
  readonly clock: Clock;
  /** May find that there are too many even of these. */
  readonly note: (hop: Hop) => void;
  readonly nextExchange: () => string;
}

/** A class, for there are thousands a second: an object with a getter of its own would be no garbage until the whole heap is collected. */
export class BriefTrail implements Trail {
  readonly isWhole = false;
  command: Trail['command'];
  readonly #notebook: Notebook;
  readonly #front: string;
  readonly #client: Client;
  readonly #beganMs: number;
  #body: Uint8Array | undefined;
  #method: string | undefined;
  #route = '';
  #user = '';
  #exchange: string | undefined;
  #isServed = false;
  #outcome = '';

  constructor(notebook: Notebook, front: string, client: Client, body: Uint8Array) {
    this.#notebook = notebook;
    this.#front = front;
    this.#client = client;
    this.#body = body;
    this.#beganMs = exactly(notebook.clock);
  }
  now(): number {
    return exactly(this.#notebook.clock);
  }
  // What the server was asked has its line there.
  hop(shape: string): void {
    this.#isServed ||= shape === 'link';
  }
  decoded(): void {}
  called(call: Call, row: Row | undefined, user: string, tokens: readonly (string | undefined)[]): void {
    this.#method = call.method;
    this.#route = row?.route ?? '';
    this.#user = user;
    // What it came in may be written over; and of those that wait long nothing is held.
    if (this.#body !== undefined && isCommand(row)) this.command = { body: Buffer.from(this.#body), tokens };
    this.#body = undefined;
  }
  as(exchange: string): void {
    this.#exchange = exchange;
  }
  told(outcome: string, user?: string): void {
    this.#outcome = outcome;
    if (user !== undefined) this.#user = user;
  }
  piece(): void {}
  answered(status: number): void {
    if (this.#isServed) return;
    const { clock, note, nextExchange } = this.#notebook;
    const { head, address } = this.#client;
    const atMs = exactly(clock);
    note({
      exchange: this.#exchange ?? nextExchange(),
      shape: 'answer',
      atMs,
      durationMs: atMs - this.#beganMs,
      facts: {
        client: address,
        front: this.#front,
        user: this.#user,
        method: this.#method ?? `${head.method} ${head.path}`,
        route: this.#route,
        outcome: this.#outcome || (status < 400 ? 'value' : `status ${status}`),
      },
      detail: DETAIL,
    });
  }
}
