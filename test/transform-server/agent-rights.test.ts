/** Agents known by their certificates: each has a say on its own hosts, fronts and sessions, and on nothing else. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hubId } from '../../mappings/generic/ids.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { type AgentHello, LINK_VERSIONS, type OutboxEntry, type ServerApi } from '../../runtime/protocol.ts';
import { createServer, type Server } from '../../transform-server/server.ts';
import { temporaryFolder } from '../temporary.ts';
import { platform, recordingAgent, transformer } from './composed.ts';

let server: Server;
let folder: string;
const open = (hostAgents: Record<string, string> = {}): Server =>
  createServer({
    stateDir: folder,
    platforms: { invented: async () => platform },
    clock: systemClock,
    log: silentLog,
    transformer,
    listedMs: 100,
    hostAgents,
  });
beforeEach(() => {
  folder = temporaryFolder();
  server = open();
});
afterEach(() => server.close());

const greeting = (agent: string, host: string, front = `f@${host}`): AgentHello => ({
  version: 1,
  agent,
  hosts: [{ name: host, platform: 'invented', uri: 'x:' }],
  fronts: [{ name: front, platform: 'invented', host, port: 1, certificate: '', options: {} }],
});
const login = (api: ServerApi, front: string) =>
  api.login({ front, user: 'u', fullName: '', role: 'administrator', address: '::1', userAgent: '', locale: '' });

/** Two agents, each with a host of its own. */
const two = async () => {
  const [first, second] = [server.attach(recordingAgent(), 'a'), server.attach(recordingAgent(), 'b')];
  const [helloA, helloB] = [await first.api.hello(greeting('a', 'one')), await second.api.hello(greeting('b', 'two'))];
  const one = helloA.hosts['one'];
  const two = helloB.hosts['two'];
  if (one === undefined || two === undefined) throw new Error('no host');
  return { a: first.api, b: second.api, one, two, leftA: first.left };
};

test('the name in the certificate is the only one an agent may give itself', async () => {
  await expect(server.attach(recordingAgent(), 'a').api.hello(greeting('b', 'one'))).rejects.toThrow(
    'the certificate is of agent a, which cannot speak as b',
  );
});

test("another agent's host is not to be had, present or away, nor after a restart", async () => {
  const { b, leftA } = await two();
  await expect(b.hello(greeting('b', 'one'))).rejects.toThrow(/host one belongs to agent a/);
  leftA();
  await expect(b.hello(greeting('b', 'one'))).rejects.toThrow(/host one belongs to agent a/);
  await server.close();
  server = open();
  const again = server.attach(recordingAgent(), 'b').api;
  await expect(again.hello(greeting('b', 'one'))).rejects.toThrow(/host one belongs to agent a/);
  // Nor on one machine, without a certificate.
  await expect(server.attach(recordingAgent()).api.hello(greeting('c', 'one'))).rejects.toThrow(/belongs to agent a/);
  expect((await server.attach(recordingAgent(), 'a').api.hello(greeting('a', 'one'))).hosts['one']).toBeDefined();
});

test('the configuration of the server moves a host, and keeps one for an agent that was never there', async () => {
  await two();
  await server.close();
  server = open({ one: 'b', three: 'c' });
  await expect(server.attach(recordingAgent(), 'a').api.hello(greeting('a', 'one'))).rejects.toThrow(/agent b/);
  await expect(server.attach(recordingAgent(), 'a').api.hello(greeting('a', 'three'))).rejects.toThrow(/agent c/);
  expect((await server.attach(recordingAgent(), 'b').api.hello(greeting('b', 'one'))).hosts['one']).toBeDefined();
});

test("what it says of another agent's host is refused, even with the right id and epoch", async () => {
  const { a, b, one } = await two();
  const state = { connected: true, text: '' };
  await expect(b.list(one.id, one.epoch, [], true)).rejects.toThrow(/not of agent b/);
  await expect(b.changes(one.id, one.epoch, [])).rejects.toThrow(/not of agent b/);
  await expect(b.hostState(one.id, one.epoch, state)).rejects.toThrow(/not of agent b/);
  await expect(b.lease(one.id, one.id)).rejects.toThrow(/not of agent b/);
  await a.list(one.id, one.epoch, [{ kind: 'host', native: 'h', parts: { text: 'one' }, facts: {} }], true);
  await a.hostState(one.id, one.epoch, state);
  expect(server.store.entry(one.id)?.facts['connected']).toBe(true);
});

