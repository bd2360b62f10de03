/** Steps whose call only begins what they do: how the runner takes their end without effect, and stops them when it goes back. */
import { expect, test } from 'vitest';
import { done } from '../../../mappings/generic/faults.ts';
import { agentOf, createRig, makeStep, planOf, SimulatedHost } from './rig.ts';

test('what the host ended before it took effect fails at once, and what came before it is undone', async () => {
  const host = new SimulatedHost();
  const agent = agentOf(host);
  const copy = makeStep('copy', 'compensatable', { awaits: { limitMs: 60_000 } });
  const rig = createRig({
    agent: {
      ...agent,
      probe: async (_, __, probe) => (probe.args['what'] === 'copy' ? done('gone') : host.probe(probe)),
    },
  });
  const job = await rig.run(planOf(rig.host, [makeStep('volume', 'compensatable'), copy, makeStep('over', 'pivot')]));
  expect(job).toMatchObject({
    state: 'error',
    fault: { kind: 'invalid-state', text: expect.stringContaining('copy') },
  });
  expect(rig.jobs.journal(job.id).plan?.steps.map(({ state }) => state)).toEqual(['undone', 'failed', 'planned']);
  expect(host.effects.has('volume')).toBe(false);
});

test('a cancelled job stops what still runs on the host, and does not wait for its end', async () => {
  const host = new SimulatedHost();
  const agent = agentOf(host);
  const copy = makeStep('copy', 'compensatable', { awaits: { limitMs: 60_000 } });
  const rig = createRig({
    agent: {
      ...agent,
      probe: async (_, __, probe) => {
        if (probe.args['what'] !== 'copy') return host.probe(probe);
        rig.jobs.cancel(job.id);
        return done(host.effects.has('copy') ? 'running' : 'gone');
      },
    },
  });
  const job = rig.start(planOf(rig.host, [makeStep('volume', 'compensatable'), copy, makeStep('over', 'pivot')]));
  expect(await rig.jobs.ended(job.id)).toMatchObject({ state: 'error', cancelled: true });
  expect([...host.effects]).toEqual([]);
  expect(rig.jobs.journal(job.id).plan?.end).toBe('undone');
});

test('what was there and went by itself before the plan went back needs no undo', async () => {
  const host = new SimulatedHost();
  const agent = agentOf(host);
  host.faults.set('remove copy', { times: 9, kind: 'no-disk-space' });
  host.faults.set('make over', { times: 9, kind: 'no-disk-space' });
  let isLost = false;
  const rig = createRig({
    agent: {
      ...agent,
      step: (hub, epoch, id, native) => {
        isLost ||= native.args['what'] === 'over';
        return agent.step(hub, epoch, id, native);
      },
      probe: async (_, __, probe) => (probe.args['what'] === 'copy' && isLost ? done('gone') : host.probe(probe)),
    },
  });
  const copy = makeStep('copy', 'compensatable', { awaits: { limitMs: 60_000 } });
  const job = await rig.run(planOf(rig.host, [makeStep('volume', 'compensatable'), copy, makeStep('over', 'pivot')]));
  expect(job).toMatchObject({ state: 'error', fault: { kind: 'no-disk-space' } });
  expect(rig.jobs.journal(job.id).plan?.end).toBe('undone');
  expect(host.effects.has('volume')).toBe(false);
});

test('a step whose answer was lost is waited for as long as the host is at it, and only then the plan goes on', async () => {
  const host = new SimulatedHost();
  const agent = agentOf(host);
  const sent: unknown[] = [];
  let looks = 0;
  let isWhole = false;
  const rig = createRig({
    agent: {
      ...agent,
      step: (hub, epoch, id, native) => {
        sent.push(native.args['what']);
        if (native.args['what'] === 'over') expect(isWhole).toBe(true);
        return native.args['what'] === 'copy'
          ? Promise.reject(new Error('the link is lost'))
          : agent.step(hub, epoch, id, native);
      },
      probe: async (_, __, probe) => {
        if (probe.args['what'] !== 'copy') return host.probe(probe);
        looks += 1;
        isWhole = looks > 120;
        return done(isWhole ? 'done' : 'running');
      },
    },
  });
  const job = await rig.run(planOf(rig.host, [makeStep('copy', 'compensatable'), makeStep('over', 'pivot')]));
  expect(job).toMatchObject({ state: 'success' });
  expect(sent).toEqual(['copy', 'over']);
});

test('one that may last only so long is late after it, and is not taken for done', async () => {
  const host = new SimulatedHost();
  const agent = agentOf(host);
  const rig = createRig({
    agent: {
      ...agent,
      step: (hub, epoch, id, native) =>
        native.args['what'] === 'shut'
          ? Promise.reject(new Error('the link is lost'))
          : agent.step(hub, epoch, id, native),
      probe: async (_, __, probe) => (probe.args['what'] === 'shut' ? done('running') : host.probe(probe)),
    },
  });
  const shut = makeStep('shut', 'pivot', { awaits: { limitMs: 50 } });
  const job = await rig.run(planOf(rig.host, [shut, makeStep('over', 'forward-only')]));
  expect(job).toMatchObject({ state: 'error', fault: { kind: 'timeout' } });
  expect(host.effects.has('over')).toBe(false);
});
