/** Metrics over HTTP: what agents told of exchanges as counters and histograms, and that dashboard, alerts and the table name nothing else. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTally } from '../../../runtime/tally.ts';
import { type Admin, openAdmin } from '../../../transform-server/admin/admin.ts';
import { MEASURES } from '../../../transform-server/admin/measures.ts';
import { PREFIX, plainMetrics } from '../../../transform-server/admin/prometheus.ts';
import { inspectCells } from '../../../transform-server/cells/inspect.ts';
import { temporaryFolder } from '../../temporary.ts';
import { compose } from '../composed.ts';
import { vm } from '../memory.ts';

const TOKEN = 'a-token-of-some-length';
const MONITORING = fileURLToPath(new URL('../../../packaging/monitoring/', import.meta.url));
let one: Awaited<ReturnType<typeof compose>>;
let admin: Admin;

/** As one of several servers is looked at: all metrics that there are. */
const inspected = () =>
  inspectCells({
    cells: { list: () => [{ server: one.server, available: true, name: 'c', links: 1 }] } as never,
    state: { available: true, servers: async () => [] },
    agents: () => 1,
    isOpen: () => true,
    library: one.server.inspected.library,
  });

beforeEach(async () => {
  one = await compose(temporaryFolder());
  admin = await openAdmin({ inspected: inspected(), token: TOKEN });
  await one.list([vm('u1', 'alpha')]);
});
afterEach(async () => {
  await admin.close();
  await one.server.close();
});

const metrics = async (): Promise<string> =>
  (await fetch(`${admin.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text();

const tell = async (tally: ReturnType<typeof createTally>): Promise<void> =>
  one.api.counted({ decoded: 0, dispatched: 0, direct: 0, tally: tally.take() ?? { exchanges: [], latencies: [] } });

describe('metrics', () => {
  it('count what agents told of exchanges, and how long they took in buckets', async () => {
    const tally = createTally();
    for (const ms of [0.5, 3, 40]) tally.add('f', 'Rename', 'central', 'value', ms);
    tally.add('f', 'Rename', 'central', 'busy', 60_000);
    await tell(tally);
    tally.add('f', 'Rename', 'central', 'value', 40);
    await tell(tally);
    const text = await metrics();
    expect(text).toContain('# TYPE transvisor_exchanges_total counter');
    expect(text).toContain('transvisor_exchanges_total{front="f",method="Rename",route="central",outcome="value"} 4\n');
    expect(text).toContain('{front="f",method="Rename",route="central",outcome="busy"} 1\n');
    const bucket = (le: string): string => `_seconds_bucket{front="f",route="central",le="${le}"}`;
    expect(text).toContain(`${bucket('0.001')} 1\n`);
    expect(text).toContain(`${bucket('0.05')} 4\n`);
    expect(text).toContain(`${bucket('30')} 4\n`);
    expect(text).toContain(`${bucket('+Inf')} 5\n`);
    expect(text).toContain('_seconds_sum{front="f",route="central"} 60.0835\n');
  });

  it('say which hosts and agents are there, and which copies are behind', async () => {
    expect(await metrics()).toMatch(/_host_up\{host="one"\} 1[\s\S]*_sync_lag_seconds\{host="one"\} 0\n/);
    await one.api.hostState(one.host.id, one.host.epoch, { connected: false, text: 'gone' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const text = await metrics();
    expect(text).toMatch(/_host_agent_up\{host="one"\} 1[\s\S]*_host_up\{host="one"\} 0\n/);
    expect(Number(/_sync_lag_seconds\{host="one"\} (\S+)/.exec(text)?.[1])).toBeGreaterThan(0.01);
    one.attached.left();
    expect(await metrics()).toContain('transvisor_host_agent_up{host="one"} 0\n');
  });

  it('end in _total where they only grow, and nowhere else', async () => {
    const types = [...(await metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => ({
      name,
      type,
    }));
    expect(types.length).toBeGreaterThan(40);
    expect(types.filter(({ name, type }) => name.endsWith('_total') !== (type === 'counter'))).toEqual([]);
  });

  it('count documents that were made, and those that were there when they were read', async () => {
    const { id } = await one.login();
    const count = async (name: string): Promise<number> =>
      Number(new RegExp(`^transvisor_documents_${name}_total (\\d+)$`, 'm').exec(await metrics())?.[1]);
    await one.api.call(one.exchange(id, 'names'));
    const [made, read] = [await count('made'), await count('read')];
    expect(made).toBe(1);
    await one.api.call(one.exchange(id, 'names'));
    expect([await count('made'), await count('read')]).toEqual([made, read + 1]);
  });

  it('of names without end are counted without their names', () => {
    const tally = createTally(3);
    for (let n = 0; n < 100; n++) tally.add('f', `made-up-${n}`, 'central', 'value', 1);
    const { exchanges = [] } = tally.take() ?? {};
    expect(exchanges.length).toBeLessThanOrEqual(4);
    expect(exchanges.reduce((sum, { count }) => sum + count, 0)).toBe(100);
  });
});

describe('what is given to operators', () => {
  const file = (name: string): string => readFileSync(`${MONITORING}${name}`, 'utf8');
  const SUFFIXES = /_(?:bucket|sum|count)$/;

  it.each(['alerts.yml', 'grafana-dashboard.json'])('%s names only metrics and labels that exist', async (name) => {
    const exposed = new Set([...(await metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, metric]) => metric));
    const expressions =
      name === 'alerts.yml'
        ? file(name)
        : [...file(name).matchAll(/"(?:expr|query)": "((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text).join('\n');
    const named = [...expressions.matchAll(/\btransvisor_\w+/g)].map(([metric]) => metric);
    expect(named.length).toBeGreaterThan(9);
    const unknown = named.filter((metric) => !exposed.has(metric) && !exposed.has(metric.replace(SUFFIXES, '')));
    expect(unknown).toEqual([]);
    const labels = new Set([...MEASURES.flatMap((measure) => measure.labels), 'le', 'instance', 'job']);
    const used = [...expressions.matchAll(/\b(?:by|on) \(([^)]*)\)|[{,](\w+)(?:=~|!=|=)/g)].flatMap(
      ([, list, label]) => list?.split(/,\s*/) ?? [label],
    );
    expect(used.filter((label) => !labels.has(label ?? ''))).toEqual([]);
  });

  it('the table names every metric: UPDATE_METRICS=1 writes it', () => {
    const rows = [
      ...MEASURES.map(({ name, type, labels, help }) => [`${PREFIX}${name}`, type, labels.join(', '), help]),
      ...plainMetrics(inspected()).map(({ name, type, help }) => [name, type, '', help]),
    ];
    const table = [
      '| metric | type | labels | says |',
      '|---|---|---|---|',
      ...rows.map((row) => `| ${row.join(' | ')} |`),
    ];
    const before = file('README.md');
    const after = before.replace(
      /(<!-- metrics[\s\S]*?-->\n)[\s\S]*?(<!-- end of metrics -->)/,
      (_, begin: string, end: string) => `${begin}${table.join('\n')}\n${end}`,
    );
    if (process.env['UPDATE_METRICS'] === '1') writeFileSync(`${MONITORING}README.md`, after);
    else expect(before).toBe(after);
  });
});
