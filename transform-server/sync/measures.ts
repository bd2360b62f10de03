/** Two samples of a VM's or a host's counters in; what was measured between them out, under the names of `History`. */
import type { HostSample, VmSample } from '../../mappings/generic/statistics.ts';

type Measured = Record<string, number>;
type Traffic = Pick<
  VmSample,
  'readBytes' | 'writtenBytes' | 'readRequests' | 'writeRequests' | 'receivedBytes' | 'sentBytes'
>;

/** A counter that went back began anew. */
const grown = (now: number, before: number): number => (now >= before ? now - before : now);
/** Threads kept busy. */
export const busy = (nowNs: number, beforeNs: number, ms: number): number => grown(nowNs, beforeNs) / 1e6 / ms;

const threads = (now: readonly number[] = [], before: readonly number[] = [], ms: number): Measured => {
  const measured: Measured = {};
  for (const [n, ns] of now.entries()) {
    const last = before[n];
    if (last !== undefined) measured[`cpu.${n}`] = busy(ns, last, ms);
  }
  return measured;
};

const RATES = {
  disk: { read: 'readBytes', written: 'writtenBytes', reads: 'readRequests', writes: 'writeRequests' },
  nic: { received: 'receivedBytes', sent: 'sentBytes' },
} as const;

const rates = <K extends keyof Traffic>(
  prefix: string,
  names: Readonly<Record<string, K>>,
  now: Pick<Traffic, K>,
  before: Pick<Traffic, K>,
  ms: number,
): Measured =>
  Object.fromEntries(
    Object.entries(names).map(([name, of]) => [`${prefix}.${name}`, (grown(now[of], before[of]) / ms) * 1000]),
  );

export const vmMeasures = (now: VmSample, before: VmSample, ms: number): Measured => {
  const measured: Measured = {
    cpu: busy(now.cpuNs, before.cpuNs, ms),
    memory: now.residentBytes || now.memoryBytes,
    ...rates('disk', RATES.disk, now, before, ms),
    ...rates('nic', RATES.nic, now, before, ms),
    ...threads(now.threadNs, before.threadNs, ms),
  };
  for (const disk of now.disks ?? []) {
    const last = before.disks?.find(({ device }) => device === disk.device);
    if (last !== undefined) Object.assign(measured, rates(`disk.${disk.device}`, RATES.disk, disk, last, ms));
  }
  for (const [n, nic] of (now.nics ?? []).entries()) {
    const last = before.nics?.[n];
    if (last !== undefined) Object.assign(measured, rates(`nic.${n}`, RATES.nic, nic, last, ms));
  }
  return measured;
};

export const hostMeasures = (now: HostSample, before: HostSample, ms: number): Measured => ({
  cpu: busy(now.cpuNs, before.cpuNs, ms),
  memory: Math.max(0, now.memoryBytes - now.freeBytes),
  ...threads(now.threadNs, before.threadNs, ms),
});
