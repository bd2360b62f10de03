/** After a crash at any point: all of a plan or nothing of it, nothing done twice, and the job says which. */
import { describe, expect, test } from 'vitest';
import { done, fault, refused } from '../../../mappings/generic/faults.ts';
import type { FollowUp } from '../../../mappings/generic/plan.ts';
import type { DirectoryStorage } from '../../../transform-server/storage/storage.ts';
import { agentOf, copyOfDisk, createRig, makeStep, NEVER, planOf, SimulatedHost, scratch, TIMING } from './rig.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the plan and kills the server at its n-th point: around every call to the agent and every write to disk. */
const crashAt = async (n: number, agentRestarts: boolean) => {
  const host = new SimulatedHost();
  const directory = scratch();
  let points = 0;
  let crashed: { copy: string; point: string } | undefined;
  let crash = (): void => {};
  const down = new Promise<void>((resolve) => {
    crash = resolve;
  });
  const cut = async (point: string): Promise<void> => {
    if (crashed) return NEVER;
    points += 1;
    if (points !== n) return;
    crashed = { copy: copyOfDisk(directory), point };
    crash();
    return NEVER;
  };
  const wrapStorage = (storage: DirectoryStorage): DirectoryStorage => {
    const wrapped = Object.create(storage) as DirectoryStorage;
    for (const name of ['migrate', 'prepare', 'run', 'commit'] as const)
      Object.defineProperty(wrapped, name, { value: storage[name].bind(storage) });
    return Object.assign(wrapped, {
      flush: async () => {
        await cut('before flush');
        await storage.flush();
        await cut('after flush');
      },
    });
  };
  const first = createRig({ directory, agent: agentOf(host, cut), wrapStorage });
  const job = first.start(planOf(first.host));
  await Promise.race([down, first.jobs.ended(job.id)]);
  if (!crashed) return { crashed: false as const, host };
  if (agentRestarts) host.remembered = new Map();
  const second = createRig({ directory: crashed.copy, agent: agentOf(host) });
  await second.jobs.recover();
  return {
    crashed: true as const,
    point: crashed.point,
    host,
    job: second.jobs.get(job.id),
    jobs: second.jobs,
    effects: [...host.effects].sort(),
  };
};

const ALL = ['domain', 'running', 'volume'];

describe.each([
  { title: 'the agent lives on', agentRestarts: false },
  { title: 'the agent restarts too', agentRestarts: true },
])('a server killed at every point of a three-step plan; $title', ({ agentRestarts }) => {
  test('all or nothing', async () => {
    const ends = new Set<string>();
    let n = 1;
    for (; ; n++) {
      const run = await crashAt(n, agentRestarts);
      if (!run.crashed) break;
      const { effects, job, point } = run;
      // A job whose record never reached the disk is one nobody was told of: then nothing may have happened.
      if (!job) {
        expect(effects, point).toEqual([]);
        continue;
      }
      expect(job.finishedMs, point).toBeDefined();
      if (job.state === 'success') {
        expect(effects, point).toEqual(ALL);
        if (run.jobs.journal(job.id).plan) expect(run.jobs.journal(job.id).plan?.end, point).toBe('success');
        expect(job.result, point).toMatch(/^vm-\d+$/);
      } else {
        expect(effects, `${point}: ${job.fault?.kind}`).toEqual([]);
        expect(job.fault?.kind, point).toBe('cancelled');
      }
      ends.add(job.state);
    }
    expect(n).toBeGreaterThan(20);
    expect(ends).toEqual(new Set(['success', 'error']));
  });
});

describe('an effect that comes late', () => {
  /** The first step's call is lost with the server; its effect shows `lateMs` after. */
  const lostCall = async (at: number, lateMs: number) => {
    const host = new SimulatedHost();
    const directory = scratch();
    let crash = (): void => {};
    const down = new Promise<void>((resolve) => {
      crash = resolve;
    });
    const agent = agentOf(host);
    const { step } = agent;
    agent.step = async (hub, epoch, id, native) => {
      if (!id.includes(`/${at}/`)) return step(hub, epoch, id, native);
      host.lateMs = lateMs;
      await step(hub, epoch, id, native);
      crash();
      return NEVER;
    };
    const first = createRig({ directory, agent });
    const job = first.start(planOf(first.host));
    await down;
    host.remembered = new Map();
    const second = createRig({ directory: copyOfDisk(directory), agent: agentOf(host) });
    await second.jobs.recover();
    await pause(lateMs);
    return { effects: [...host.effects].sort(), job: second.jobs.get(job.id), sends: host.sends };
  };

  test('before the pivot it is found and taken back', async () => {
    const { effects, job } = await lostCall(0, TIMING.settleMs / 2);
    expect(effects).toEqual([]);
    expect(job).toMatchObject({ state: 'error', cancelled: true, fault: { kind: 'cancelled' } });
  });

  test('of the pivot it is found and carried on', async () => {
    const { effects, job } = await lostCall(1, TIMING.settleMs / 2);
    expect(effects).toEqual(ALL);
    expect(job?.state).toBe('success');
  });

  test('after the pivot it is found and not done twice', async () => {
    const { effects, job, sends } = await lostCall(2, TIMING.settleMs / 2);
    expect(effects).toEqual(ALL);
    expect(job?.state).toBe('success');
    expect(sends.length).toBe(3);
  });
});

