/** Statistics of a real libvirt host with a running QEMU: what a VMware client and a XenServer client are told of it is measured, not made up. */
import { writeFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Govc, govcOn, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { makeBridge } from './vcsim-estate.ts';
import { openXenApi, type Xapi } from './xen-clients.ts';
import { endpointOf } from './xenapi-lanes.ts';

const UUID = '5b4b5b1e-0000-4000-8000-0000000000aa';
const MACHINE = `<domain type='qemu'><name>busy</name><uuid>${UUID}</uuid><memory unit='MiB'>64</memory><vcpu>2</vcpu>
<os><type machine='pc'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='DISK'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='DISK2'/><target dev='vdb' bus='virtio'/></disk>
<interface type='bridge'><source bridge='BRIDGE'/></interface><interface type='bridge'><source bridge='BRIDGE'/></interface>
</devices></domain>`;

const STEP = 5;
const MIB = 1024 * 1024;

interface Updates {
  readonly meta: Readonly<Record<'start' | 'step' | 'end' | 'rows' | 'columns', string>> & {
    readonly legend: string[];
  };
  /** Newest first. */
  readonly data: readonly { readonly t: string; readonly values: readonly string[] }[];
}

describeWith([...LIBVIRT_CLIENTS, 'govc', 'xen-api'], 'statistics of a libvirt host', () => {
  let host: Libvirtd;
  let bridge: Awaited<ReturnType<typeof makeBridge>>;
  let product: Transvisor;
  let xapi: Xapi;
  let govc: Govc;
  let told: Updates;

  /** As Xen Orchestra asks. */
  const updates = async (): Promise<Updates> => {
    const [hostRef] = (await xapi.call('host.get_all')) as string[];
    const time = String(await xapi.call('host.get_servertime', hostRef));
    const now = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T/, '$1-$2-$3T')) / 1000;
    const query = { cf: 'AVERAGE', host: 'true', interval: String(STEP), json: 'true', start: String(now - 595) };
    const { body } = await xapi.getResource('/rrd_updates', { query });
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    return JSON.parse(Buffer.concat(pieces).toString()) as Updates;
  };
  /** Oldest first; what is not known is no number. */
  const series = ({ meta, data }: Updates, name: string): number[] => {
    const n = meta.legend.findIndex((entry) => entry.endsWith(`:${name}`));
    expect(n, `${name} in ${meta.legend.join(' ')}`).toBeGreaterThanOrEqual(0);
    return data.map(({ values }) => Number(values[n])).toReversed();
  };
  const known = (values: readonly number[]): number[] => values.filter((value) => !Number.isNaN(value));

  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    bridge = await makeBridge();
    const [disk, second, file] = ['a.raw', 'b.raw', 'busy.xml'].map((name) => join(host.root, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [disk, second]) writeFileSync(path, Buffer.alloc(MIB), { mode: 0o666 });
    writeFileSync(file, MACHINE.replaceAll('BRIDGE', bridge.name).replace('DISK2', second).replace('DISK', disk));
    await host.virsh(`define ${file}; start busy`);
    product = await startTransvisor({ host: host.uri, fronts: ['xenapi', 'vim25'] });
    govc = govcOn(product.front('vim25'));
    xapi = await openXenApi(endpointOf(product), 'json-rpc');
    // Hosts are measured every 20 seconds; a rate wants two measurements.
    for (const untilMs = Date.now() + 90_000; ; ) {
      told = await updates();
      const n = told.meta.legend.findIndex((entry) => entry.endsWith(`${UUID}:memory`));
      if (n >= 0 && told.data.some(({ values }) => values[n] !== 'NaN')) break;
      if (Date.now() > untilMs) throw new Error(`not measured in time: ${told.meta.legend.join(' ')}`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }, 150_000);
  afterAll(async () => {
    await xapi?.disconnect();
    await product?.[Symbol.asyncDispose]();
    await host?.stop();
    await bridge?.remove();
  });

  test('a row for every step between start and end, and a value for every column', () => {
    const { start, step, end, rows, columns, legend } = told.meta;
    expect(Number(step)).toBe(STEP);
    expect(Number(end) % STEP).toBe(0);
    expect(told.data).toHaveLength(Number(rows));
    expect(Number(rows)).toBe(Math.ceil((Number(end) - Number(start)) / STEP));
    expect(told.data.map(({ t }) => Number(t))).toEqual(
      Array.from({ length: Number(rows) }, (_, n) => Number(end) - n * STEP),
    );
    expect(legend).toHaveLength(Number(columns));
    for (const { values } of told.data) expect(values).toHaveLength(legend.length);
  });

  test('CPUs, disks and cards of the machine, each for itself', () => {
    const names = [
      'cpu0',
      'cpu1',
      'cpu_usage',
      'memory',
      'memory_target',
      'vbd_xvda_read',
      'vbd_xvdb_iops_write',
      'vif_0_rx',
      'vif_1_tx',
    ];
    for (const name of names) expect(known(series(told, `${UUID}:${name}`)).length, name).toBeGreaterThanOrEqual(4);
    for (const share of known(series(told, `${UUID}:cpu_usage`))) expect(share).toBeLessThanOrEqual(1);
    for (const bytes of known(series(told, `${UUID}:memory`))) expect(bytes).toBeGreaterThan(MIB);
    expect(new Set(known(series(told, `${UUID}:memory_target`)))).toEqual(new Set([64 * MIB]));
  });

  test('the host: all its threads, its memory and how much of it is free', async () => {
    const [record] = await xapi.getAllRecords('host');
    const cpus = record?.['host_CPUs'] as readonly string[];
    for (const n of cpus.keys()) expect(known(series(told, `${record?.uuid}:cpu${n}`)), `cpu${n}`).not.toHaveLength(0);
    expect(Math.max(...known(series(told, 'cpu_avg')))).toBeGreaterThan(0);
    const totalKib = totalmem() / 1024;
    for (const kib of known(series(told, 'memory_total_kib'))) expect(kib / totalKib).toBeCloseTo(1, 2);
    for (const kib of known(series(told, 'memory_free_kib'))) {
      expect(kib).toBeLessThan(totalKib);
      // Buffers and caches are free for machines.
      expect(kib).toBeGreaterThan(freemem() / 1024 / 4);
    }
    const [metrics] = await xapi.getAllRecords('host_metrics');
    expect(Number(metrics?.['memory_free'])).toBeLessThan(Number(metrics?.['memory_total']));
  });

  test('govc is told the same of the host', async () => {
    const answer = JSON.parse(await govc('host.info', '-json')) as {
      hostSystems: { summary: { quickStats: { overallCpuUsage: number; overallMemoryUsage: number } } }[];
    };
    const { overallCpuUsage, overallMemoryUsage } = answer.hostSystems[0]?.summary.quickStats ?? {};
    expect(overallCpuUsage).toBeGreaterThan(0);
    expect(overallMemoryUsage).toBeGreaterThan(0);
    expect(overallMemoryUsage).toBeLessThan(totalmem() / MIB);
  });

  test('govc is told what was measured, interval by interval', async () => {
    const sampled = (): Promise<string> => govc('metric.sample', '-n', '5', 'vm/busy', 'mem.consumed.average');
    const values = async (): Promise<number[]> =>
      ((await sampled()).match(/[\d,]{3,}(?=\s+KB)/)?.[0] ?? '').split(',').map(Number);
    await expect
      .poll(async () => (await values()).length, { timeout: 60_000, interval: 1000 })
      .toBeGreaterThanOrEqual(2);
    for (const kib of await values()) expect(kib).toBeGreaterThan(1024);
  });
});
