/** The route to the transform server: a call that it alone can answer in; its answer, or what came of asking, to the client out. */
import type { Call, Reply } from '../mappings/generic/call.ts';
import { type Fault, fault } from '../mappings/generic/faults.ts';
import { LinkDown } from '../runtime/link.ts';
import type { Log } from '../runtime/log.ts';
import { UnderWay } from '../runtime/under-way.ts';
import { BodyWriter, type Client } from './client.ts';
import type { ServedFront } from './front.ts';
import type { Hops } from './hops.ts';
import type { Outbox } from './outbox.ts';
import { AskAgain } from './patience.ts';
import { present, type ServerPort } from './server-port.ts';
import type { SessionLease } from './sessions.ts';

export interface ServerRoute {
  call(served: ServedFront, call: Call, client: Client, lease: SessionLease | undefined): Promise<void>;
  /** Body bytes from the server for an exchange; resolves when there is room. */
  chunk(exchange: string, bytes: Uint8Array): Promise<void>;
  /** The server knows all that was done here. */
  caughtUp(): Promise<void>;
  /** The client's exchange, under a new id. */
  named(client: Client): string;
  readonly inFlight: number;
}

/** What a client is told of an error that is none of its own. */
export const failureOf = (error: unknown): Fault =>
  error instanceof LinkDown
    ? fault('host-communication', {}, 'Unable to communicate with the management service.')
    : fault('internal', {}, 'A general system error occurred: internal error.');

export const outcomeOf = (reply: Reply): string => (reply.kind === 'fault' ? reply.fault.kind : 'value');

export const told = (client: Client, outcome: string, user?: string): void => {
  client.outcome = outcome;
  client.trail?.told(outcome, user);
};

export const createServerRoute = (options: {
  readonly server: ServerPort;
  readonly outbox: Outbox;
  readonly hops: Hops;
  readonly log: Log;
}): ServerRoute => {
  const { server, outbox, hops, log } = options;
  const pending = new UnderWay<BodyWriter>();
  const named = (client: Client): string => {
    const exchange = hops.nextExchange();
    client.exchange = exchange;
    client.trail?.as(exchange);
    return exchange;
  };
  /** No other server is about to come, for exchanges are named for the link they are asked on; what was done by this agent alone is known. */
  const caughtUp = async (): Promise<void> => {
    do {
      await server.held;
      if (outbox.waiting > 0) await outbox.flushed();
    } while (server.held !== undefined);
  };
  return {
    named,
    caughtUp,
    call: async ({ front, instance }, call, client, lease) => {
      const body = new BodyWriter(client, () => front.wrap(call));
      let exchange = '';
      client.onGone(() => void server.api?.hangUp(exchange).catch(() => {})); // with the link the exchange is gone as well
      const ask = async (): Promise<Reply> => {
        await caughtUp();
        exchange = named(client);
        const { address, trail } = client;
        pending.set(exchange, body);
        const session = lease?.session.id ?? '';
        const sinceMs = trail?.now() ?? 0;
        try {
          const detailed = trail?.isWhole === true;
          const asked = { exchange, front: instance.name, session, address, detailed, call };
          const reply = await present(server).call(asked);
          trail?.hop('link', sinceMs, {});
          return reply;
        } catch (error) {
          if (!(error instanceof AskAgain)) throw error;
        } finally {
          pending.delete(exchange);
        }
        return ask();
      };
      let reply: Reply;
      try {
        reply = await ask();
      } catch (error) {
        if (!(error instanceof LinkDown)) log.error({ exchange, front: instance.name, error }, `${call.method} failed`);
        reply = { kind: 'fault', fault: failureOf(error) };
      }
      if (client.gone) return;
      told(client, outcomeOf(reply));
      if (reply.kind === 'body') body.finish();
      else if (body.opened) client.destroy();
      else client.answer(front.encode(call, reply, instance, lease?.token));
    },
    chunk: async (exchange, bytes) => {
      await pending.get(exchange)?.write(bytes);
    },
    get inFlight() {
      return pending.size;
    },
  };
};
