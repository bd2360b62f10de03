/** The overview: who called whom in the last minute, and what is unwell. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { vm } from '../memory.ts';
import { type AdminRig, openRig } from './rig.ts';

let rig: AdminRig;

beforeEach(async () => {
  rig = await openRig();
  await rig.one.list([vm('u1', 'alpha'), vm('u2', 'beta')]);
});
afterEach(() => rig.close());

const ask = (path: string) =>
  rig.json<{
    readonly counts: Readonly<Record<string, number>>;
    readonly hosts: readonly object[];
    readonly fronts: readonly object[];
    readonly clients: readonly object[];
    readonly unwell: readonly { readonly what: string; readonly href: string }[];
    readonly items: readonly object[];
  }>(path);
const told = (exchange: string, outcome: string, agoMs = 0, durationMs = 4, user = 'u'): void => {
  const atMs = Date.now() - agoMs;
  const facts = { client: '192.0.2.7', user, front: 'f', method: 'names', route: 'broker', outcome };
  rig.one.server.inspected
    .parts()[0]
    ?.exchangeLog.add({ exchange, shape: 'answer', atMs, durationMs, facts, detail: {} });
};

it('shows clients, fronts and hosts with the calls and faults of the last minute', async () => {
  told('old', 'value', 300_000);
  told('x1', 'value');
  told('x2', 'wrong-state', 0, 8);
  told('x3', 'value', 0, 6, '');
  expect(await ask('/overview')).toMatchObject({
    counts: { clients: 1, agents: 1, hosts: 1, fronts: 1, vms: 2, calls: 3, faults: 1 },
    hosts: [{ name: 'one', platform: 'invented', agent: 'a', state: 'connected', vms: 2 }],
    fronts: [{ name: 'f', calls: 3, faults: 1, meanMs: 6 }],
    clients: [{ address: '192.0.2.7', user: 'u', calls: 3, faults: 1, fronts: [{ front: 'f', calls: 3, faults: 1 }] }],
    unwell: [],
  });
});

it('names the program that a client said it is, wherever its exchanges are told', async () => {
  await rig.one.api.login({
    ...{ front: 'f', user: 'u', fullName: '', role: 'administrator' },
    ...{ address: '192.0.2.7', userAgent: 'govc/0.46.0 (linux)', locale: '' },
  });
  told('x1', 'value');
  told('x2', 'value', 0, 4, 'somebody else');
  expect((await ask('/overview')).clients).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ user: 'u', program: 'govc' }),
      expect.objectContaining({ user: 'somebody else', program: '' }),
    ]),
  );
  expect((await ask('/exchanges?client=govc')).items).toMatchObject([{ exchange: 'x1', program: 'govc' }]);
  expect((await ask('/exchanges?client=192.0.2')).items).toHaveLength(2);
  expect(await ask('/exchanges/x1')).toMatchObject({ program: 'govc' });
});

it('names the host that does not answer, and the one whose agent is gone', async () => {
  await rig.one.api.hostState(rig.one.host.id, rig.one.host.epoch, { connected: false, text: 'down' });
  expect((await ask('/overview')).unwell).toMatchObject([{ what: 'host', href: `/hosts/${rig.one.host.id}` }]);
  rig.one.attached.left();
  const { hosts, unwell } = await ask('/overview');
  expect(hosts).toMatchObject([{ state: 'away', agent: '', vms: 2 }]);
  expect(unwell.map(({ what }) => what)).toEqual(expect.arrayContaining(['server', 'agent']));
});

it('names a front most of whose calls end with a fault', async () => {
  for (let n = 0; n < 12; n += 1) told(`x${n}`, 'wrong-state');
  expect((await ask('/overview')).unwell).toMatchObject([{ what: 'faults', href: '/exchanges?front=f' }]);
});

it('tells how long each method takes', async () => {
  for (let n = 1; n <= 100; n += 1) told(`x${n}`, n === 7 ? 'busy' : 'value', 0, n);
  expect((await ask('/metrics/methods')).items).toEqual([
    { method: 'names', front: 'f', route: 'broker', calls: 100, faults: 1, medianMs: 51, slowMs: 96, longestMs: 100 },
  ]);
});
