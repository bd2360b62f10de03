/** A client's request for bytes and its session in; resolved by the server and run, which is told of the end where it wants to be. */
import type { Fault, Outcome } from '../mappings/generic/faults.ts';
import type { HubId } from '../mappings/generic/ids.ts';
import type { StreamRequest } from '../mappings/generic/platform.ts';
import type { Log } from '../runtime/log.ts';
import type { Client } from './client.ts';
import type { ServedFront } from './front.ts';
import type { HostSession } from './host-session.ts';
import { present, type ServerPort } from './server-port.ts';
import { runTransfer } from './streams.ts';

export interface Transfer {
  readonly served: ServedFront;
  readonly request: StreamRequest;
  readonly client: Client;
  readonly session: string;
  readonly exchange: string;
  refused(reason: Fault): void;
}

export const createTransfers =
  (options: {
    readonly server: ServerPort;
    readonly host: (id: HubId) => HostSession | undefined;
    readonly log: Log;
  }) =>
  async ({ served, request, client, session, exchange: id, refused }: Transfer): Promise<void> => {
    const { server, log } = options;
    const exchange = { exchange: id, front: served.instance.name, session, address: client.address, request };
    const resolved = await present(server).stream(exchange);
    if (!resolved.ok) return refused(resolved.fault);
    const target = resolved.value;
    const host = target.kind === 'bytes' ? undefined : options.host(target.host);
    const tell = (outcome: Outcome): Promise<void> =>
      present(server)
        .transferred(exchange, outcome)
        .catch((error: unknown) => log.error({ exchange: id, error }, 'the end was not told'));
    const tells = target.kind === 'native' && target.tells === true;
    await runTransfer({ client, front: served.front, target, host, request, ...(tells ? { tell } : {}) });
  };
