/** A running product and a number of requests in; counts by outcome, complaints and memory out. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Transvisor } from '../peers/transvisor.ts';
import { createDice } from './dice.ts';
import type { Attempt, FuzzFront, FuzzWorker } from './front.ts';
import type { HeapProbe } from './heap.ts';

export interface FuzzOptions {
  readonly product: Transvisor;
  readonly front: FuzzFront;
  readonly requests: number;
  readonly seed: number;
  readonly concurrency?: number;
  /** Asked what lives in the program's heaps, when it was opened before the program started. */
  readonly heap?: HeapProbe;
  readonly onProgress?: (done: number) => void;
}

export interface HeapSample {
  readonly requests: number;
  /** Objects of the estate. */
  readonly estate: number;
  /** That live after a full collection. */
  readonly bytes: number;
}

export interface FuzzReport {
  readonly seed: number;
  readonly requests: number;
  readonly driverShare: number;
  readonly warmShare: number;
  readonly seconds: number;
  readonly mutations: ReadonlyMap<string, number>;
  readonly reach: ReadonlyMap<string, number>;
  readonly statuses: ReadonlyMap<string, number>;
  readonly faults: ReadonlyMap<string, number>;
  /** By the program's own counters, the estate's keeper taken off. */
  readonly decoded: number;
  readonly dispatched: number;
  readonly driver: number;
  readonly slowestMs: number;
  readonly slowest: string;
  /** No answer in 30 s. */
  readonly hangs: readonly string[];
  /** Broken connections and answers that are not what the API would say. */
  readonly problems: readonly string[];
  /** Answers that say that the program itself failed. */
  readonly internal: readonly string[];
  /** Lines of its log that say so. */
  readonly errors: ReadonlyMap<string, number>;
  /** Resident bytes over time. */
  readonly memory: readonly number[];
  /** Between rounds, while the workers rest and the estate is as large as always. */
  readonly heap: readonly HeapSample[];
  readonly alive: boolean;
}

const LIMIT_MS = 30_000;
const WAIT_MS = 1000;
const TEND_EVERY = 700;
const ROUNDS = 60;
/** Rounds between two looks at the heap: each collects garbage that the program would leave for a while. */
const HEAP_EVERY = 2;
const SAMPLE_MS = 500;
const FINDINGS = fileURLToPath(new URL('../../.cache/fuzz/', import.meta.url));
const FINDINGS_MOST = 60;

const count = (counts: Map<string, number>, what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

const residentBytes = (pids: readonly number[]): number =>
  pids.reduce(
    (sum, pid) => sum + Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024,
    0,
  );

const readMetrics = async ({ url, token }: Transvisor['admin']): Promise<ReadonlyMap<string, number>> => {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`metrics: ${answer.status}`);
  return new Map(
    [...(await answer.text()).matchAll(/^transvisor_(\w+) (\S+)$/gm)].map(([, name = '', value = '']) => [
      name,
      Number(value),
    ]),
  );
};

interface Reached {
  readonly decoded: number;
  readonly dispatched: number;
  readonly driver: number;
}
const reached = async (product: Transvisor): Promise<Reached> => {
  // The agent tells its counts once a second.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const metrics = await readMetrics(product.admin);
  const of = (name: string): number => {
    const value = metrics.get(name);
    if (value === undefined) throw new Error(`there is no metric ${name}`);
    return value;
  };
  return {
    decoded: of('calls_decoded_total'),
    dispatched: of('calls_dispatched_total'),
    driver: of('commands_direct_total') + of('commands_planned_total') + of('calls_asking_total'),
  };
};

const errorsIn = (log: string): ReadonlyMap<string, number> => {
  const errors = new Map<string, number>();
  for (const line of log.split('\n')) {
    if (/"level":"(error|fatal)"/.test(line)) {
      const entry = JSON.parse(line) as { msg?: string; error?: { message?: string; stack?: string } };
      count(errors, `${entry.msg}: ${entry.error?.stack?.split('\n').slice(0, 4).join(' | ') ?? ''}`);
    } else if (/^(\w*Error|Uncaught|\s+at )/.test(line)) count(errors, line.trim());
  }
  return errors;
};

