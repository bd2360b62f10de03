/** Statistics of the simulated host: counters that only grow and rates that rise and fall, computed from the time alone. */
import type { VmSample } from '../../generic/statistics.ts';
import { type Procedure, type SimState, took, type VmRecord } from './state.ts';

/** A number from 0 to 1 that is always the same for the same text (FNV-1a). */
export const chance = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
};

const PERIOD_MS = 120_000;

/** Integral of `mean * (1 + 0.8 sin)` from the start: a counter whose rate swings and never turns negative. */
const counter = (seed: string, meanPerMs: number, fromMs: number, toMs: number): number => {
  const turn = (2 * Math.PI) / PERIOD_MS;
  const phase = 2 * Math.PI * chance(`${seed} phase`);
  const swing = (Math.cos(phase + turn * fromMs) - Math.cos(phase + turn * toMs)) / turn;
  return Math.max(0, Math.round(meanPerMs * (toMs - fromMs + 0.8 * swing)));
};

const sampleOf = ({ native, doc }: VmRecord, nowMs: number): VmSample => {
  const isUp = doc.powerState === 'running' || doc.powerState === 'paused';
  const from = doc.startedMs ?? nowMs;
  const to = isUp ? nowMs : from;
  const of = (what: string, meanPerMs: number): number =>
    counter(`${native} ${what}`, meanPerMs * (0.5 + chance(`${native} ${what}`)), from, to);
  const active = 0.35 + 0.25 * Math.sin((2 * Math.PI * nowMs) / (5 * PERIOD_MS) + 6 * chance(native));
  const [read, written] = [of('read', 40), of('written', 90)];
  return {
    native,
    cpuNs: of('cpu', 120_000 * doc.cpuCount),
    memoryBytes: isUp ? doc.memoryBytes : 0,
    residentBytes: isUp ? Math.round(doc.memoryBytes * active) : 0,
    readBytes: read,
    writtenBytes: written,
    readRequests: Math.floor(read / 4096),
    writeRequests: Math.floor(written / 8192),
    receivedBytes: doc.nics.length > 0 ? of('received', 25) : 0,
    sentBytes: doc.nics.length > 0 ? of('sent', 12) : 0,
  };
};

const isRunning = ({ doc }: VmRecord): boolean => doc.powerState === 'running' || doc.powerState === 'paused';

const chosen = (state: SimState, natives: readonly string[] | undefined): VmRecord[] =>
  natives === undefined
    ? [...state.vms.values()].filter(isRunning)
    : natives.flatMap((native) => state.vms.get(native) ?? []);

const sample: Procedure = (state, args, nowMs) => {
  const vms = chosen(state, args['natives'] as readonly string[] | undefined).map((record) => sampleOf(record, nowMs));
  let usedBytes = Math.round(state.host.memoryBytes * 0.05);
  for (const { doc, ...rest } of state.vms.values()) if (isRunning({ doc, ...rest })) usedBytes += doc.memoryBytes;
  const from = state.host.bootedMs;
  const cpuNs = counter('host cpu', 150_000 * state.host.cpuThreads, from, nowMs);
  const allNs = state.host.cpuThreads * (nowMs - from) * 1_000_000;
  const freeBytes = Math.max(0, state.host.memoryBytes - usedBytes);
  return took(state, [], {
    vms,
    host: { cpuNs, idleNs: Math.max(0, allNs - cpuNs), memoryBytes: state.host.memoryBytes, freeBytes },
  });
};

export const STATISTICS = { 'STATS.sample': sample } satisfies Record<string, Procedure>;