test("through another agent's front it sends no command, and its sessions are not to be seen or ended", async () => {
  const { a, b, one } = await two();
  await a.list(one.id, one.epoch, [{ kind: 'host', native: 'h', parts: { text: 'one' }, facts: {} }], true);
  await expect(login(b, 'f@one')).rejects.toThrow(/front f@one is not of agent b/);
  const session = await login(a, 'f@one');
  const call = {
    method: 'remember',
    target: { type: 'Thing', id: '' },
    args: { what: 'x' },
    version: '',
    operation: '',
  };
  const exchange = { exchange: 'x1', front: 'f@one', session: session.id, address: '::1', call };
  await expect(b.call(exchange)).rejects.toThrow(/front f@one is not of agent b/);
  expect(await a.call(exchange)).toMatchObject({ kind: 'value' });
  expect(await b.session(session.id)).toBeUndefined();
  await b.logout(session.id);
  await b.touch({ [session.id]: { lastActiveMs: 1, calls: 99 } });
  expect(await a.session(session.id)).toMatchObject({ id: session.id, calls: 0 });
  await expect(b.hello(greeting('b', 'two', 'f@one'))).rejects.toThrow(/front f@one belongs to agent a/);
});

test("entries of another agent's host in its outbox make no job, and do not stand in the way", async () => {
  const { b, one } = await two();
  await expect(b.outbox('a', [])).rejects.toThrow(/not of agent b/);
  const entry = { seq: 7, host: one.id, job: 'job-1', phase: 'started' } as unknown as OutboxEntry;
  expect(await b.outbox('b', [entry])).toEqual({ through: 7 });
  expect(server.jobs.list({ sinceMs: 0 })).toEqual([]);
});

test('an agent has no more hosts than any agent needs, and a refused greeting leaves nothing behind', async () => {
  const { a } = await two();
  const many = Array.from({ length: 10_000 }, (_, n) => ({ name: `h-${n}`, platform: 'invented', uri: 'x:' }));
  const next = (await a.jobIds()).to;
  await expect(a.hello({ ...greeting('a', 'one'), hosts: many, fronts: [] })).rejects.toThrow('no more');
  // Ids and job numbers are of one count.
  expect((await a.jobIds()).from).toBe(next);
});

test('only job numbers of blocks that it was given count in its outbox, also after a restart', async () => {
  const begun = await two();
  const { from } = await begun.a.jobIds();
  const foreign = (await begun.b.jobIds()).from;
  await server.close();
  server = open();
  const again = server.attach(recordingAgent(), 'a').api;
  await again.hello(greeting('a', 'one'));
  const entry = (seq: number, job: number): OutboxEntry => ({
    ...{ seq, job: hubId('job', job), exchange: `x-${seq}`, phase: 'started', verb: 'vm.start', host: begun.one.id },
    ...{ target: hubId('vm', 999), targetName: 'n', user: 'u', address: '', front: 'f@one', method: 'm' },
    ...{ nativeTarget: { type: 't', id: '1' }, operation: '', atMs: 1 },
  });
  expect(await again.outbox('a', [entry(7, from), entry(8, foreign), entry(9, 2 ** 40)])).toEqual({ through: 9 });
  expect(server.jobs.list().map((job) => job.id)).toEqual([hubId('job', from)]);
});

test('versions one apart agree on the older, those further apart are refused', async () => {
  const { api } = server.attach(recordingAgent(), 'a');
  const { oldest, newest } = LINK_VERSIONS;
  const speaking = (from: number, to: number) => ({ ...greeting('a', 'one'), oldest: from, version: to });
  expect((await api.hello(speaking(newest, newest + 1))).version).toBe(newest);
  expect((await api.hello(speaking(oldest, newest - 1))).version).toBe(newest - 1);
  await expect(api.hello(speaking(newest + 1, newest + 2))).rejects.toThrow(
    `agent a speaks versions ${newest + 1} to ${newest + 2} of the link, this server versions ${oldest} to ${newest}: update the server`,
  );
});