export const fuzz = async ({
  product,
  front,
  requests,
  seed,
  concurrency = 8,
  heap,
  onProgress,
}: FuzzOptions): Promise<FuzzReport> => {
  let keeperDecoded = 0;
  let keeperDriver = 0;
  const counts = {
    mutations: new Map<string, number>(),
    reach: new Map<string, number>(),
    statuses: new Map<string, number>(),
    faults: new Map<string, number>(),
  };
  const hangs: string[] = [];
  const problems: string[] = [];
  const internal: string[] = [];
  let slowestMs = 0;
  let slowest = '';
  let sent = 0;
  let answered = 0;
  let findings = 0;
  mkdirSync(FINDINGS, { recursive: true });

  const finding = (list: string[], what: string, { body, ending }: Attempt): void => {
    const name = `${seed}-${findings}.${ending}`;
    if (findings++ < FINDINGS_MOST) writeFileSync(join(FINDINGS, name), body);
    list.push(`${what} (${name})`);
  };

  const target = await front(product);
  await target.tend();
  /** The keeper's own calls count for nothing: while it tends, the workers rest. */
  const tendCounted = async (): Promise<void> => {
    const before = await reached(product);
    await target.tend();
    const after = await reached(product);
    keeperDecoded += after.decoded - before.decoded;
    keeperDriver += after.driver - before.driver;
  };

  const one = async (worker: FuzzWorker): Promise<void> => {
    const attempt = worker.next();
    const { label, waits } = attempt;
    count(counts.mutations, attempt.mutation);
    count(counts.reach, attempt.reach);
    const result = await worker.send(attempt, waits ? WAIT_MS : LIMIT_MS);
    if (result.kind === 'answer') {
      if (result.ms > slowestMs && !waits) {
        slowestMs = result.ms;
        slowest = label;
      }
      const { fault, problem, internal: failed, sessionLost } = worker.judge(attempt, result.status, result.body);
      count(counts.statuses, String(result.status));
      if (problem !== undefined)
        finding(problems, `${label}: status ${result.status}: ${problem}: ${result.body.slice(-300)}`, attempt);
      if (fault !== undefined) count(counts.faults, fault);
      if (failed !== undefined) finding(internal, `${label}: ${failed}`, attempt);
      if (sessionLost) await worker.logIn();
    } else if (result.kind === 'broken') finding(problems, `${label}: broken: ${result.why}`, attempt);
    else if (waits) count(counts.statuses, 'left waiting by us');
    else finding(hangs, `${label}: no answer`, attempt);
  };

  const memory: number[] = [];
  const lives: HeapSample[] = [];
  const sampler = setInterval(() => {
    if (product.alive()) memory.push(residentBytes(product.pids()));
  }, SAMPLE_MS);
  const begun = performance.now();
  const start = await reached(product);
  const workers = await Promise.all(
    Array.from({ length: concurrency }, async (_, at): Promise<FuzzWorker> => {
      const worker = target.worker(createDice(seed * 1009 + at));
      await worker.logIn();
      return worker;
    }),
  );
  try {
    const round = Math.max(TEND_EVERY, Math.floor(requests / ROUNDS));
    for (let rounds = 1; sent < requests && product.alive(); rounds++) {
      const until = Math.min(requests, sent + round);
      await Promise.all(
        workers.map(async (worker) => {
          while (sent < until && product.alive()) {
            sent++;
            await one(worker);
            answered++;
          }
        }),
      );
      onProgress?.(answered);
      if (!product.alive()) break;
      await tendCounted();
      if (heap !== undefined && (rounds % HEAP_EVERY === 0 || sent === requests))
        lives.push({ requests: answered, estate: target.size(), bytes: await heap.live(product.pids()) });
    }
    const end = product.alive() ? await reached(product) : start;
    return {
      seed,
      requests: answered,
      driverShare: target.driverShare,
      warmShare: target.warmShare,
      seconds: (performance.now() - begun) / 1000,
      ...counts,
      decoded: end.decoded - start.decoded - keeperDecoded,
      dispatched: end.dispatched - start.dispatched - keeperDecoded,
      driver: end.driver - start.driver - keeperDriver,
      slowestMs,
      slowest,
      hangs,
      problems,
      internal,
      errors: errorsIn(product.wholeLog()),
      memory,
      heap: lives,
      alive: product.alive(),
    };
  } finally {
    clearInterval(sampler);
    for (const worker of workers) worker.close();
    target.close();
  }
};
