/** /rrd_updates: what was measured, a column per data source and a row per step, in both forms, and an answer for what was asked badly. */
import { describe, expect, test } from 'vitest';
import { type HubId, hubId } from '../../../mappings/generic/ids.ts';
import type { Disk, Documents, Nic } from '../../../mappings/generic/model.ts';
import type { BrokerContext, StreamRequest, StreamTarget } from '../../../mappings/generic/platform.ts';
import { Refusal } from '../../../mappings/xenapi/central/refusal.ts';
import { blankVm } from '../../../mappings/xenapi/default-templates.ts';
import { statisticsTarget } from '../../../mappings/xenapi/streams/rrd-updates.ts';
import { createHistories } from '../../../transform-server/store/history.ts';
import { front, HOST, rig } from './broker-fake.ts';

/** 10 seconds after what was measured last. */
const NOW = 1_795_243_030;
const UNTIL = 1_795_243_020;
const SLOT = 20;
const ONE = hubId('vm', 7);
const OFF = hubId('vm', 8);
const TWO = hubId('vm', 9);

const disk = (device: string, unit: number): Disk =>
  ({ device, slot: { bus: 'virtio', controller: 0, unit }, medium: { kind: 'file' } }) as unknown as Disk;
const nic = (ordinal: number): Nic => ({ ordinal, mac: `52:54:00:00:00:0${ordinal}` }) as unknown as Nic;

type Measured = Readonly<Record<string, number>>;

/** The newest last. */
const context = (measured: Readonly<Record<HubId, readonly Measured[]>>): BrokerContext => {
  const at = rig();
  const documents: Record<string, unknown> = {
    [HOST]: { uuid: 'h1', cpuMhz: 2000, cpuThreads: 4, memoryBytes: 8 * 1024 ** 3 } as Documents['host'],
    [ONE]: { ...blankVm(), cpuCount: 1, memoryBytes: 1024 ** 3, disks: [disk('vda', 0)], nics: [nic(0)] },
    [OFF]: { ...blankVm() },
    [TWO]: { ...blankVm(), cpuCount: 2, disks: [disk('vda', 0), disk('vdb', 1)], nics: [nic(0), nic(1)] },
  };
  at.setSlots(OFF, { cpuMhz: 0, memoryBytes: 0 });
  const histories = createHistories({ mostBytes: 1024 * 1024 });
  for (const [id, all] of Object.entries(measured) as [HubId, readonly Measured[]][]) {
    if (id !== OFF) at.setSlots(id, { memoryBytes: 1 });
    for (const [n, one] of all.entries()) {
      const to = UNTIL - (all.length - 1 - n) * SLOT;
      histories.record(id, (to - SLOT) * 1000, to * 1000, one);
    }
  }
  const entry = (id: typeof ONE, uuid: string) => ({ id, uuid }) as ReturnType<BrokerContext['store']['list']>[number];
  return {
    ...at.context,
    now: () => NOW * 1000,
    store: {
      ...at.context.store,
      list: () => [entry(ONE, 'v1'), entry(OFF, 'v2'), entry(TWO, 'v3')],
      generic: (_kind, id) => documents[id] as never,
      history: histories.of,
    },
  };
};

const HOST_MEASURED = { cpu: 2, 'cpu.0': 0.5, memory: 2 * 1024 ** 3 };
const ONE_MEASURED = {
  cpu: 0.25,
  memory: 300,
  'disk.read': 10,
  'disk.written': 20,
  'nic.received': 30,
  'nic.sent': 40,
};

const answer = (
  query: Record<string, string>,
  measured: Readonly<Record<HubId, readonly Measured[]>> = {
    [HOST]: [HOST_MEASURED],
    [ONE]: [ONE_MEASURED],
    [OFF]: [ONE_MEASURED],
  },
): { headers: Readonly<Record<string, string>>; text: string } => {
  const request: StreamRequest = { method: 'GET', path: '/rrd_updates', query };
  const work = statisticsTarget(request, context(measured));
  let step = work.next();
  while (step.done !== true) step = work.next();
  const target = step.value as Extract<StreamTarget, { kind: 'bytes' }>;
  return { headers: target.headers, text: new TextDecoder().decode(target.bytes) };
};

interface Report {
  meta: { start: string; step: string; end: string; rows: string; columns: string; legend: string[] };
  data: { t: string; values: string[] }[];
}
const report = (...asked: Parameters<typeof answer>): Report => {
  const [query, measured] = asked;
  return JSON.parse(answer({ json: 'true', ...query }, ...(measured ? [measured] : [])).text) as Report;
};
/** The values of one data source, newest first. */
const column = ({ meta, data }: Report, name: string): (string | undefined)[] => {
  const n = meta.legend.indexOf(`AVERAGE:${name}`);
  expect(n, `${name} in ${meta.legend.join(' ')}`).toBeGreaterThanOrEqual(0);
  return data.map(({ values }) => values[n]);
};