test('recovery waits for the host to be connected and acts on nothing before', async () => {
  const host = new SimulatedHost();
  const directory = scratch();
  const agent = agentOf(host, async (point) =>
    point.startsWith('after step') && point.includes('/0/') ? NEVER : undefined,
  );
  const first = createRig({ directory, agent });
  const job = first.start(planOf(first.host));
  while (host.effects.size === 0) await pause(1);
  const copy = copyOfDisk(directory);

  let connect = (): void => {};
  let up = false;
  const connected = new Promise<void>((resolve) => {
    connect = resolve;
  });
  const live = agentOf(host);
  const second = createRig({
    directory: copy,
    agent: live,
    writer: () => (up ? { agent: live, epoch: 2 } : undefined),
    connected: () => connected,
  });
  const recovered = second.jobs.recover();
  await pause(20);
  expect([...host.effects]).toEqual(['volume']);
  expect(second.jobs.get(job.id)?.state).toBe('running');
  await pause(TIMING.giveUpMs);
  expect(second.jobs.get(job.id)).toMatchObject({ state: 'error', fault: { kind: 'host-communication' } });
  up = true;
  connect();
  await recovered;
  expect([...host.effects]).toEqual([]);
  expect(second.jobs.journal(job.id).plan?.end).toBe('undone');
});

test('a plan killed while it goes back goes on going back', async () => {
  const host = new SimulatedHost();
  host.faults.set('make domain', { times: 1, kind: 'no-disk-space' });
  const directory = scratch();
  let crash = (): void => {};
  const down = new Promise<void>((resolve) => {
    crash = resolve;
  });
  const agent = agentOf(host, async (point) => {
    if (!point.startsWith('before step') || !point.includes('undo')) return;
    crash();
    return NEVER;
  });
  const first = createRig({ directory, agent });
  const steps = [makeStep('a', 'compensatable'), makeStep('b', 'compensatable'), makeStep('domain', 'pivot')];
  const job = first.start(planOf(first.host, steps));
  await down;
  expect([...host.effects]).toEqual(['a', 'b']);
  const second = createRig({ directory: copyOfDisk(directory), agent: agentOf(host) });
  await second.jobs.recover();
  expect([...host.effects]).toEqual([]);
  expect(second.jobs.get(job.id)).toMatchObject({ state: 'error', fault: { kind: 'no-disk-space' } });
  // Nothing is left for a third life.
  const third = createRig({ directory: copyOfDisk(second.storage.directory), agent: agentOf(new SimulatedHost()) });
  await third.jobs.recover();
  expect(third.jobs.get(job.id)?.state).toBe('error');
});

describe('what follows the command of a job', () => {
  const THEN: FollowUp = { name: 'keep', args: { field: 'label' } };

  test('is done once the host shows what the command did, and its result is the result of the job', async () => {
    const seen: unknown[] = [];
    const host = new SimulatedHost();
    const rig = createRig({
      agent: agentOf(host),
      follow: async (job, then, outcome) => {
        seen.push(then, outcome, job.state);
        return done('kept');
      },
    });
    const job = await rig.run(planOf(rig.host), THEN);
    expect(seen).toEqual([THEN, done(expect.stringMatching(/^vm-\d+$/)), 'running']);
    expect(job).toMatchObject({ state: 'success', result: 'kept' });
  });

  test('is told why the command failed, and says it in words of its own', async () => {
    const rig = createRig({
      agent: agentOf(new SimulatedHost()),
      plan: async () => refused(fault('invalid-device', { index: 0, property: 'slot' }, 'taken')),
      follow: async (_, __, outcome) => refused(fault('busy', {}, outcome.ok ? '' : outcome.fault.text)),
    });
    expect(await rig.run(planOf(rig.host), THEN)).toMatchObject({
      state: 'error',
      fault: { kind: 'busy', text: 'taken' },
    });
  });

  test('is done by the next server when this one dies between the two', async () => {
    const host = new SimulatedHost();
    const directory = scratch();
    let crash = (): void => {};
    const down = new Promise<void>((resolve) => {
      crash = resolve;
    });
    const first = createRig({
      directory,
      agent: agentOf(host),
      follow: () => {
        crash();
        return NEVER;
      },
    });
    const job = first.start(planOf(first.host), THEN);
    await down;
    expect(first.jobs.get(job.id)?.state).toBe('running');
    const sends = host.sends.length;
    const seen: unknown[] = [];
    const second = createRig({
      directory: copyOfDisk(directory),
      agent: agentOf(host),
      follow: async (_, then, outcome) => {
        seen.push(then, outcome);
        return done('kept');
      },
    });
    await second.jobs.recover();
    expect(seen).toEqual([THEN, done(expect.stringMatching(/^vm-\d+$/))]);
    expect(second.jobs.get(job.id)).toMatchObject({ state: 'success', result: 'kept' });
    expect(host.sends).toHaveLength(sends);
    const third = createRig({ directory: copyOfDisk(directory), agent: agentOf(host) });
    expect(third.jobs.journal(job.id).plan?.plan.then).toEqual(THEN);
  });
});
