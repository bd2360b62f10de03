/** Contracts of conversations with hosts: over a byte stream, which the agent's socket drives, and over HTTP, whose requests it makes. */
import type { Outcome } from './faults.ts';

export interface Endpoint {
  readonly kind: 'unix' | 'tcp' | 'tls' | 'http' | 'https' | 'embedded';
  readonly path?: string;
  readonly host?: string;
  readonly port?: number;
}

/** A sans-io connection to a host, driven by the agent's socket. */
export interface HostTransport {
  /** Bytes that arrived; returns what happened. Throws only on a broken peer: the agent then closes. */
  receive(bytes: Uint8Array, nowMs: number): void;
  /** Time passes: keepalive. */
  tick(nowMs: number): void;
  /** Bytes to send, drained by the agent after every receive, tick or call. */
  drain(): Uint8Array[];
  /** Ready for calls (log-in done); rejects with a fault's NativeFault. */
  readonly ready: Promise<Outcome<undefined>>;
  call(procedure: string, args: Readonly<Record<string, unknown>>): Promise<Outcome<Record<string, unknown>>>;
  onEvent(listener: (event: { procedure: string; args: Readonly<Record<string, unknown>> }) => void): void;
  /** Opens a byte stream with a call. */
  stream(
    procedure: string,
    args: Readonly<Record<string, unknown>>,
    direction: 'download' | 'upload' | 'both',
  ): HostStream;
  closed(reason: string): void;
  /** The connection's wish to hear that there is something to drain (a call was made) or that `paused` or `wakeAt` changed. */
  onOutput(wake: () => void): void;
  /** When `tick` has something to do; undefined: never. */
  wakeAt(): number | undefined;
  /** A reader is slow: the connection stops reading its socket until the next wake. */
  paused(): boolean;
}

export interface HostStream {
  readonly opened: Promise<Outcome<Record<string, unknown>>>;
  /** Download: chunks until the end; throws nothing, the outcome says. */
  onChunk(listener: (bytes: Uint8Array) => void): void;
  /** Back-pressure on downloads: no chunks between pause and resume. */
  pause(): void;
  resume(): void;
  write(bytes: Uint8Array): void;
  /** Back-pressure on uploads: resolves when everything written has gone to the socket (or the stream is over). */
  drained(): Promise<void>;
  end(): void;
  abort(reason: string): void;
  readonly finished: Promise<Outcome<undefined>>;
}

// ---- hosts over HTTP ----

/** One request to a host. The agent adds host, length and connection headers. */
export interface HttpAsk {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Until it is given up; a long poll says more than the agent's own limit. */
  readonly limitMs?: number;
  /** Largest answer in bytes; absent: the agent's own limit. */
  readonly maxBytes?: number;
}

export interface HttpGot {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface HostEvent {
  readonly procedure: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** What a conversation does next: a request (resumed with its answer), events it has heard, or a pause. */
export type HttpStep =
  | { readonly step: 'ask'; readonly ask: HttpAsk }
  | { readonly step: 'events'; readonly events: readonly HostEvent[] }
  | { readonly step: 'pause'; readonly ms: number };
export type HttpTalk<T> = Generator<HttpStep, T, HttpGot>;

/**
 * A session on a host, as pure generators of requests; the agent performs them and a lost connection ends them from outside. Several run
 * at once after `open`; what they share (cookie, session reference) the conversation keeps.
 */
export interface HttpConversation {
  /** Log-in and what must be known first. */
  open(credentials: Credentials): HttpTalk<Outcome<undefined>>;
  call(procedure: string, args: Readonly<Record<string, unknown>>): HttpTalk<Outcome<Record<string, unknown>>>;
  /**
   * Listens until it is ended from outside (a long poll in a loop); an Outcome that it returns ends the connection. Its first `events` step,
   * which may be empty, says that nothing is missed from here on: the connection opens with it. Absent: the host tells nothing.
   */
  listen?(): HttpTalk<Outcome<undefined>>;
  /** The request of a byte stream; bodies flow past the conversation. */
  stream(
    procedure: string,
    args: Readonly<Record<string, unknown>>,
    direction: 'download' | 'upload',
  ): Outcome<HttpAsk>;
  /** Log-out: one request at most, its answer is not waited for. */
  leave(): HttpAsk | undefined;
}
