/** A finished job taken back: its undos in reverse order as a job of its own, or the reason why it stays as it is. */
import { expect, test } from 'vitest';
import type { HubId } from '../../../mappings/generic/ids.ts';
import type { NativeChange } from '../../../mappings/generic/native.ts';
import type { WriterApi } from '../../../transform-server/jobs/gateway.ts';
import { agentOf, call, copyOfDisk, createRig, makeStep, NEVER, planOf, SimulatedHost, vmObject } from './rig.ts';

/** The last step is the point of no return, and can be taken back all the same. */
const STEPS = [
  makeStep('volume', 'compensatable'),
  makeStep('domain', 'pivot', { undo: call('remove', { what: 'domain' }) }),
];

/** Its VM is there as long as its domain is; `text` is what the host says of it. */
const withVm = (
  host: SimulatedHost,
  more: { text?: string; cut?: (point: string) => Promise<void> } = {},
): WriterApi => ({
  ...agentOf(host, more.cut),
  read: async (_, refs) => ({
    ok: true,
    value: refs.map(
      ({ kind, native }): NativeChange =>
        host.effects.has('domain')
          ? { change: 'put', object: { ...vmObject(native), parts: { domain: more.text ?? '<d/>' } } }
          : { change: 'gone', ref: { kind, native } },
    ),
  }),
});

const finished = async (rig: ReturnType<typeof createRig>, steps = STEPS): Promise<HubId> => {
  const job = await rig.run(planOf(rig.host, steps));
  expect(job.state).toBe('success');
  return job.id;
};

test('a finished job is taken back, its last step first', async () => {
  const host = new SimulatedHost();
  const rig = createRig({ agent: withVm(host) });
  const id = await finished(rig);
  expect([...host.effects]).toEqual(['volume', 'domain']);
  expect(rig.jobs.lasting(id)).toBeUndefined();
  const started = rig.jobs.rollback(id, 'ada');
  if (!started.ok) throw new Error(started.fault.text);
  expect(started.value).toMatchObject({ verb: 'job.rollback', user: 'ada', method: `rollback of ${id}` });
  const back = await rig.jobs.ended(started.value.id);
  expect(back).toMatchObject({ state: 'success' });
  expect([...host.effects]).toEqual([]);
  expect(host.sends.slice(-2)).toEqual([`${back?.id}/1/undo/1`, `${back?.id}/0/undo/1`]);
  const { plan } = rig.jobs.journal(started.value.id);
  expect([plan?.end, plan?.steps.map(({ state }) => state)]).toEqual(['success', ['undone', 'undone']]);
  expect(rig.jobs.journal(id).audit.at(-1)).toMatchObject({ what: 'rollback begun', detail: { job: back?.id } });
  expect(rig.jobs.lasting(id)?.text).toBe(`It was taken back by ${back?.id}.`);
  expect(rig.jobs.lasting(back?.id as HubId)?.text).toBe('The job is a rollback itself.');
});

test('a job with a step that has no undo is refused, and nothing is sent', async () => {
  const host = new SimulatedHost();
  const rig = createRig({ agent: withVm(host) });
  const id = await finished(rig, [makeStep('volume', 'compensatable'), makeStep('domain', 'pivot')]);
  const sends = host.sends.length;
  expect(rig.jobs.rollback(id, 'ada')).toMatchObject({ ok: false, fault: { text: 'The step "domain" has no undo.' } });
  expect(host.sends).toHaveLength(sends);
});

test('a job behind which a front did something of its own is refused', async () => {
  const host = new SimulatedHost();
  const rig = createRig({ agent: withVm(host) });
  const job = await rig.run(planOf(rig.host, STEPS), { name: 'tag', args: {} });
  expect(job.state).toBe('success');
  expect(rig.jobs.lasting(job.id)?.text).toBe('What the front did behind it has no undo.');
});

test('a job whose object was changed since is refused, also where the host tells it only when asked', async () => {
  const host = new SimulatedHost();
  const more = { text: '<d/>' };
  const rig = createRig({ agent: withVm(host, more) });
  const id = await finished(rig);
  more.text = '<d memory="2"/>';
  const started = rig.jobs.rollback(id, 'ada');
  if (!started.ok) throw new Error(started.fault.text);
  const back = await rig.jobs.ended(started.value.id);
  expect(back).toMatchObject({ state: 'error', fault: { kind: 'concurrent-access' } });
  expect(back?.fault?.text).toBe('The vm new has changed since the job ended.');
  expect([...host.effects]).toEqual(['volume', 'domain']);
  // Read meanwhile: now it is known at once.
  expect(rig.jobs.rollback(id, 'ada')).toMatchObject({ ok: false, fault: { kind: 'concurrent-access' } });
});

test('a job of a host that is away is refused', async () => {
  const host = new SimulatedHost();
  const agent = withVm(host);
  let away = false;
  const rig = createRig({ agent, writer: () => (away ? undefined : { agent, epoch: 1 }) });
  const id = await finished(rig);
  away = true;
  expect(rig.jobs.rollback(id, 'ada')).toMatchObject({ ok: false, fault: { kind: 'host-communication' } });
});

test('what failed, what has not ended and what is not known cannot be taken back', async () => {
  const host = new SimulatedHost();
  host.faults.set('make domain', { times: 1, kind: 'no-disk-space' });
  const rig = createRig({ agent: withVm(host) });
  const failed = await rig.run(planOf(rig.host, STEPS));
  expect(rig.jobs.lasting(failed.id)?.text).toMatch(/did not succeed/);
  expect(rig.jobs.lasting(rig.start(planOf(rig.host, STEPS)).id)?.text).toBe('The job has not ended.');
  expect(rig.jobs.lasting('job-9999' as HubId)?.kind).toBe('not-found');
});

test('an undo that fails for good leaves a job that says so', async () => {
  const host = new SimulatedHost();
  const rig = createRig({ agent: withVm(host) });
  const id = await finished(rig);
  host.faults.set('remove volume', { times: 99, kind: 'no-disk-space' });
  const started = rig.jobs.rollback(id, 'ada');
  if (!started.ok) throw new Error(started.fault.text);
  expect(await rig.jobs.ended(started.value.id)).toMatchObject({ state: 'error', fault: { kind: 'internal' } });
  expect(rig.jobs.journal(started.value.id).plan?.steps.map(({ state }) => state)).toEqual(['stuck', 'undone']);
});

test('a server that dies in the middle goes on taking back', async () => {
  const host = new SimulatedHost();
  const first = createRig({
    agent: withVm(host, { cut: async (point) => (point.includes('/0/undo/') ? NEVER : undefined) }),
  });
  const id = await finished(first);
  const started = first.jobs.rollback(id, 'ada');
  if (!started.ok) throw new Error(started.fault.text);
  await expect.poll(() => [...host.effects]).toEqual(['volume']);
  await expect.poll(() => first.jobs.journal(started.value.id).plan?.steps[0]?.state).toBe('undoing');
  await first.storage.flush();
  const next = createRig({ agent: withVm(host), directory: copyOfDisk(first.storage.directory) });
  await next.jobs.recover();
  expect(next.jobs.get(started.value.id)).toMatchObject({ state: 'success' });
  expect([...host.effects]).toEqual([]);
});
