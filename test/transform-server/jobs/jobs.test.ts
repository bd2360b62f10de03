/** Jobs against a scripted agent: each call it gets is expected, in order, with its answer; a script that is not used up fails. */
import { expect, onTestFinished, test } from 'vitest';
import { done, fault, type Outcome, refused } from '../../../mappings/generic/faults.ts';
import { type HubId, hubId } from '../../../mappings/generic/ids.ts';
import type { NativeChange } from '../../../mappings/generic/native.ts';
import type { OutboxEntry } from '../../../runtime/protocol.ts';
import type { WriterApi } from '../../../transform-server/jobs/gateway.ts';
import {
  agentOf,
  copyOfDisk,
  createRig,
  META,
  makeStep,
  NEVER,
  planOf,
  SimulatedHost,
  THREE,
  TIMING,
  vmObject,
} from './rig.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Line = readonly [expected: string, answer: unknown];

/** Lines name the call: `acquire q`, `step <n> <procedure> <args>`, `probe <what>`, `read <natives>`, `release q`. An Error is a lost link. */
const script = (lines: readonly Line[]): WriterApi => {
  const left = [...lines];
  const unexpected: string[] = [];
  onTestFinished(() =>
    expect({ left: left.map(([expected]) => expected), unexpected }).toEqual({ left: [], unexpected: [] }),
  );
  const answer = async <T>(name: string): Promise<T> => {
    const [line] = left.splice(0, 1);
    // A rejection is a lost link to the runner: what was not expected is told at the end.
    if (name !== line?.[0]) unexpected.push(`${name}, where the script says ${line?.[0] ?? 'nothing'}`);
    if (line?.[1] instanceof Error) throw line[1];
    return (await line?.[1]) as T;
  };
  return {
    acquire: (_, __, queue) => answer(`acquire ${queue}`),
    release: (_, queue) => answer(`release ${queue}`),
    step: (_, __, id, native) =>
      answer(`step ${id.slice(id.indexOf('/') + 1)} ${native.procedure} ${JSON.stringify(native.args)}`),
    probe: (_, __, probe) => answer(`probe ${String(probe.args['what'])}`),
    read: (_, refs) => answer(`read ${refs.map((ref) => ref.native).join(' ')}`),
  };
};

const OK = done(undefined);
const GOT_QUEUE: Line = ['acquire q', OK];
const PUT: Outcome<NativeChange[]> = done([{ change: 'put', object: vmObject('new') }]);
const READ: Line = ['read new', PUT];
const RELEASED: Line = ['release q', undefined];
const FULL = refused(fault('no-disk-space', { storage: 's' }, 'disk full'));

test('a plan runs its steps in order, reads what it touched, and only then succeeds', async () => {
  const rig = createRig({
    agent: script([
      GOT_QUEUE,
      ['step 0/1 make {"what":"volume"}', done({ path: '/p/v', list: ['x', 'y'] })],
      ['step 1/1 define {"disk":"/p/v","second":"y","keep":{"$from":1}}', done({})],
      READ,
      RELEASED,
    ]),
  });
  const define = makeStep('domain', 'pivot', {
    call: {
      procedure: 'define',
      args: { disk: { $from: 'volume.path' }, second: { $from: 'volume.list.1' }, keep: { $from: 1 } },
    },
  });
  const job = rig.start(planOf(rig.host, [makeStep('volume', 'compensatable'), define]));
  expect(job).toMatchObject({
    state: 'queued',
    verb: 'vm.create',
    target: rig.host,
    user: 'root',
    method: 'CreateVM_Task',
  });
  const before = rig.store.versions.current;
  const end = await rig.jobs.ended(job.id);
  expect(end).toMatchObject({ state: 'success', progress: 100, cancelable: false });
  expect(rig.store.view('f').find(rig.host, 'vm', 'new')?.id).toBe(end?.result);
  expect(rig.log).toEqual(['commit new']);
  expect(rig.jobs.changedSince(before)).toEqual([job.id]);
  expect(rig.jobs.changedSince(end?.version ?? 0)).toEqual([]);
  await pause(0);
  expect(rig.jobs.journal(job.id).audit.map((line) => line.what)).toEqual([
    'planned',
    'volume: sent',
    'volume: done',
    'domain: sent',
    'domain: done',
    'ended: success',
  ]);
});

test('what the host named itself is read and given out by the name that a step told; a step that told none is left out', async () => {
  const rig = createRig({
    agent: script([GOT_QUEUE, ['step 0/1 make {"what":"domain"}', done({ uuid: 'new' })], READ, RELEASED]),
  });
  const named = { kind: 'vm', native: { $from: 'domain.uuid' } } as const;
  const unnamed = { kind: 'volume', native: { $from: 'volume.uuid' } } as const;
  const plan = planOf(rig.host, [makeStep('domain', 'pivot')], { touches: [unnamed, named], makes: named });
  const end = await rig.run(plan);
  expect(end.state).toBe('success');
  expect(rig.store.view('f').find(rig.host, 'vm', 'new')?.id).toBe(end.result);
});

