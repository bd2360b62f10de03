/** Spans in, batches of them sent to a collector out: what it does not take in time is dropped and said in the log, never waited for. */
import { fetch } from 'undici';
import type { Clock } from './clock.ts';
import { LIMITS } from './limits.ts';
import type { Log } from './log.ts';
import type { Secret } from './secret.ts';
import { otlpOf, type Span } from './trace.ts';

export interface TraceSender {
  send(spans: readonly Span[]): void;
  /** What waits is sent once more. */
  close(): Promise<void>;
}

/** Where there is no path, OTLP's own. */
export const tracesUrl = (text: string): URL => {
  const url = new URL(text);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url;
};

export const createTraceSender = (options: {
  readonly url: string;
  readonly token?: Secret | undefined;
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
}): TraceSender => {
  const { instance, token, clock, log } = options;
  const url = tracesUrl(options.url);
  let waiting: Span[] = [];
  let dropped = 0;
  let under: Promise<void> | undefined;
  let isWell = true;

  const post = async (spans: readonly Span[]): Promise<void> => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
      },
      body: JSON.stringify(otlpOf(spans, instance)),
      signal: AbortSignal.timeout(LIMITS.traceSendMs),
      redirect: 'error',
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
  };
  const tell = (error?: unknown): void => {
    if (error === undefined && !isWell) log.info({ count: dropped }, 'traces: the collector takes spans again');
    if (error !== undefined && isWell) log.warn({ error }, 'traces: the collector takes no spans');
    isWell = error === undefined;
    if (isWell) dropped = 0;
  };
  const sendAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, LIMITS.traceBatch);
      try {
        await post(batch);
        tell();
      } catch (error) {
        tell(error);
        // They wait for the next time, as far as there is room.
        return;
      }
      waiting = waiting.slice(batch.length);
    }
  };
  const start = (): Promise<void> => {
    under ??= sendAll().finally(() => {
      under = undefined;
    });
    return under;
  };
  const stop = clock.every(LIMITS.traceTickMs, () => void start());
  return {
    send: (spans) => {
      const room = LIMITS.traceSpansQueued - waiting.length;
      waiting.push(...spans.slice(0, room));
      dropped += Math.max(0, spans.length - room);
    },
    close: async () => {
      stop();
      await under;
      await start();
      if (waiting.length > 0) log.warn({ count: waiting.length }, 'traces: spans were not taken');
    },
  };
};
