/** One volume's bytes as a stream: pieces out at the reader's pace, or pieces in; each a call of the machine, made when the transport ticks. */
import { type Fault, fault, type Outcome, refused } from '../generic/faults.ts';
import type { HostStream } from '../generic/platform.ts';

export interface SimStream {
  readonly stream: HostStream;
  /** Does what is to do now; `call` runs the machine. */
  pump(call: (procedure: string, args: Readonly<Record<string, unknown>>) => Outcome<Record<string, unknown>>): void;
  /** There is more to read at once. */
  readonly eager: boolean;
  lost(reason: Fault): void;
}

const PIECE_BYTES = 256 * 1024;
/** In one go: other calls come in between. */
const PIECES = 4;

export const openStream = (
  procedure: string,
  args: Readonly<Record<string, unknown>>,
  direction: 'download' | 'upload' | 'both',
  wake: () => void,
): SimStream => {
  const { promise: opened, resolve: open } = Promise.withResolvers<Outcome<Record<string, unknown>>>();
  const { promise: finished, resolve: finish } = Promise.withResolvers<Outcome<undefined>>();
  let state: 'new' | 'open' | 'over' = 'new';
  let listener: ((bytes: Uint8Array) => void) | undefined;
  let pausing = false;
  let ending = false;
  let aborted: Fault | undefined;
  let queue: Uint8Array[] = [];
  const waiting: (() => void)[] = [];
  let at = typeof args['offset'] === 'number' ? args['offset'] : 0;
  let endAt = 0;
  const volume = args['volume'];

  const settle = (outcome: Outcome<undefined>): void => {
    if (state === 'over') return;
    if (state === 'new') open(outcome.ok ? { ok: true, value: {} } : outcome);
    state = 'over';
    queue = [];
    for (const resolve of waiting.splice(0)) resolve();
    finish(outcome);
  };

  const begin = (call: Parameters<SimStream['pump']>[0]): void => {
    const wanted = procedure === 'VOLUME.read' ? 'download' : procedure === 'VOLUME.write' ? 'upload' : undefined;
    if (
      wanted === undefined ||
      wanted !== direction ||
      typeof volume !== 'string' ||
      !Number.isSafeInteger(at) ||
      at < 0
    ) {
      settle(refused(fault('not-supported', {}, `"${procedure.slice(0, 100)}" opens no stream for ${direction}`)));
      return;
    }
    const outcome = call('VOLUME.open', { volume, writes: direction === 'upload' });
    if (!outcome.ok) {
      settle(outcome);
      return;
    }
    const lengthBytes = outcome.value['lengthBytes'] as number;
    const asked = typeof args['length'] === 'number' && args['length'] >= 0 ? at + args['length'] : lengthBytes;
    endAt = Math.min(lengthBytes, asked);
    state = 'open';
    open(outcome);
  };

  const download = (call: Parameters<SimStream['pump']>[0]): void => {
    for (let n = 0; n < PIECES && state === 'open' && listener && !pausing && at < endAt; n++) {
      const outcome = call('VOLUME.read', { volume, offset: at, length: Math.min(PIECE_BYTES, endAt - at) });
      if (!outcome.ok) {
        settle(outcome);
        return;
      }
      const bytes = outcome.value['bytes'] as Uint8Array;
      if (bytes.length === 0) break;
      at += bytes.length;
      listener(bytes);
    }
    if (aborted) settle(refused(aborted));
    else if (at >= endAt) settle({ ok: true, value: undefined });
  };

  const upload = (call: Parameters<SimStream['pump']>[0]): void => {
    for (const bytes of queue.splice(0)) {
      const outcome = call('VOLUME.write', { volume, offset: at, bytes });
      if (!outcome.ok) {
        settle(outcome);
        return;
      }
      at += bytes.length;
    }
    for (const resolve of waiting.splice(0)) resolve();
    if (!ending) return;
    const outcome = call('VOLUME.close', { volume });
    settle(outcome.ok ? { ok: true, value: undefined } : outcome);
  };

  return {
    stream: {
      opened,
      finished,
      onChunk: (take) => {
        listener = take;
        wake();
      },
      pause: () => {
        pausing = true;
      },
      resume: () => {
        pausing = false;
        wake();
      },
      write: (bytes) => {
        if (state === 'over' || ending || aborted) return;
        // The writer may use its buffer again.
        queue.push(bytes.slice());
        wake();
      },
      drained: () =>
        state === 'over' || queue.length === 0
          ? Promise.resolve()
          : new Promise<void>((resolve) => waiting.push(resolve)),
      end: () => {
        ending = true;
        wake();
      },
      abort: (reason) => {
        aborted ??= fault('cancelled', {}, reason);
        wake();
      },
    },
    pump: (call) => {
      if (aborted) return settle(refused(aborted));
      if (state === 'new') begin(call);
      if (state !== 'open') return;
      if (direction === 'download') download(call);
      else upload(call);
    },
    get eager() {
      return state === 'open' && direction === 'download' && listener !== undefined && !pausing && at < endAt;
    },
    lost: (reason) => settle(refused(reason)),
  };
};