test('a refused plan is the job’s fault; the host is not asked', async () => {
  const rig = createRig({ agent: script([]), plan: async () => refused(fault('invalid-name', { name: 'x' }, 'no')) });
  expect(await rig.run(planOf(rig.host))).toMatchObject({ state: 'error', fault: { kind: 'invalid-name' } });
});

test('a busy queue is the busy fault; nothing is journaled', async () => {
  const rig = createRig({ agent: script([['acquire q', refused(fault('busy', {}, 'busy'))]]) });
  const job = await rig.run(planOf(rig.host));
  expect(job).toMatchObject({ state: 'error', fault: { kind: 'busy' } });
  expect(rig.jobs.journal(job.id).plan).toBeUndefined();
});

const CHANGED = refused(fault('concurrent-access', {}, 'changed by another tool'));

test('a plan whose object others changed beside us is undone, read anew and made anew, under numbers of its own', async () => {
  let made = 0;
  const rig: ReturnType<typeof createRig> = createRig({
    agent: script([
      GOT_QUEUE,
      ['step 0/1 make {"what":"volume"}', done({})],
      ['step 1/1 make {"what":"domain"}', CHANGED],
      ['step 0/undo/2 remove {"what":"volume"}', done({})],
      READ,
      ['step 0/1000 make {"what":"domain"}', done({})],
      READ,
      RELEASED,
    ]),
    plan: async () => done(planOf(rig.host, made++ === 0 ? THREE.slice(0, 2) : [makeStep('domain', 'pivot')])),
  });
  const end = await rig.run(planOf(rig.host));
  expect(end.state).toBe('success');
  expect(made).toBe(2);
  const { plan } = rig.jobs.journal(end.id);
  expect(plan?.plan.steps.map(({ name }) => name)).toEqual(['domain']);
  expect(plan?.steps.map(({ state }) => state)).toEqual(['done']);
});

test('what others change again and again is left to them', async () => {
  const tries = [1, 1000, 2000, 3000].flatMap((send): Line[] => [
    [`step 0/${send} make {"what":"domain"}`, CHANGED],
    READ,
  ]);
  const rig = createRig({ agent: script([GOT_QUEUE, ...tries, RELEASED]) });
  const end = await rig.run(planOf(rig.host, [makeStep('domain', 'pivot')]));
  expect(end).toMatchObject({ state: 'error', fault: { kind: 'concurrent-access' } });
});

test('a host that is away is the host-communication fault', async () => {
  const rig = createRig({ agent: script([]), writer: () => undefined });
  expect(await rig.run(planOf(rig.host))).toMatchObject({ state: 'error', fault: { kind: 'host-communication' } });
});

test('a fault before the pivot undoes what was done, newest first', async () => {
  const rig = createRig({
    agent: script([
      GOT_QUEUE,
      ['step 0/1 make {"what":"a"}', done({ made: 'A' })],
      ['step 1/1 make {"what":"b"}', done({})],
      ['step 2/1 make {"what":"domain"}', FULL],
      ['step 1/undo/2 remove {"what":"b"}', refused(fault('object-not-found', { type: 'v', id: 'b' }, 'gone already'))],
      ['step 0/undo/2 drop {"what":"A"}', done({})],
      READ,
      RELEASED,
    ]),
  });
  const first = makeStep('a', 'compensatable', { undo: { procedure: 'drop', args: { what: { $from: 'a.made' } } } });
  const job = await rig.run(planOf(rig.host, [first, makeStep('b', 'compensatable'), makeStep('domain', 'pivot')]));
  expect(job).toMatchObject({ state: 'error', cancelled: false, fault: { kind: 'no-disk-space' } });
  expect(rig.jobs.journal(job.id).plan).toMatchObject({
    end: 'undone',
    steps: [{ state: 'undone' }, { state: 'undone' }, { state: 'failed' }],
  });
});

