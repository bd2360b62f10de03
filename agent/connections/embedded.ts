/** A connection to a host that lives in this process: a transport in, a connection without a socket out. Only time passes on it. */
import type { Outcome } from '../../mappings/generic/faults.ts';
import type { HostTransport } from '../../mappings/generic/platform.ts';
import type { Clock, Connection } from './connection.ts';

/** What the transport throws is our own bug, for there is no peer; the conversation ends with it, so that its callers hear of it. */
export const openEmbedded = async <T extends HostTransport>(
  transport: T,
  at: string,
  clock: Clock,
  openLimitMs: number,
  warn: (error: unknown) => void,
): Promise<Outcome<Connection<T>>> => {
  let isOpen = true;
  let scheduled = false;
  let forgetTimer: (() => void) | undefined;
  let timerAtMs: number | undefined;
  const { promise: closed, resolve: resolveClosed } = Promise.withResolvers<string>();

  const end = (reason: string): void => {
    if (!isOpen) return;
    isOpen = false;
    forgetTimer?.();
    transport.closed(reason);
    resolveClosed(reason);
  };

  const arm = (): void => {
    const wakeAt = transport.wakeAt();
    if (wakeAt === timerAtMs || (wakeAt !== undefined && timerAtMs !== undefined && timerAtMs < wakeAt)) return;
    forgetTimer?.();
    forgetTimer = undefined;
    timerAtMs = wakeAt;
    if (wakeAt === undefined) return;
    forgetTimer = clock.after(Math.max(0, wakeAt - clock.now()), () => {
      timerAtMs = undefined;
      pump();
    });
  };

  const pump = (): void => {
    scheduled = false;
    if (!isOpen) return;
    try {
      transport.tick(clock.now());
      arm();
    } catch (error) {
      warn(error);
      end(`${at}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };

  transport.onOutput(() => {
    if (scheduled || !isOpen) return;
    scheduled = true;
    queueMicrotask(pump);
  });
  const forgetLimit = clock.after(openLimitMs, () => end(`${at}: not ready within ${openLimitMs} ms`));
  const ready = await transport.ready;
  forgetLimit();
  if (!ready.ok) {
    end(`${at}: ${ready.fault.text}`);
    return ready;
  }
  pump();
  const close = async (reason = 'closed by us'): Promise<void> => end(reason);
  return {
    ok: true,
    value: {
      transport,
      closed,
      get isOpen() {
        return isOpen;
      },
      close,
      [Symbol.asyncDispose]: () => close(),
    },
  };
};
