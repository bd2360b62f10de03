/** An endpoint and a conversation of requests in, a connection out: the agent makes the requests, bounds their answers and listens. */
import { type Dispatcher, Pool } from 'undici';
import { fault, type Outcome, refused } from '../../mappings/generic/faults.ts';
import type {
  Credentials,
  Endpoint,
  HostEvent,
  HttpAsk,
  HttpConversation,
  HttpGot,
  HttpTalk,
} from '../../mappings/generic/platform.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Log } from '../../runtime/log.ts';
import { hostConnector } from './certificate.ts';
import type { HostConnection, HttpDialer } from './host-connection.ts';
import { openHttpStream, refusedStream } from './http-stream.ts';

export interface HttpOptions {
  readonly dialer: HttpDialer;
  readonly listens: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** From the first packet to the end of the log-in. */
  readonly openLimitMs: number;
}

/** The answer is larger than anyone wants to hold; the connection is as good as before. */
class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
  readonly limit: number;
  constructor(limit: number) {
    super(`an answer of more than ${limit} bytes`);
    this.limit = limit;
  }
}

export const originOf = ({ kind, host = '', port = 0 }: Endpoint): string =>
  `${kind}://${host.includes(':') ? `[${host}]` : host}:${port}`;

export const nameOf = ({ host = '', port = 0 }: Endpoint): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** A refused connection to a name with several addresses has an empty message. */
export const textOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
};

export const flatHeaders = (headers: Dispatcher.ResponseData['headers']): Record<string, string> => {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return flat;
};

export const gather = async (answer: Dispatcher.ResponseData, maxBytes: number): Promise<Uint8Array> => {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of answer.body as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBytes) throw new AnswerTooLarge(maxBytes); // leaving the loop destroys the body
    pieces.push(piece);
  }
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
};