test('an undo that is refused is repeated, then left to the administrator; the others are undone', async () => {
  const refusedUndo: Line[] = Array.from(
    { length: TIMING.retries },
    (_, n): Line => [`step 1/undo/${n + 2} remove {"what":"b"}`, FULL],
  );
  const rig = createRig({
    agent: script([
      GOT_QUEUE,
      ['step 0/1 make {"what":"a"}', done({})],
      ['step 1/1 make {"what":"b"}', done({})],
      ['step 2/1 make {"what":"domain"}', FULL],
      ...refusedUndo,
      ['step 0/undo/2 remove {"what":"a"}', done({})],
      READ,
      RELEASED,
    ]),
  });
  const job = await rig.run(
    planOf(rig.host, [makeStep('a', 'compensatable'), makeStep('b', 'compensatable'), makeStep('domain', 'pivot')]),
  );
  expect(job).toMatchObject({ state: 'error', fault: { kind: 'no-disk-space' } });
  expect(rig.jobs.journal(job.id).plan).toMatchObject({
    end: 'stuck',
    steps: [{ state: 'undone' }, { state: 'stuck' }, { state: 'failed' }],
  });
});

test('past the pivot a step is repeated until it is done', async () => {
  const rig = createRig({
    agent: script([
      GOT_QUEUE,
      ['step 0/1 make {"what":"domain"}', done({})],
      ['step 1/1 make {"what":"running"}', FULL],
      ['step 1/2 make {"what":"running"}', FULL],
      ['step 1/3 make {"what":"running"}', done({})],
      READ,
      RELEASED,
    ]),
  });
  expect(
    await rig.run(planOf(rig.host, [makeStep('domain', 'pivot'), makeStep('running', 'forward-only')])),
  ).toMatchObject({ state: 'success' });
});

test('a lone forward-only step that is refused is not repeated', async () => {
  const rig = createRig({ agent: script([GOT_QUEUE, ['step 0/1 make {"what":"x"}', FULL], READ, RELEASED]) });
  expect(await rig.run(planOf(rig.host, [makeStep('x', 'forward-only')]))).toMatchObject({
    state: 'error',
    fault: { kind: 'no-disk-space' },
  });
});

test('a lost link puts a step in doubt: it is probed, never sent again', async () => {
  const rig = createRig({
    agent: script([
      GOT_QUEUE,
      ['step 0/1 make {"what":"domain"}', new Error('link lost')],
      GOT_QUEUE,
      ['probe domain', done('running')],
      ['probe domain', new Error('link lost')],
      GOT_QUEUE,
      ['probe domain', done('done')],
      READ,
      RELEASED,
    ]),
  });
  expect(await rig.run(planOf(rig.host, [makeStep('domain', 'pivot')]))).toMatchObject({ state: 'success' });
});

test('a step whose host connection broke is in doubt as well', async () => {
  const host = new SimulatedHost();
  host.faults.set('make domain', { times: 1, kind: 'host-communication' });
  const rig = createRig({ agent: agentOf(host) });
  expect(await rig.run(planOf(rig.host))).toMatchObject({ state: 'error', fault: { kind: 'host-communication' } });
  expect([...host.effects]).toEqual([]);
});

test('an asynchronous step ends when its probe says so', async () => {
  const rig = createRig({
    agent: script([
      GOT_QUEUE,
      ['step 0/1 make {"what":"off"}', done({})],
      ['probe off', done('running')],
      ['probe off', done('not-done')],
      ['probe off', refused(fault('busy', {}, 'later'))],
      ['probe off', done('done')],
      READ,
      RELEASED,
    ]),
  });
  expect(await rig.run(planOf(rig.host, [makeStep('off', 'pivot', { awaits: { limitMs: 5000 } })]))).toMatchObject({
    state: 'success',
  });
});

test('an asynchronous step that misses its limit is the timeout fault', async () => {
  const host = new SimulatedHost();
  host.lateMs = 500;
  const rig = createRig({ agent: agentOf(host) });
  expect(await rig.run(planOf(rig.host, [makeStep('off', 'pivot', { awaits: { limitMs: 20 } })]))).toMatchObject({
    state: 'error',
    fault: { kind: 'timeout' },
  });
});

test('a job is cancelled between steps and goes back', async () => {
  const host = new SimulatedHost();
  const rig = createRig({
    agent: agentOf(host, async (point) => {
      if (point.startsWith('after step') && point.includes('/0/1')) expect(rig.jobs.cancel(job.id)).toBe(true);
    }),
  });
  const job = rig.start(planOf(rig.host));
  expect(await rig.jobs.ended(job.id)).toMatchObject({ state: 'error', cancelled: true, fault: { kind: 'cancelled' } });
  expect([...host.effects]).toEqual([]);
  expect(rig.jobs.cancel(job.id)).toBe(false);
});

test('past the pivot a job cannot be cancelled', async () => {
  const host = new SimulatedHost();
  const rig = createRig({
    agent: agentOf(host, async (point) => {
      if (point.startsWith('after step') && point.includes('/1/1')) expect(rig.jobs.cancel(job.id)).toBe(false);
    }),
  });
  const job = rig.start(planOf(rig.host));
  expect(await rig.jobs.ended(job.id)).toMatchObject({ state: 'success' });
});

