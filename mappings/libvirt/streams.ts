// One libvirt stream seen from its user: chunks out with pause and resume, chunks in with `drained`, an outcome at its end.
import { type Fault, fault, type Outcome, refused } from '../generic/faults.ts';
import type { HostStream } from '../generic/platform.ts';
import type { Fields } from './codec.ts';

/** What the transport does for a stream. */
export type StreamPort = {
  send(bytes: Uint8Array): boolean;
  finish(): void;
  abort(): void;
  drained(): Promise<void>;
  wake(): void;
};

/** What the transport tells a stream. */
export type StreamEnd = {
  readonly stream: HostStream;
  opened(outcome: Outcome<Fields>): void;
  data(bytes: Buffer): void;
  hole(lengthBytes: bigint): void;
  closed(outcome: Outcome<undefined>): void;
  unreadBytes(): number;
};

/** Holes are given as zeroes in pieces of this size, all the same memory. */
const ZEROES = new Uint8Array(256 * 1024);

type Unread = { readonly kind: 'data'; readonly bytes: Uint8Array } | { readonly kind: 'hole'; left: bigint };

export const createStream = (port: StreamPort): StreamEnd => {
  const unread: Unread[] = [];
  let unreadBytes = 0;
  let listener: ((bytes: Uint8Array) => void) | undefined;
  let pausing = false;
  let giving = false;
  let isOpen = false;
  let ending = false;
  let aborted: Fault | undefined;
  let early: Uint8Array[] = [];
  let ended: Outcome<undefined> | undefined;
  let resolveOpened: (outcome: Outcome<Fields>) => void;
  let resolveFinished: (outcome: Outcome<undefined>) => void;
  let resolveEarly: (() => void) | undefined;
  const opened = new Promise<Outcome<Fields>>((resolve) => {
    resolveOpened = resolve;
  });
  const finished = new Promise<Outcome<undefined>>((resolve) => {
    resolveFinished = resolve;
  });

  const give = (): void => {
    if (giving) return;
    giving = true;
    while (listener && !pausing) {
      const next = unread[0];
      if (!next) break;
      if (next.kind === 'data') {
        unread.shift();
        unreadBytes -= next.bytes.length;
        listener(next.bytes);
      } else {
        const size = next.left > BigInt(ZEROES.length) ? ZEROES.length : Number(next.left);
        next.left -= BigInt(size);
        if (next.left === 0n) unread.shift();
        listener(ZEROES.subarray(0, size));
      }
    }
    giving = false;
    // The end is told when everything before it has been given, or when nobody will ask for it.
    if (ended && (unread.length === 0 || !ended.ok)) resolveFinished(ended);
  };

  const close = (outcome: Outcome<undefined>): void => {
    if (ended) return;
    ended = aborted ? refused(aborted) : outcome;
    early = [];
    resolveEarly?.();
    if (!ended.ok) {
      unread.length = 0;
      unreadBytes = 0;
    }
    give();
  };

  const stream: HostStream = {
    opened,
    finished,
    onChunk: (take) => {
      listener = take;
      give();
    },
    pause: () => {
      pausing = true;
    },
    resume: () => {
      pausing = false;
      give();
      port.wake();
    },
    write: (bytes) => {
      if (ended || ending || aborted) return;
      if (!isOpen) early.push(bytes);
      else if (port.send(bytes)) port.wake();
    },
    drained: async () => {
      if (!isOpen && !ended) {
        await new Promise<void>((resolve) => {
          resolveEarly = resolve;
        });
      }
      if (!ended) await port.drained();
    },
    end: () => {
      if (ending || aborted) return;
      ending = true;
      if (isOpen) {
        port.finish();
        port.wake();
      }
    },
    abort: (reason) => {
      if (ended || aborted) return;
      aborted = fault('cancelled', {}, reason);
      unread.length = 0;
      unreadBytes = 0;
      if (isOpen) {
        port.abort();
        port.wake();
      }
    },
  };

  return {
    stream,
    opened: (outcome) => {
      resolveOpened(outcome);
      if (!outcome.ok) return close(outcome);
      isOpen = true;
      if (aborted) port.abort();
      else {
        for (const bytes of early) port.send(bytes);
        if (ending) port.finish();
      }
      early = [];
      resolveEarly?.();
      port.wake();
    },
    data: (bytes) => {
      if (aborted) return;
      unread.push({ kind: 'data', bytes });
      unreadBytes += bytes.length;
      give();
    },
    hole: (lengthBytes) => {
      if (aborted || lengthBytes === 0n) return;
      unread.push({ kind: 'hole', left: lengthBytes });
      give();
    },
    closed: close,
    unreadBytes: () => unreadBytes,
  };
};