/** Makes the requests of one conversation; `stop` ends those under way. */
const requester = (pool: Pool, at: string, clock: Clock) => {
  const underway = new Set<AbortController>();
  const ask = async (wanted: HttpAsk, limitMs = wanted.limitMs ?? LIMITS.hostCallMs): Promise<HttpGot> => {
    const ending = new AbortController();
    underway.add(ending);
    const forget = clock.after(limitMs, () => ending.abort(new Error(`${at}: no answer within ${limitMs} ms`)));
    try {
      const answer = await pool.request({
        method: wanted.method as 'POST',
        path: wanted.path,
        headers: wanted.headers,
        body: wanted.body ?? null,
        signal: ending.signal,
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      const body = await gather(answer, wanted.maxBytes ?? LIMITS.hostAnswerBytes);
      return { status: answer.statusCode, headers: flatHeaders(answer.headers), body };
    } catch (error) {
      throw ending.signal.aborted ? ending.signal.reason : error;
    } finally {
      forget();
      underway.delete(ending);
    }
  };
  const stop = (reason: string): void => {
    for (const ending of underway) ending.abort(new Error(reason));
  };
  return { ask, stop };
};

/** A conversation ended from outside gets the chance to tidy up what it keeps. */
const abandon = (talk: HttpTalk<unknown>): void => {
  try {
    talk.return(undefined);
  } catch {
    // It is over either way.
  }
};

export const openHttp = async (options: HttpOptions): Promise<Outcome<HostConnection>> => {
  const { dialer, clock, log } = options;
  const { endpoint } = dialer;
  const at = nameOf(endpoint);
  const connect = hostConnector(endpoint, at, dialer.fingerprint, options.openLimitMs);
  const newPool = (connections: number): Pool =>
    new Pool(originOf(endpoint), {
      connect,
      connections,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: LIMITS.httpHeaderBytes,
    });
  const calls = newPool(LIMITS.hostHttpConnections);
  let streams: Pool | undefined;
  const { ask, stop } = requester(calls, at, clock);
  const conversation: HttpConversation = dialer.converse();
  const { promise: closed, resolve: resolveClosed } = Promise.withResolvers<string>();
  const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<void>();
  const attached = Promise.withResolvers<void>();
  const listeners: ((event: HostEvent) => void)[] = [];
  let state: 'opening' | 'open' | 'closed' = 'opening';

  /** `polite`: the host is still there and is told. */
  const end = (reason: string, polite: boolean): void => {
    if (state === 'closed') return;
    const told = polite && state === 'open' ? conversation.leave() : undefined;
    state = 'closed';
    stop(reason);
    log.debug({ host: at }, `connection closed: ${reason}`);
    const destroy = async (): Promise<void> => {
      if (told !== undefined) await ask(told, LIMITS.hostLeaveMs).catch(() => {}); // its answer is of no use
      await Promise.all([calls.destroy(), streams?.destroy()]);
    };
    destroy().then(resolveEnded, resolveEnded);
    resolveClosed(reason);
  };

  const run = async <T>(talk: HttpTalk<T>, hear: (events: readonly HostEvent[]) => Promise<void>): Promise<T> => {
    try {
      let next = talk.next();
      while (next.done !== true) {
        const step = next.value;
        if (step.step === 'ask') next = talk.next(await ask(step.ask));
        else {
          if (step.step === 'events') await hear(step.events);
          else await Promise.race([sleep(clock, step.ms), closed]);
          if (state === 'closed') throw new Error(await closed);
          next = talk.next();
        }
      }
      return next.value;
    } catch (error) {
      abandon(talk);
      throw error;
    }
  };
  const deliver = async (events: readonly HostEvent[]): Promise<void> => {
    for (const event of events) for (const listener of listeners) listener(event);
  };

  let credentials: Credentials;
  try {
    const { user, password } = dialer.credentials();
    credentials = { user, password: password.reveal() };
  } catch (error) {
    end('no credentials', false);
    return refused(fault('invalid-login', {}, `no log-in at ${at}: ${textOf(error)}`));
  }
  const forgetLimit = clock.after(options.openLimitMs, () =>
    end(`${at}: no log-in within ${options.openLimitMs} ms`, false),
  );
  const unreachable = (reason: string): Outcome<never> => refused(fault('host-communication', { host: at }, reason));

  const open = async (): Promise<Outcome<undefined>> => {
    const opened = await run(conversation.open(credentials), deliver);
    if (opened.ok || opened.fault.kind !== 'invalid-login') return opened;
    return refused({
      ...opened.fault,
      text: `${at} refuses the log-in of user "${credentials.user}": ${opened.fault.text}`,
    });
  };
  const listen = async (talk: HttpTalk<Outcome<undefined>>): Promise<Outcome<undefined>> => {
    const listening = Promise.withResolvers<Outcome<undefined>>();
    run(talk, async (events) => {
      listening.resolve({ ok: true, value: undefined });
      // Held until someone hears it.
      await Promise.race([attached.promise, closed]);
      await deliver(events);
    }).then(
      (outcome) => end(outcome.ok ? `${at}: the host ended its events` : `${at}: ${outcome.fault.text}`, true),
      (error: unknown) => end(`${at}: ${textOf(error)}`, false),
    );
    void closed.then((reason) => listening.resolve(unreachable(reason)));
    return listening.promise;
  };

  try {
    const opened = await open();
    if (!opened.ok) {
      end(opened.fault.text, false);
      return opened;
    }
    // Closed meanwhile by the limit: `state` changes outside this function.
    if ((state as string) === 'closed') return unreachable(await closed);
    state = 'open';
    const talk = options.listens ? conversation.listen?.() : undefined;
    if (talk !== undefined) {
      const listening = await listen(talk);
      if (!listening.ok) return listening;
    }
  } catch (error) {
    end(`${at}: ${textOf(error)}`, false);
    return unreachable(await closed);
  } finally {
    forgetLimit();
  }

  return {
    ok: true,
    value: {
      closed,
      sharesStreams: true,
      call: async (procedure, args) => {
        if (state === 'closed') throw new Error(await closed);
        try {
          return await run(conversation.call(procedure, args), deliver);
        } catch (error) {
          if (!(error instanceof AnswerTooLarge)) throw error;
          return refused(fault('too-many', { limit: error.limit }, `${at}: ${error.message}`));
        }
      },
      stream: (procedure, args, direction) => {
        if (direction === 'both') throw new Error('HTTP carries a body one way at a time');
        const wanted = conversation.stream(procedure, args, direction);
        if (!wanted.ok) return refusedStream(wanted.fault);
        streams ??= newPool(LIMITS.hostHttpStreams);
        return openHttpStream(streams, wanted.value, direction, at);
      },
      onEvent: (listener) => {
        listeners.push(listener);
        attached.resolve();
      },
      close: async (reason = 'closed by us') => {
        end(reason, true);
        await ended;
      },
    },
  };
};
