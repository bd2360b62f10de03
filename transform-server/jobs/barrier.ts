/** What a command touched is read again and committed before its job becomes success: read your own writes, whatever events say. */
import type { HubId, NativeRef } from '../../mappings/generic/ids.ts';
import type { DocumentKind } from '../../mappings/generic/model.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Store } from '../store/store.ts';
import type { Cause, HostsGateway } from './gateway.ts';
import type { Timing } from './timing.ts';

const DOCUMENT_KINDS: ReadonlySet<string> = new Set<DocumentKind>(['host', 'vm', 'storage', 'volume', 'network']);
export const isDocumentKind = (kind: string): kind is DocumentKind => DOCUMENT_KINDS.has(kind);

/** How often a re-read that missed its limit is tried again before it is left to the host's events. */
const LATE_TRIES = 20;

export const createBarrier = (options: {
  hosts: HostsGateway;
  store: Store;
  clock: Clock;
  timing: Timing;
  log: Log;
}) => {
  const { hosts, store, clock, timing, log } = options;

  const idsOf = (host: HubId, touches: readonly NativeRef[]): HubId[] => {
    const view = store.view('');
    return touches.flatMap(({ kind, native }) =>
      isDocumentKind(kind) ? (view.find(host, kind, native)?.id ?? []) : [],
    );
  };

  const reread = async (host: HubId, touches: readonly NativeRef[], cause: Cause): Promise<boolean> => {
    const writer = hosts.writer(host);
    if (!writer) return false;
    try {
      const read = await writer.agent.read(host, touches);
      if (!read.ok) return false;
      await hosts.commit(host, read.value, cause);
      return true;
    } catch (error) {
      log.warn({ exchange: cause.exchange, host, job: cause.job, error }, 're-read after a command failed');
      return false;
    }
  };

  const untilRead = async (host: HubId, touches: readonly NativeRef[], cause: Cause): Promise<boolean> => {
    for (let tries = 0; tries < LATE_TRIES; tries++) {
      if (await reread(host, touches, cause)) return true;
      await sleep(clock, Math.min(timing.pollMs * 2 ** tries, timing.barrierMs));
    }
    return false;
  };

  /** Resolves at the limit at the latest; true when all is committed, false when the objects are marked stale. */
  return async (host: HubId, touches: readonly NativeRef[], cause: Cause): Promise<boolean> => {
    if (touches.length === 0) return true;
    const read = untilRead(host, touches, cause);
    let stop = (): void => {};
    const limit = new Promise<'late'>((resolve) => {
      stop = clock.after(timing.barrierMs, () => resolve('late'));
    });
    const first = await Promise.race([read, limit]);
    stop();
    if (first === true) return true;
    const stale = idsOf(host, touches);
    store.setStale(stale, true);
    log.warn(
      { exchange: cause.exchange, host, job: cause.job, count: stale.length },
      'objects are stale: they could not be read again in time',
    );
    void read.then((late) => {
      if (late) store.setStale(stale, false);
    });
    return false;
  };
};
