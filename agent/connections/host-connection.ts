/** What the agent needs of a connection to a host, whether calls go over a byte stream or over HTTP; and how it is dialled. */
import type { Outcome } from '../../mappings/generic/faults.ts';
import type { Endpoint, HostTransport, HttpConversation } from '../../mappings/generic/platform.ts';
import type { Clock } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Log } from '../../runtime/log.ts';
import type { Secret } from '../../runtime/secret.ts';
import { openConnection } from './connection.ts';
import { openHttp } from './http.ts';

export interface HostConnection extends Pick<HostTransport, 'call' | 'stream' | 'onEvent'> {
  readonly closed: Promise<string>;
  close(reason?: string): Promise<void>;
  /** Streams go beside the calls; otherwise each needs a connection of its own. */
  readonly sharesStreams: boolean;
}

/** `connect` of a platform, already applied to the URI. */
export interface StreamDialer {
  readonly endpoint: Endpoint;
  open(): HostTransport;
}

export interface HostCredentials {
  readonly user: string;
  readonly password: Secret;
}

/** `converse` of a platform, already applied to the URI. */
export interface HttpDialer {
  readonly endpoint: Endpoint;
  converse(): HttpConversation;
  /** Read at every log-in; what it throws is a log-in that failed. */
  credentials(): HostCredentials;
  /** SHA-256 of the host's certificate; absent: only one that the machine's authorities vouch for. */
  readonly fingerprint?: string | undefined;
}

export type Dialer = StreamDialer | HttpDialer;

export interface DialOptions {
  readonly dialer: Dialer;
  /** false: calls and streams only. */
  readonly listens: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export const dial = async ({ dialer, listens, clock, log }: DialOptions): Promise<Outcome<HostConnection>> => {
  const openLimitMs = LIMITS.hostConnectMs;
  if ('converse' in dialer) return openHttp({ dialer, listens, clock, log, openLimitMs });
  const opened = await openConnection({
    endpoint: dialer.endpoint,
    transport: dialer.open(),
    clock,
    log,
    openLimitMs,
  });
  if (!opened.ok) return opened;
  const { transport, closed, close } = opened.value;
  return {
    ok: true,
    value: {
      call: (procedure, args) => transport.call(procedure, args),
      stream: (procedure, args, direction) => transport.stream(procedure, args, direction),
      onEvent: (listener) => transport.onEvent(listener),
      closed,
      close,
      sharesStreams: false,
    },
  };
};
