/** One exchange of many in, what a line of the exchange log says of it out: who asked what, how it ended, how long it took; nothing of its bodies. */
import { type Clock, exactly } from '../runtime/clock.ts';
import type { ExchangeFacts, Hop } from '../runtime/protocol.ts';
import type { Client } from './client.ts';
import { isCommand, type Trail } from './trail.ts';

const DETAIL = { note: 'too many came at once: only the line was kept' };

export const createBriefTrail = (options: {
  readonly front: string;
  readonly client: Client;
  readonly body: Uint8Array;
  readonly clock: Clock;
  /** May find that there are too many even of these. */
  readonly note: (hop: Hop) => void;
  readonly nextExchange: () => string;
}): Trail => {
  const { front, client, clock, note, nextExchange } = options;
  let body: Uint8Array | undefined = options.body;
  const beganMs = exactly(clock);
  let called: ExchangeFacts | undefined;
  let exchange: string | undefined;
  let isServed = false;
  let outcome = '';
  let who: string | undefined;
  let command: Trail['command'];
  return {
    isWhole: false,
    get command() {
      return command;
    },
    now: () => exactly(clock),
    // What the server was asked has its line there.
    hop: (shape) => {
      isServed ||= shape === 'link';
    },
    decoded: () => {},
    called: (call, row, user, tokens) => {
      called = { user, method: call.method, route: row?.route ?? '' };
      // What it came in may be written over; and of those that wait long nothing is held.
      if (body !== undefined && isCommand(row)) command = { body: Buffer.from(body), tokens };
      body = undefined;
    },
    as: (next) => {
      exchange = next;
    },
    told: (kind, user) => {
      outcome = kind;
      who = user;
    },
    piece: () => {},
    answered: (status) => {
      if (isServed) return;
      const { method, path } = client.head;
      const facts = {
        client: client.address,
        front,
        ...(called ?? { method: `${method} ${path}` }),
        ...(who !== undefined && { user: who }),
        outcome: outcome || (status < 400 ? 'value' : `status ${status}`),
      };
      const atMs = exactly(clock);
      const durationMs = atMs - beganMs;
      note({ exchange: exchange ?? nextExchange(), shape: 'answer', atMs, durationMs, facts, detail: DETAIL });
    },
  };
};
