/** Samples of the hosts' counters come in at intervals; rates of running VMs and hosts go into the store's slots and histories, beside all versions. */
import type { Outcome } from '../../mappings/generic/faults.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { HostSample, Statistics, VmSample } from '../../mappings/generic/statistics.ts';
import { nextTurn } from '../exchanges/drive.ts';
import type { Store } from '../store/store.ts';
import { busy, hostMeasures, vmMeasures } from './measures.ts';

/** The interval at which the APIs' own real-time statistics move. */
const SAMPLE_MS = 20_000;
/** VMs taken in before others have their turn. */
const SLICE = 500;
/** How often it is looked which hosts are due: a new one has its first figures soon. */
export const LOOK_MS = 2000;

export interface StatisticsOptions {
  readonly store: Store;
  ask(host: HubId, question: string): Promise<Outcome>;
  /** Brings the host's generic document up to date. */
  generic(ids: readonly HubId[]): Promise<void>;
  now(): number;
}

interface Before {
  readonly atMs: number;
  readonly host: HostSample;
  readonly vms: ReadonlyMap<string, VmSample>;
}

const STOPPED = { cpuMhz: 0, memoryBytes: 0, memoryActiveBytes: 0 } as const;

/** Samples every host that is due; the first sample of a host only fills memory. */
export const createSampler = ({ store, ask, generic, now }: StatisticsOptions): { sample(): Promise<void> } => {
  const samples = new Map<HubId, Before>();
  /** VMs that have slots, so that one that stopped gets its zeros once. */
  const shown = new Map<HubId, Set<HubId>>();
  const askedMs = new Map<HubId, number>();
  /** Also when the clock was set back. */
  const isDue = (host: HubId): boolean => Math.abs(now() - (askedMs.get(host) ?? -Infinity)) >= SAMPLE_MS;
  let running = false;

  const sampleHost = async (host: HubId): Promise<void> => {
    const view = store.view('');
    const answer = await ask(host, 'stats');
    if (!answer.ok) return;
    const { vms, host: hostNow } = answer.value as Statistics;
    const atMs = now();
    await generic([host]);
    const mhz = view.generic('host', host)?.cpuMhz ?? 0;
    const before = samples.get(host);
    samples.set(host, { atMs, host: hostNow, vms: new Map(vms.map((vm) => [vm.native, vm])) });
    const ms = before === undefined ? 0 : Math.max(1, atMs - before.atMs);
    const cpuMhz = before === undefined ? 0 : Math.round(busy(hostNow.cpuNs, before.host.cpuNs, ms) * mhz);
    store.setSlots(host, { cpuMhz, memoryBytes: hostNow.memoryBytes - hostNow.freeBytes });
    if (before !== undefined) store.record(host, before.atMs, atMs, hostMeasures(hostNow, before.host, ms));
    const seen = new Set<HubId>();
    for (const [n, vm] of vms.entries()) {
      if (n % SLICE === SLICE - 1) await nextTurn();
      const entry = view.find(host, 'vm', vm.native);
      if (entry === undefined) continue;
      seen.add(entry.id);
      const last = before?.vms.get(vm.native);
      store.setSlots(entry.id, {
        cpuMhz: last === undefined ? 0 : Math.round(busy(vm.cpuNs, last.cpuNs, ms) * mhz),
        memoryBytes: vm.residentBytes || vm.memoryBytes,
        memoryActiveBytes: Math.min(vm.residentBytes || vm.memoryBytes, vm.memoryBytes),
      });
      if (before !== undefined && last !== undefined)
        store.record(entry.id, before.atMs, atMs, vmMeasures(vm, last, ms));
    }
    for (const id of shown.get(host) ?? []) if (!seen.has(id)) store.setSlots(id, STOPPED);
    shown.set(host, seen);
  };

  return {
    sample: async () => {
      // A host that takes longer than the interval is not asked twice at once.
      if (running) return;
      running = true;
      try {
        for (const { id } of store.view('').list('host')) {
          if (!isDue(id)) continue;
          askedMs.set(id, now());
          await sampleHost(id);
        }
      } finally {
        running = false;
      }
    },
  };
};