test('a re-read that misses its limit is success with the object stale, until it is read', async () => {
  let answer = (_: Outcome<NativeChange[]>): void => {};
  const late = new Promise<Outcome<NativeChange[]>>((resolve) => {
    answer = resolve;
  });
  const agent = agentOf(new SimulatedHost());
  const rig = createRig({ agent: { ...agent, read: () => late } });
  rig.store.put(rig.host, [vmObject('new')], (object) => ({ name: object.native, relations: [], owns: [] }));
  const job = await rig.run(planOf(rig.host));
  expect(job.state).toBe('success');
  expect(rig.store.entry(job.result as HubId)?.stale).toBe(true);
  answer(PUT);
  await pause(5);
  expect(rig.store.entry(job.result as HubId)?.stale).toBe(false);
});

test('a repeat of the same exchange is the same job; another exchange is another', async () => {
  const host = new SimulatedHost();
  const rig = createRig({ agent: agentOf(host), plan: async () => done(planOf(rig.host, [])) });
  const wanted = { verb: 'vm.start', host: rig.host, target: rig.host, params: {} } as const;
  const [first, second, third] = ['e1', 'e1', 'e2'].map((exchange) => rig.jobs.start(wanted, { ...META, exchange }));
  expect(second?.id).toBe(first?.id);
  expect(third?.id).not.toBe(first?.id);
  await rig.jobs.ended(third?.id as HubId);
});

test('finished jobs and settled ones are there after a restart; what had not begun is an error', async () => {
  const agent = agentOf(new SimulatedHost());
  const rig = createRig({ agent: { ...agent, acquire: () => NEVER } });
  const settled = rig.jobs.settle({ ...META, host: rig.host, target: rig.host }, done({ files: 3 }));
  const waiting = rig.start(planOf(rig.host));
  await rig.storage.flush();
  const again = createRig({ agent, directory: copyOfDisk(rig.storage.directory) });
  expect(again.jobs.get(settled.id)).toMatchObject({ state: 'success', verb: 'front.task', result: { files: 3 } });
  await again.jobs.recover();
  expect(again.jobs.get(waiting.id)).toMatchObject({ state: 'error', cancelled: true });
  expect(again.jobs.list().map((job) => job.id)).toEqual([settled.id, waiting.id]);
  const next = again.jobs.settle({ ...META, host: rig.host, target: rig.host }, done(1));
  expect([settled.id, waiting.id]).not.toContain(next.id);
});

test('direct commands of an agent are recorded once each', async () => {
  const rig = createRig({ agent: script([]) });
  const entry = (seq: number, phase: OutboxEntry['phase'], more: Partial<OutboxEntry> = {}): OutboxEntry => ({
    seq,
    phase,
    exchange: 'e',
    job: hubId('job', 900),
    verb: 'vm.start',
    host: rig.host,
    target: hubId('vm', 5),
    targetName: 'a',
    user: 'root',
    address: '',
    front: 'f',
    method: 'PowerOnVM_Task',
    nativeTarget: { type: 'VirtualMachine', id: '5' },
    operation: '',
    atMs: 1000 + seq,
    ...more,
  });
  const finished = entry(2, 'finished', { changes: [{ change: 'put', object: vmObject('v') }] });
  expect(await rig.jobs.outbox('agent', [entry(1, 'started')])).toEqual({ through: 1 });
  expect(rig.jobs.get(hubId('job', 900))).toMatchObject({ state: 'running', targetName: 'a', startedMs: 1001 });
  const both = await Promise.all([
    rig.jobs.outbox('agent', [entry(1, 'started'), finished]),
    rig.jobs.outbox('agent', [finished]),
  ]);
  expect(both).toEqual([{ through: 2 }, { through: 2 }]);
  expect(rig.jobs.get(hubId('job', 900))).toMatchObject({ state: 'success' });
  expect(rig.log).toEqual(['commit v']);
  const failed = entry(3, 'finished', {
    job: hubId('job', 901),
    fault: fault('wrong-state', { requested: 'running', existing: 'running' }, 'on'),
  });
  await rig.jobs.outbox('agent', [failed]);
  expect(rig.jobs.get(hubId('job', 901))).toMatchObject({ state: 'error', fault: { kind: 'wrong-state' } });
  expect(rig.jobs.list({ target: hubId('vm', 5) }).length).toBe(2);
  // A number that is another command's tells nothing of that one.
  const foreign = entry(4, 'finished', { job: hubId('job', 901), exchange: 'another' });
  expect(await rig.jobs.outbox('agent', [foreign])).toEqual({ through: 4 });
  expect(rig.jobs.get(hubId('job', 901))).toMatchObject({ state: 'error', exchange: 'e' });
});
