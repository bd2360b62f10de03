/** Batches of work in, packed batches of texts out: the pipeline on a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { chooseEngine, type EngineName, limitEngineMemory } from './engine.ts';
import { createPipeline, type PlatformLoaders, type SheetTexts } from './pipeline.ts';
import { createBatchWriter, type SentBatch, type Work, type WorkDone } from './work.ts';

export interface WorkerOptions {
  /** URL of the module that exports PLATFORMS. */
  readonly registry: string;
  readonly engine?: EngineName;
  readonly texts?: SheetTexts;
  /** Of the engine, outside the JavaScript heap. */
  readonly memoryMb?: number;
}

export type FromWorker = { readonly ready: true } | { readonly batch: number; readonly sent: SentBatch };
export type ToWorker = { readonly batch: number; readonly works: readonly Work[] };

const port = parentPort;
if (!port) throw new Error('started as a worker only');
const options = workerData as WorkerOptions;
let isExhausted = false;
if (options.memoryMb !== undefined)
  limitEngineMemory(options.memoryMb, () => {
    isExhausted = true;
  });
const { PLATFORMS } = (await import(options.registry)) as { PLATFORMS: PlatformLoaders };
const pipeline = createPipeline(await chooseEngine(options.engine), PLATFORMS, options.texts);

const write = createBatchWriter();

// Batches run in the order they came; while one is answered the next is already here.
let tail: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  tail = tail.then(async () => {
    const done: WorkDone[] = [];
    for (const work of message.works) {
      isExhausted = false;
      const one = await pipeline.run(work);
      // An engine without memory says whatever it stumbled over.
      done.push(isExhausted && !one.ok ? { ok: false, error: `it took more than ${options.memoryMb} MB` } : one);
    }
    port.postMessage({ batch: message.batch, sent: write(done) } satisfies FromWorker);
  });
});
port.postMessage({ ready: true } satisfies FromWorker);
