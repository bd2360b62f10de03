/** The host's round-robin database in, whose rows are rates; counters that only grow, as the hub's statistics are, out. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { HttpAsk, HttpGot } from '../../generic/platform.ts';
import { NOTHING_COUNTED, type Statistics } from '../../generic/statistics.ts';
import { table } from '../../generic/table.ts';
import { decodeValue } from '../../wire/jsonrpc.ts';
import { isRecord, type Plain, plainOf, textIn } from './plain.ts';
import { sessionCookie } from './transfers.ts';

const MOST_BYTES = 64 * 1024 * 1024;
const LIMITS = { maxBytes: MOST_BYTES, maxDepth: 16, maxValues: 4_000_000 };

/** `start`: seconds of UTC, by the host's clock. */
export const rrdAsk = (session: string, { start }: Readonly<Record<string, unknown>>): HttpAsk => ({
  method: 'GET',
  path: `/rrd_updates?${new URLSearchParams({ start: String(start), cf: 'AVERAGE', interval: '5', host: 'true', json: 'true' })}`,
  headers: { accept: 'application/json', cookie: sessionCookie(session) },
  maxBytes: MOST_BYTES,
});

type Mutable = { -readonly [K in keyof typeof NOTHING_COUNTED]: number };

const NS = 1e9;

/** Rates by the name of their source without device: what a second of it adds. CPUs are in shares of one. */
const RATES = table<readonly [keyof Mutable, number]>({
  cpu: ['cpuNs', NS],
  vbd_read: ['readBytes', 1],
  vbd_write: ['writtenBytes', 1],
  vbd_iops_read: ['readRequests', 1],
  vbd_iops_write: ['writeRequests', 1],
  vif_rx: ['receivedBytes', 1],
  vif_tx: ['sentBytes', 1],
});

/** `cpu3` is `cpu`, `vbd_xvda_read` is `vbd_read`, `vif_0_rx` is `vif_rx`. */
const sourceOf = (name: string): string => name.replace(/^(cpu)\d+$/, '$1').replace(/^(vbd|vif)_[^_]+_/, '$1_');

interface HostCounted {
  cpuNs: number;
  idleNs: number;
  memoryBytes: number;
  freeBytes: number;
}

export interface Counters {
  /** Rows newer than those taken before are added. */
  take(got: HttpGot): Outcome<Record<string, unknown>>;
}

const numberOf = (value: Plain | undefined): number => {
  const number = Number(typeof value === 'string' ? value : Number.NaN);
  return Number.isFinite(number) ? number : 0;
};

export const createCounters = (): Counters => {
  const vms = new Map<string, Mutable>();
  const host: HostCounted = { cpuNs: 0, idleNs: 0, memoryBytes: 0, freeBytes: 0 };
  let takenSeconds = 0;

  const addToVm = (uuid: string, name: string, value: number, seconds: number): void => {
    const vm = vms.get(uuid) ?? { ...NOTHING_COUNTED };
    vms.set(uuid, vm);
    if (name === 'memory') {
      vm.memoryBytes = value;
      vm.residentBytes = value;
      return;
    }
    const [field, perSecond] = RATES[sourceOf(name)] ?? [];
    if (field !== undefined && perSecond !== undefined) vm[field] += Math.round(value * perSecond * seconds);
  };
  const addToHost = (name: string, value: number, seconds: number): void => {
    if (/^cpu\d+$/.test(name)) {
      host.cpuNs += Math.round(value * NS * seconds);
      host.idleNs += Math.round(Math.max(0, 1 - value) * NS * seconds);
    } else if (name === 'memory_total_kib') host.memoryBytes = value * 1024;
    else if (name === 'memory_free_kib') host.freeBytes = value * 1024;
  };

  const add = (root: Plain): void => {
    const meta = isRecord(root) && isRecord(root['meta']) ? root['meta'] : {};
    const legend = (Array.isArray(meta['legend']) ? meta['legend'] : []).map((one) => String(one).split(':'));
    const stepSeconds = numberOf(meta['step']) || 5;
    const rows =
      isRecord(root) && Array.isArray(root['data']) ? (root['data'] as readonly Plain[]).filter(isRecord) : [];
    // Newest first.
    for (const row of rows.toReversed()) {
      const at = numberOf(textIn(row, 't'));
      if (at <= takenSeconds) continue;
      // What no row tells of, since nobody asked meanwhile, went on as it is told now.
      const seconds = takenSeconds === 0 ? stepSeconds : at - takenSeconds;
      const values = Array.isArray(row['values']) ? (row['values'] as readonly Plain[]) : [];
      for (const [n, [, what, uuid = '', name = '']] of legend.entries()) {
        const value = numberOf(values[n]);
        if (what === 'vm') addToVm(uuid, name, value, seconds);
        else if (what === 'host') addToHost(name, value, seconds);
      }
      takenSeconds = at;
    }
    // A VM that the host no longer tells of is not running.
    const told = new Set(legend.filter(([, what]) => what === 'vm').map(([, , uuid]) => uuid));
    for (const uuid of vms.keys()) if (!told.has(uuid)) vms.delete(uuid);
  };

  return {
    take: ({ status, body }) => {
      if (status !== 200) return refused(fault('not-supported', {}, `the host answers ${status} to rrd_updates`));
      const decoded = decodeValue(body, LIMITS);
      if (!decoded.ok) return refused(fault('not-supported', {}, `rrd_updates cannot be read: ${decoded.fault.text}`));
      add(plainOf(decoded.value));
      const statistics: Statistics = {
        vms: [...vms].map(([native, vm]) => ({ native, ...vm })),
        host: { ...host },
      };
      return done({ statistics, takenSeconds });
    },
  };
};
