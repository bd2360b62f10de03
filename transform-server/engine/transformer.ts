/** Work in, texts out, in batches on a worker thread (or on this one): what one object breaks fails for that object alone. */
import { Worker } from 'node:worker_threads';
import { chooseEngine, type EngineName } from './engine.ts';
import { createPipeline, type PlatformLoaders, type SheetTexts } from './pipeline.ts';
import { createBatchReader, type Work, type WorkDone } from './work.ts';
import type { FromWorker, ToWorker, WorkerOptions } from './worker.ts';

/** `now`: somebody waits. `later`: goes when nothing with `now` is queued. */
export type Urgency = 'now' | 'later';

export interface Transformer {
  run(work: Work, urgency?: Urgency): Promise<WorkDone>;
  close(): Promise<void>;
}

export interface ThreadOptions {
  /** Module that exports PLATFORMS; the registry of the project by default. */
  readonly registry?: URL;
  readonly engine?: EngineName;
  /** Of sheets that are not read from their files. */
  readonly texts?: SheetTexts;
  /** A batch that takes longer than this ends the thread. */
  readonly limitMs?: number;
  /** What the thread may take, and as much again for the engine: for sheets that nobody has judged. */
  readonly memoryMb?: number;
}

const BATCH = 64;
const IN_FLIGHT = 2;
const LIMIT_MS = 30_000;
const QUEUE_LIMIT = 200_000;
/** Nearly all that the thread makes is garbage at once: a small nursery costs little time and holds tens of megabytes less. */
const YOUNG_MB = 8;

interface Queued {
  readonly work: Work;
  readonly resolve: (done: WorkDone) => void;
  /** A batch with it was lost: it goes alone, and if it is lost again it is to blame. */
  suspect: boolean;
}

interface Flight {
  readonly batch: number;
  readonly items: Queued[];
  timer: NodeJS.Timeout | undefined;
}

const CLOSED = { ok: false, closed: true, error: 'the sheet thread is closed' } as const;

export const createThread = (options: ThreadOptions = {}): Transformer => {
  const registry = options.registry ?? new URL('../../mappings/platforms.ts', import.meta.url);
  const limitMs = options.limitMs ?? LIMIT_MS;
  const queues: Readonly<Record<Urgency, Queued[]>> = { now: [], later: [] };
  /** Oldest first. */
  let flying: Flight[] = [];
  let suspects: Queued[] = [];
  let batches = 0;
  let scheduled = false;
  let closed = false;
  let worker: Worker | undefined;
  let overtime = false;

  /** The oldest batch is the one that runs; only it is on the clock. */
  const watch = (): void => {
    const [oldest] = flying;
    if (oldest && !oldest.timer) {
      oldest.timer = setTimeout(() => {
        overtime = true;
        void worker?.terminate();
      }, limitMs);
      oldest.timer.unref();
    }
  };

  const start = (): Worker => {
    const data: WorkerOptions = {
      registry: registry.href,
      ...(options.engine ? { engine: options.engine } : {}),
      ...(options.texts ? { texts: options.texts } : {}),
      ...(options.memoryMb ? { memoryMb: options.memoryMb } : {}),
    };
    overtime = false;
    const started = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: data,
      name: 'sheets',
      resourceLimits: {
        maxYoungGenerationSizeMb: YOUNG_MB,
        ...(options.memoryMb ? { maxOldGenerationSizeMb: options.memoryMb } : {}),
      },
    });
    started.unref();
    let reason = 'the sheet thread ended';
    let ready = false;
    const read = createBatchReader();
    started.on('message', (message: FromWorker) => {
      if ('ready' in message) {
        ready = true;
        return;
      }
      const { batch, sent } = message;
      // Read whoever waits: its templates serve later batches.
      const done = read(sent);
      const landed = flying.find((one) => one.batch === batch);
      if (!landed) return;
      clearTimeout(landed.timer);
      flying = flying.filter((one) => one !== landed);
      landed.items.forEach((item, at) => {
        item.resolve(done[at] ?? { ok: false, error: 'no answer' });
      });
      if (flying.length === 0) started.unref();
      dispatch();
    });
    started.on('error', (error) => {
      reason = `the sheet thread broke: ${error instanceof Error ? error.message : String(error)}`;
    });
    started.on('exit', () => {
      if (worker === started) worker = undefined;
      if (overtime) reason = `it took longer than ${limitMs / 1000} s`;
      const lost = flying;
      flying = [];
      if (!ready) {
        // It does not even start: no object is to blame, and trying once an object would only take longer.
        for (const item of [...suspects, ...queues.now.splice(0), ...queues.later.splice(0)])
          item.resolve(closed ? CLOSED : { ok: false, error: reason });
        suspects = [];
      }
      for (const { items, timer } of lost) {
        clearTimeout(timer);
        const alone = items.length === 1 && (items[0]?.suspect || lost.length === 1);
        for (const item of items) {
          if (closed) item.resolve(CLOSED);
          else if (alone || !ready) item.resolve({ ok: false, error: reason });
          else {
            item.suspect = true;
            suspects.push(item);
          }
        }
      }
      dispatch();
    });
    return started;
  };

  const take = (): Queued[] => {
    if (suspects.length > 0) return flying.length === 0 ? suspects.splice(0, 1) : [];
    const items = queues.now.splice(0, BATCH);
    // Half a batch of background work at most rides along, so that whoever asks next waits little.
    if (items.length === 0) items.push(...queues.later.splice(0, flying.length === 0 ? BATCH : BATCH / 2));
    return items;
  };

  const dispatch = (): void => {
    while (!closed && flying.length < IN_FLIGHT) {
      // A suspect flies alone: whatever ends the thread then was it.
      if (flying.some(({ items }) => items[0]?.suspect)) break;
      const items = take();
      if (items.length === 0) break;
      worker ??= start();
      worker.ref();
      const batch = ++batches;
      flying.push({ batch, items, timer: undefined });
      try {
        worker.postMessage({ batch, works: items.map((item) => item.work) } satisfies ToWorker);
      } catch (error) {
        // Something in it cannot be sent: each flies alone, and the one that is to blame fails alone.
        flying.pop();
        if (items.length === 1)
          items[0]?.resolve({ ok: false, error: error instanceof Error ? error.message : String(error) });
        else for (const item of items) suspects.push(Object.assign(item, { suspect: true }));
      }
    }
    watch();
  };

  return {
    run: (work, urgency = 'now') =>
      new Promise((resolve) => {
        if (closed) return resolve(CLOSED);
        if (queues[urgency].length >= QUEUE_LIMIT)
          return resolve({ ok: false, error: 'too much work for the sheet thread' });
        queues[urgency].push({ work, resolve, suspect: false });
        if (scheduled) return;
        scheduled = true;
        // What is asked for in one turn goes together.
        queueMicrotask(() => {
          scheduled = false;
          dispatch();
        });
      }),
    close: async () => {
      closed = true;
      for (const item of [...suspects, ...queues.now.splice(0), ...queues.later.splice(0)]) item.resolve(CLOSED);
      suspects = [];
      await worker?.terminate();
    },
  };
};

/** The same on this thread, for tests. */
export const createInThread = (loaders: PlatformLoaders): Transformer => {
  const pipeline = chooseEngine().then((chosen) => createPipeline(chosen, loaders));
  return {
    run: async (work) => (await pipeline).run(work),
    close: async () => (await pipeline).dispose(),
  };
};
