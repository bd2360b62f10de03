/** /rrd_updates: what was measured last, in both forms, and an answer for what was asked badly. */
import { describe, expect, test } from 'vitest';
import { hubId } from '../../../mappings/generic/ids.ts';
import type { Documents } from '../../../mappings/generic/model.ts';
import type { BrokerContext, StreamRequest, StreamTarget } from '../../../mappings/generic/platform.ts';
import { Refusal } from '../../../mappings/xenapi/central/refusal.ts';
import { blankVm } from '../../../mappings/xenapi/default-templates.ts';
import { statisticsTarget } from '../../../mappings/xenapi/streams/rrd-updates.ts';
import { front, HOST, rig } from './broker-fake.ts';

const NOW = 1_795_243_050;
const ONE = hubId('vm', 7);
const OFF = hubId('vm', 8);

const context = (): BrokerContext => {
  const at = rig();
  const documents: Record<string, unknown> = {
    [HOST]: { uuid: 'h1', cpuMhz: 2000, cpuThreads: 4, memoryBytes: 8 * 1024 ** 3 } as Documents['host'],
    [ONE]: { ...blankVm(), cpuCount: 1, memoryBytes: 1024 ** 3 },
    [OFF]: { ...blankVm() },
  };
  at.setSlots(HOST, { cpuMhz: 4000, memoryBytes: 2 * 1024 ** 3 });
  at.setSlots(ONE, { cpuMhz: 500, memoryBytes: 300 });
  at.setSlots(OFF, { cpuMhz: 0, memoryBytes: 0 });
  const entry = (id: typeof ONE, uuid: string) => ({ id, uuid }) as ReturnType<BrokerContext['store']['list']>[number];
  return {
    ...at.context,
    now: () => NOW * 1000,
    store: {
      ...at.context.store,
      list: () => [entry(ONE, 'v1'), entry(OFF, 'v2')],
      generic: (_kind, id) => documents[id] as never,
    },
  };
};

const answer = (query: Record<string, string>): { headers: Readonly<Record<string, string>>; text: string } => {
  const request: StreamRequest = { method: 'GET', path: '/rrd_updates', query };
  const step = statisticsTarget(request, context()).next();
  if (step.done !== true) throw new Error('nothing has to be waited for');
  const target = step.value as Extract<StreamTarget, { kind: 'bytes' }>;
  return { headers: target.headers, text: new TextDecoder().decode(target.bytes) };
};

describe('rrd_updates', () => {
  test('as JSON: a row of the last measurement, of what runs and of the host', () => {
    const { headers, text } = answer({ start: String(NOW - 60), host: 'true', json: 'true', cf: 'AVERAGE' });
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(text)).toEqual({
      meta: {
        start: String(NOW - 60),
        step: '5',
        end: '1795243050',
        rows: '1',
        columns: '7',
        legend: [
          'AVERAGE:vm:v1:cpu_usage',
          'AVERAGE:vm:v1:cpu0',
          'AVERAGE:vm:v1:memory',
          'AVERAGE:vm:v1:memory_target',
          `AVERAGE:host:h1:cpu_avg`,
          `AVERAGE:host:h1:memory_total_kib`,
          `AVERAGE:host:h1:memory_free_kib`,
        ],
      },
      data: [{ t: '1795243050', values: ['0.25', '0.25', '300', String(1024 ** 3), '0.5', '8388608', '6291456'] }],
    });
  });

  test('as XML, without the host, of one machine', () => {
    const { headers, text } = answer({ start: '0', vm_uuid: 'v1' });
    expect(headers['content-type']).toBe('text/xml');
    expect(text).toContain('<rows>1</rows><columns>4</columns>');
    expect(text).toContain('<row><t>1795243050</t><v>0.25</v><v>0.25</v><v>300</v>');
    expect(text).not.toContain('host:');
  });

  test('in the step that was asked for, as clients insist', () => {
    for (const [interval, step] of [
      ['5', '5'],
      ['60', '60'],
      ['61', '3600'],
      ['86400', '86400'],
    ] as const)
      expect(JSON.parse(answer({ start: '0', interval, json: 'true' }).text)).toMatchObject({ meta: { step } });
    expect(() => answer({ start: '0', interval: 'often' })).toThrow(Refusal);
  });

  test('nothing was measured since then, or in that way', () => {
    expect(answer({ start: String(NOW + 60), json: 'true' }).text).toContain('"rows":"0"');
    expect(JSON.parse(answer({ start: '0', cf: 'MAX', json: 'true' }).text)).toMatchObject({
      data: [],
      meta: { legend: [] },
    });
  });

  test('without a start it is no request', () => {
    for (const start of [undefined, 'x', '1e9', '--1'])
      expect(() => answer(start === undefined ? {} : { start })).toThrow(Refusal);
    expect(front.host).toBe(HOST);
  });
});
