/** What was measured of a host or a machine in; the data sources that a XenServer has of it out, each with its mean over any time. */
import type { Host, Vm } from '../../generic/model.ts';
import type { History } from '../../generic/statistics.ts';
import { cardsOf, deviceName, drivesOf } from '../seats.ts';

export interface DataSource {
  /** `cpu0`, `vif_1_rx`. */
  readonly name: string;
  mean(fromMs: number, toMs: number): number;
}

const KIB = 1024;

const TRAFFIC = {
  disk: { read: 'read', written: 'write', reads: 'iops_read', writes: 'iops_write' },
  nic: { received: 'rx', sent: 'tx' },
} as const;

/** The sources of one disk or card; `place` says which in the history. */
const traffic = (history: History, of: keyof typeof TRAFFIC, place: string, prefix: string): DataSource[] =>
  Object.entries(TRAFFIC[of]).map(([name, suffix]) => ({
    name: `${prefix}_${suffix}`,
    mean: (fromMs, toMs) => history.mean(`${of}${place}.${name}`, fromMs, toMs),
  }));

const threads = (history: History): DataSource[] =>
  history.names.flatMap((name) => {
    const [, n] = /^cpu\.(\d+)$/.exec(name) ?? [];
    return n === undefined
      ? []
      : [{ name: `cpu${n}`, mean: (from: number, to: number) => Math.min(1, history.mean(name, from, to)) }];
  });

const share = (history: History, name: string, of: number): DataSource => ({
  name,
  mean: (fromMs, toMs) => Math.min(1, history.mean('cpu', fromMs, toMs) / Math.max(1, of)),
});

/** Where only the sum is counted, it is that of the only one. */
const places = (history: History, prefix: string, only: boolean): ((place: string) => string | undefined) => {
  const known = new Set(history.names);
  return (place) => {
    if (known.has(`${prefix}.${place}.${prefix === 'nic' ? 'sent' : 'read'}`)) return `.${place}`;
    return only ? '' : undefined;
  };
};

export const vmDataSources = (vm: Vm, history: History): DataSource[] => {
  const apart = threads(history);
  const only: DataSource[] = vm.cpuCount === 1 ? [share(history, 'cpu0', 1)] : [];
  const disks = drivesOf(vm).flatMap((drive) => (drive.type === 'Disk' ? [drive] : []));
  const diskPlace = places(history, 'disk', disks.length === 1);
  const cards = cardsOf(vm);
  const cardPlace = places(history, 'nic', cards.length === 1);
  const memory = (fromMs: number, toMs: number): number => history.mean('memory', fromMs, toMs);
  return [
    share(history, 'cpu_usage', vm.cpuCount),
    ...(apart.length > 0 ? apart : only),
    { name: 'memory', mean: memory },
    // As it is now: what it was is not kept.
    { name: 'memory_target', mean: (from, to) => (Number.isNaN(memory(from, to)) ? Number.NaN : vm.memoryBytes) },
    ...disks.flatMap(({ disk, userdevice }) => {
      const place = diskPlace(disk.device ?? '');
      return place === undefined ? [] : traffic(history, 'disk', place, `vbd_${deviceName(userdevice)}`);
    }),
    ...cards.flatMap(({ device }, n) => {
      const place = cardPlace(String(n));
      return place === undefined ? [] : traffic(history, 'nic', place, `vif_${device}`);
    }),
  ];
};

export const hostDataSources = (host: Host, history: History): DataSource[] => {
  const used = (fromMs: number, toMs: number): number => history.mean('memory', fromMs, toMs);
  return [
    share(history, 'cpu_avg', host.cpuThreads),
    ...threads(history),
    {
      name: 'memory_total_kib',
      mean: (from, to) => (Number.isNaN(used(from, to)) ? Number.NaN : host.memoryBytes / KIB),
    },
    { name: 'memory_free_kib', mean: (from, to) => Math.max(0, host.memoryBytes - used(from, to)) / KIB },
  ];
};
