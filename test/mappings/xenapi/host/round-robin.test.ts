/** Rates of a XenServer host as counters that only grow. */
import { expect, test } from 'vitest';
import type { Statistics } from '../../../../mappings/generic/statistics.ts';
import { createCounters, rrdAsk } from '../../../../mappings/xenapi/host/round-robin.ts';

const LEGEND = [
  'AVERAGE:vm:u1:cpu0',
  'AVERAGE:vm:u1:cpu1',
  'AVERAGE:vm:u1:memory',
  'AVERAGE:vm:u1:vbd_xvda_read',
  'AVERAGE:vm:u1:vbd_xvdb_write',
  'AVERAGE:vm:u1:vif_0_rx',
  'AVERAGE:vm:u1:vif_0_tx',
  'AVERAGE:host:h:cpu0',
  'AVERAGE:host:h:memory_total_kib',
  'AVERAGE:host:h:memory_free_kib',
];

/** Newer hosts write numbers as text, and what they do not know as `NaN`. */
const answer = (rows: readonly { t: number | string; values: readonly (number | string)[] }[], legend = LEGEND) => ({
  status: 200,
  headers: {},
  body: new TextEncoder().encode(
    JSON.stringify({
      meta: { start: 0, step: 5, end: 0, rows: rows.length, columns: legend.length, legend },
      data: rows,
    }),
  ),
});
const statistics = (outcome: ReturnType<ReturnType<typeof createCounters>['take']>): Statistics => {
  if (!outcome.ok) throw new Error(outcome.fault.text);
  return outcome.value['statistics'] as Statistics;
};

test('rows are added once each, oldest first, and counters never fall', () => {
  const counters = createCounters();
  const row = (t: number, cpu: number) => ({ t, values: [cpu, 0.5, 4096, 1000, 2000, 10, 20, 0.25, 64, 16] });
  const first = statistics(counters.take(answer([row(105, 0.5), row(100, 0.1)])));
  expect(first.vms).toEqual([
    {
      native: 'u1',
      cpuNs: 5 * (0.1 + 0.5 + 0.5 + 0.5) * 1e9,
      memoryBytes: 4096,
      residentBytes: 4096,
      readBytes: 10_000,
      writtenBytes: 20_000,
      readRequests: 0,
      writeRequests: 0,
      receivedBytes: 100,
      sentBytes: 200,
    },
  ]);
  expect(first.host).toEqual({ cpuNs: 2.5e9, idleNs: 7.5e9, memoryBytes: 65_536, freeBytes: 16_384 });
  expect(statistics(counters.take(answer([row(105, 0.5), row(100, 0.1)])))).toEqual(first);
  // Twenty seconds that nobody asked for.
  const later = statistics(counters.take(answer([row(125, 1)])));
  expect((later.vms[0]?.cpuNs ?? 0) - (first.vms[0]?.cpuNs ?? 0)).toBe(20 * 1.5e9);
});

test('text for numbers is read, what is no number counts nothing, and a VM that is no longer told of is gone', () => {
  const counters = createCounters();
  const values = ['NaN', '0.5', '4096', '0', '0', '0', '0', '0', '64', '16'];
  expect(statistics(counters.take(answer([{ t: '100', values }]))).vms[0]?.cpuNs).toBe(2.5e9);
  const left = statistics(counters.take(answer([{ t: '105', values: ['0.5'] }], ['AVERAGE:host:h:cpu0'])));
  expect(left.vms).toEqual([]);
});

test('a host without statistics is a host without statistics', () => {
  const counters = createCounters();
  expect(counters.take({ status: 404, headers: {}, body: new Uint8Array() })).toMatchObject({
    ok: false,
    fault: { kind: 'not-supported' },
  });
  expect(counters.take({ ...answer([]), body: new TextEncoder().encode('<xport/>') })).toMatchObject({ ok: false });
});

test('the question says since when by the host’s own time; the session is in no path', () => {
  expect(rrdAsk('OpaqueRef:s', { start: 5 })).toMatchObject({
    path: '/rrd_updates?start=5&cf=AVERAGE&interval=5&host=true&json=true',
    headers: { cookie: 'session_id=OpaqueRef:s' },
  });
});
