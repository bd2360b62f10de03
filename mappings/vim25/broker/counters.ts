/** Performance counters as an ESXi host numbers and names them, and what each is made of in two samples of the host's statistics. */

/** Cumulative numbers of one entity at one moment, as drivers answer the question `stats`. */
export interface Sample {
  readonly atMs: number;
  readonly cpuNs: number;
  readonly memoryBytes: number;
  readonly residentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly readRequests: number;
  readonly writeRequests: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** What a sample is measured against. */
export interface Facts {
  readonly threads: number;
  readonly cpuMhz: number;
  readonly memoryBytes: number;
  readonly uptimeMs: number;
}

export interface Counter {
  readonly key: number;
  /** `cpu.usage.average` */
  readonly name: string;
  readonly unit: string;
  readonly stats: 'absolute' | 'delta' | 'rate';
  readonly label: string;
  readonly summary: string;
  read(now: Sample, before: Sample, facts: Facts): number;
}

const KIB = 1024;
const seconds = (now: Sample, before: Sample): number => Math.max(0.001, (now.atMs - before.atMs) / 1000);
const rate = (of: (sample: Sample) => number) => (now: Sample, before: Sample) =>
  Math.max(0, (of(now) - of(before)) / KIB / seconds(now, before));
const delta = (of: (sample: Sample) => number) => (now: Sample, before: Sample) => Math.max(0, of(now) - of(before));
const perSecond = (of: (sample: Sample) => number) => (now: Sample, before: Sample) =>
  Math.max(0, (of(now) - of(before)) / seconds(now, before));
/** Share of one thread that was busy. */
const busy = (now: Sample, before: Sample): number =>
  Math.max(0, (now.cpuNs - before.cpuNs) / 1e9 / seconds(now, before));

const row = (
  key: number,
  name: string,
  unit: string,
  stats: Counter['stats'],
  label: string,
  summary: string,
  read: Counter['read'],
): Counter => ({ key, name, unit, stats, label, summary, read });

export const COUNTERS: readonly Counter[] = [
  row(
    1,
    'cpu.usage.average',
    'percent',
    'rate',
    'Usage',
    'CPU usage as a percentage during the interval',
    (now, before, { threads }) => Math.min(10000, (busy(now, before) / Math.max(1, threads)) * 10000),
  ),
  row(
    5,
    'cpu.usagemhz.average',
    'megaHertz',
    'rate',
    'Usage in MHz',
    'CPU usage in megahertz during the interval',
    (now, before, { cpuMhz }) => busy(now, before) * cpuMhz,
  ),
  row(12, 'cpu.used.summation', 'millisecond', 'delta', 'Used', 'Total CPU usage', (now, before) =>
    Math.max(0, (now.cpuNs - before.cpuNs) / 1e6),
  ),
  row(
    65537,
    'mem.usage.average',
    'percent',
    'absolute',
    'Host consumed %',
    'Percentage of host physical memory that has been consumed',
    (now, _before, { memoryBytes }) =>
      memoryBytes > 0 ? Math.min(10000, (now.residentBytes / memoryBytes) * 10000) : 0,
  ),
  row(
    65541,
    'mem.granted.average',
    'kiloBytes',
    'absolute',
    'Granted',
    'Memory granted',
    (now) => now.memoryBytes / KIB,
  ),
  row(
    65545,
    'mem.active.average',
    'kiloBytes',
    'absolute',
    'Active',
    'Memory in active use',
    (now) => Math.min(now.residentBytes, now.memoryBytes) / KIB,
  ),
  row(
    65611,
    'mem.consumed.average',
    'kiloBytes',
    'absolute',
    'Consumed',
    'Host memory consumed',
    (now) => now.residentBytes / KIB,
  ),
  row(
    131073,
    'disk.usage.average',
    'kiloBytesPerSecond',
    'rate',
    'Usage',
    'Aggregated disk I/O rate',
    rate((sample) => sample.readBytes + sample.writtenBytes),
  ),
  row(
    131076,
    'disk.numberRead.summation',
    'number',
    'delta',
    'Read requests',
    'Number of disk reads during the interval',
    delta((sample) => sample.readRequests),
  ),
  row(
    131077,
    'disk.numberWrite.summation',
    'number',
    'delta',
    'Write requests',
    'Number of disk writes during the interval',
    delta((sample) => sample.writeRequests),
  ),
  row(
    131078,
    'disk.read.average',
    'kiloBytesPerSecond',
    'rate',
    'Read rate',
    'Kilobytes read from disk each second',
    rate((sample) => sample.readBytes),
  ),
  row(
    131079,
    'disk.write.average',
    'kiloBytesPerSecond',
    'rate',
    'Write rate',
    'Kilobytes written to disk each second',
    rate((sample) => sample.writtenBytes),
  ),
  row(
    196609,
    'net.usage.average',
    'kiloBytesPerSecond',
    'rate',
    'Usage',
    'Network utilization',
    rate((sample) => sample.receivedBytes + sample.sentBytes),
  ),
  row(
    196614,
    'net.received.average',
    'kiloBytesPerSecond',
    'rate',
    'Data receive rate',
    'Rate at which data was received',
    rate((sample) => sample.receivedBytes),
  ),
  row(
    196615,
    'net.transmitted.average',
    'kiloBytesPerSecond',
    'rate',
    'Data transmit rate',
    'Rate at which data was transmitted',
    rate((sample) => sample.sentBytes),
  ),
  row(
    262144,
    'sys.uptime.latest',
    'second',
    'absolute',
    'Uptime',
    'Seconds since the last start',
    (_now, _before, { uptimeMs }) => uptimeMs / 1000,
  ),
  row(
    589824,
    'virtualDisk.numberReadAveraged.average',
    'number',
    'rate',
    'Average read requests per second',
    'Read commands each second',
    perSecond((sample) => sample.readRequests),
  ),
  row(
    589825,
    'virtualDisk.numberWriteAveraged.average',
    'number',
    'rate',
    'Average write requests per second',
    'Write commands each second',
    perSecond((sample) => sample.writeRequests),
  ),
];

const GROUPS: Readonly<Record<string, string>> = {
  cpu: 'CPU',
  mem: 'Memory',
  disk: 'Disk',
  net: 'Network',
  sys: 'System',
  virtualDisk: 'Virtual disk',
};
const UNITS: Readonly<Record<string, readonly [string, string]>> = {
  percent: ['%', 'Percentage'],
  megaHertz: ['MHz', 'Megahertz'],
  millisecond: ['ms', 'Millisecond'],
  kiloBytes: ['KB', 'Kilobyte'],
  kiloBytesPerSecond: ['KBps', 'Kilobytes per second'],
  number: ['num', 'Number'],
  second: ['s', 'Second'],
};

const described = (key: string, label: string, summary: string) => ({
  _type: 'ElementDescription',
  label,
  summary,
  key,
});

/** PerfCounterInfo of a counter. */
export const counterInfo = ({ key, name, unit, stats, label, summary }: Counter) => {
  const [group = '', own = '', rollup = ''] = name.split('.');
  const [unitLabel, unitSummary] = UNITS[unit] ?? [unit, unit];
  const groupLabel = GROUPS[group] ?? group;
  return {
    _type: 'PerfCounterInfo',
    key,
    nameInfo: described(own, label, summary),
    groupInfo: described(group, groupLabel, groupLabel),
    unitInfo: described(unit, unitLabel, unitSummary),
    rollupType: rollup,
    statsType: stats,
    level: 1,
    perDeviceLevel: 1,
  };
};