describe('rrd_updates', () => {
  test('a row per step from the end of what was measured back to the start, newest first', () => {
    const measured = { [HOST]: [{ cpu: 1, memory: 0 }, HOST_MEASURED] };
    const told = report({ start: String(UNTIL - 40), host: 'true', cf: 'AVERAGE', interval: '5' }, measured);
    expect(told.meta).toMatchObject({ start: String(UNTIL - 40), step: '5', end: String(UNTIL), rows: '8' });
    expect(told.data.map(({ t }) => Number(t))).toEqual([0, 5, 10, 15, 20, 25, 30, 35].map((ago) => UNTIL - ago));
    expect(column(told, 'host:h1:cpu_avg')).toEqual([...Array(4).fill('0.5'), ...Array(4).fill('0.25')]);
    for (const { values } of told.data) expect(values).toHaveLength(Number(told.meta.columns));
  });

  test('a column per data source of the host and of what runs', () => {
    const { headers } = answer({ start: '0', json: 'true' });
    expect(headers['content-type']).toBe('application/json');
    const told = report({ start: String(UNTIL - 5), host: 'true' });
    expect(told.data).toHaveLength(1);
    const values = Object.fromEntries(told.meta.legend.map((name, n) => [name, told.data[0]?.values[n]]));
    expect(values).toEqual({
      'AVERAGE:vm:v1:cpu_usage': '0.25',
      'AVERAGE:vm:v1:cpu0': '0.25',
      'AVERAGE:vm:v1:memory': '300',
      'AVERAGE:vm:v1:memory_target': String(1024 ** 3),
      'AVERAGE:vm:v1:vbd_xvda_read': '10',
      'AVERAGE:vm:v1:vbd_xvda_write': '20',
      'AVERAGE:vm:v1:vbd_xvda_iops_read': 'NaN',
      'AVERAGE:vm:v1:vbd_xvda_iops_write': 'NaN',
      'AVERAGE:vm:v1:vif_0_rx': '30',
      'AVERAGE:vm:v1:vif_0_tx': '40',
      'AVERAGE:host:h1:cpu_avg': '0.5',
      'AVERAGE:host:h1:cpu0': '0.5',
      'AVERAGE:host:h1:memory_total_kib': '8388608',
      'AVERAGE:host:h1:memory_free_kib': '6291456',
    });
  });

  test('CPUs, disks and cards apart where they are counted apart, and else no guess', () => {
    const sums = { cpu: 1, memory: 1, 'disk.read': 10, 'nic.received': 30 };
    const names = (measured: Measured) =>
      report({ start: String(UNTIL - 5) }, { [HOST]: [HOST_MEASURED], [TWO]: [measured] }).meta.legend.map((name) =>
        name.replace('AVERAGE:vm:v3:', ''),
      );
    expect(names(sums)).toEqual(['cpu_usage', 'memory', 'memory_target']);
    const apart = { 'cpu.0': 0.1, 'cpu.1': 0.9, 'disk.vdb.read': 3, 'nic.1.received': 4, 'nic.1.sent': 5 };
    const told = report({ start: String(UNTIL - 5) }, { [HOST]: [HOST_MEASURED], [TWO]: [{ ...sums, ...apart }] });
    expect(Number(column(told, 'vm:v3:cpu1')[0])).toBeCloseTo(0.9);
    expect(column(told, 'vm:v3:cpu_usage')).toEqual(['0.5']);
    expect(column(told, 'vm:v3:vbd_xvdb_read')).toEqual(['3']);
    expect(column(told, 'vm:v3:vif_1_tx')).toEqual(['5']);
    expect(told.meta.legend.join(' ')).not.toMatch(/xvda|vif_0/);
  });

  test('what was not measured is not a number', () => {
    const told = report({ start: String(UNTIL - 60), interval: '60', host: 'true' });
    expect(told.meta).toMatchObject({ step: '60', end: String(Math.floor(UNTIL / 60) * 60) });
    expect(column(told, 'host:h1:memory_total_kib')).toEqual(['8388608']);
    const before = report({ start: String(UNTIL - 300), host: 'true' });
    expect(column(before, 'vm:v1:memory').slice(0, 5)).toEqual(['300', '300', '300', '300', 'NaN']);
  });

  test('as XML, without the host, of one machine', () => {
    const { headers, text } = answer({ start: String(UNTIL - 10), vm_uuid: 'v1' });
    expect(headers['content-type']).toBe('text/xml');
    expect(text).toContain('<rows>2</rows><columns>10</columns>');
    expect(text).toContain(`<row><t>${UNTIL}</t><v>0.25</v><v>0.25</v><v>300</v>`);
    expect(text).not.toContain('host:');
  });

  test('in the step that was asked for, or the finest that reaches back so far', () => {
    for (const [ago, interval, step] of [
      [595, '5', '5'],
      [7140, '60', '60'],
      [60, '61', '3600'],
      [60, '86400', '86400'],
      [7000, undefined, '60'],
      [86_400, undefined, '3600'],
      [NOW, undefined, '86400'],
    ] as const)
      expect(report({ start: String(NOW - ago), ...(interval ? { interval } : {}) }).meta).toMatchObject({ step });
    expect(() => answer({ start: '0', interval: 'often' })).toThrow(Refusal);
  });

  test('nothing was measured since then, or in that way, or ever', () => {
    expect(report({ start: String(NOW + 60) })).toMatchObject({ data: [], meta: { rows: '0' } });
    expect(report({ start: '0', cf: 'MAX' })).toMatchObject({ data: [], meta: { legend: [] } });
    expect(report({ start: '0', host: 'true' }, {})).toMatchObject({ data: [], meta: { legend: [] } });
  });

  test('without a start it is no request', () => {
    for (const start of [undefined, 'x', '1e9', '--1'])
      expect(() => answer(start === undefined ? {} : { start })).toThrow(Refusal);
    expect(front.host).toBe(HOST);
  });
});
