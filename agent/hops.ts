/** Hops of exchanges for the exchange log: noted here for next to nothing, sent in batches; when clients press, lines alone, and not without end. */
import { randomBytes } from 'node:crypto';
import type { Call, Row } from '../mappings/generic/call.ts';
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Hop } from '../runtime/protocol.ts';
import { BriefTrail } from './brief-trail.ts';
import type { Client } from './client.ts';
import type { ServerPort } from './server-port.ts';
import type { SessionLease } from './sessions.ts';
import { createTrail, type Trail } from './trail.ts';

export interface Hops {
  /** Unique for ever: what the link begins its ids with is random, the count is this agent's own. */
  nextExchange(): string;
  /** Asked once an exchange that has one hop: false means that it is not logged. `always`: it is no read of the thousands. */
  wanted(always?: boolean): boolean;
  note(hop: Hop): void;
  /** The trail of a request that just came: brief when there are many, undefined when there are too many, or nobody would look at it. */
  begin(front: string, client: Client, body: Uint8Array): Trail | undefined;
  /** Of commands each is logged. */
  always(front: string, client: Client, call: Call, row: Row, lease: SessionLease): Trail | undefined;
  close(): void;
}

export const createHops = (server: ServerPort, clock: Clock): Hops => {
  const run = randomBytes(9).toString('base64url');
  let serial = 0;
  let queue: Hop[] = [];
  /** Exchanges that may still be told in full, and those of which a line may be told. */
  let whole: number = LIMITS.hopsBurst;
  let lines: number = LIMITS.linesPerSecond;
  let scheduled = false;
  const stopRefill = clock.every(1000, () => {
    whole = Math.min(LIMITS.hopsBurst, whole + LIMITS.hopsPerSecond);
    lines = LIMITS.linesPerSecond;
  });
  const send = (): void => {
    scheduled = false;
    const batch = queue;
    queue = [];
    server.api?.hops(batch).catch(() => {}); // the log is a ring: what is lost is lost
  };
  const nextExchange = (): string => `${server.hello?.exchanges ?? run}-${(++serial).toString(36)}`;
  const isLogged = (): boolean => server.api !== undefined && server.hello?.logsExchanges !== false;
  const note = (hop: Hop): void => {
    if (queue.length >= LIMITS.hopsQueued) return;
    queue.push(hop);
    if (scheduled) return;
    scheduled = true;
    clock.after(LIMITS.hopsTickMs, send);
  };
  const wanted = (always = false): boolean => (always || lines > 0) && isLogged() && (always || lines-- > 0);
  const noteLine = (hop: Hop): void => {
    if (lines <= 0) return;
    lines--;
    note(hop);
  };
  const notebook = { clock, note: noteLine, nextExchange };
  const trailOf = (front: string, client: Client, body: Uint8Array | undefined): Trail =>
    createTrail({ front, client, body, clock, note, nextExchange });
  return {
    nextExchange,
    wanted,
    note,
    begin: (front, client, body) => {
      if ((whole <= 0 && lines <= 0) || !isLogged()) return undefined;
      if (whole <= 0) return new BriefTrail(notebook, front, client, body);
      whole--;
      return trailOf(front, client, body);
    },
    always: (front, client, call, row, { session, token }) => {
      if (!isLogged()) return undefined;
      const { body, tokens = [token] } = client.trail?.command ?? {};
      const trail = trailOf(front, client, body);
      trail.called(call, row, session.user, tokens);
      return trail;
    },
    close: stopRefill,
  };
};
