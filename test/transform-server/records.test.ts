/** Own data, events, audit, sessions and the exchange log, over restarts and at their bounds. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fault } from '../../mappings/generic/faults.ts';
import { hubId } from '../../mappings/generic/ids.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { Clock } from '../../runtime/clock.ts';
import { createAudit } from '../../transform-server/events/audit.ts';
import { createEvents } from '../../transform-server/events/events.ts';
import { createJournal } from '../../transform-server/jobs/journal.ts';
import { createRecords, type Records } from '../../transform-server/jobs/records.ts';
import { createOwn } from '../../transform-server/own/own.ts';
import { createSessions } from '../../transform-server/sessions/sessions.ts';
import { memory, restart } from './memory-rig.ts';

describe('own data', () => {
  it('is read back after a restart, in order of keys, by prefix', () => {
    const own = createOwn(memory.storage);
    for (const key of ['b/2', 'a', 'b/10', 'b/1', 'c']) own.put('tree', key, { key });
    own.put('tree', 'c', 'new');
    own.delete('tree', 'a');
    restart();
    const again = createOwn(memory.storage);
    expect(again.list('tree').map((one) => one.key)).toEqual(['b/1', 'b/10', 'b/2', 'c']);
    expect(again.list('tree', 'b/').map((one) => one.value)).toEqual([{ key: 'b/1' }, { key: 'b/10' }, { key: 'b/2' }]);
    expect(again.get('tree', 'c')).toBe('new');
    expect(again.get('tree', 'a')).toBeUndefined();
    expect(again.get('other', 'c')).toBeUndefined();
  });

  it('takes only JSON of bounded size, and hands out copies', () => {
    const own = createOwn(memory.storage);
    expect(() => own.put('x', 'k', undefined)).toThrow(TypeError);
    expect(() => own.put('x', 'k', 'y'.repeat(5 * 1024 * 1024))).toThrow(RangeError);
    own.put('x', 'k', { list: [1] });
    (own.get('x', 'k') as { list: number[] }).list.push(2);
    expect(own.get('x', 'k')).toEqual({ list: [1] });
  });
});

describe('the event log', () => {
  it('keeps keys increasing over restarts, chains, and forgets the oldest', () => {
    let events = createEvents(memory.storage, memory.versions, () => 5, 10);
    const first = events.post({ kind: 'user.message', user: 'a', text: 'one' });
    const second = events.post({ kind: 'user.message', user: 'a', text: 'two', chain: first.key });
    expect(second).toMatchObject({ key: first.key + 1, chain: first.key, atMs: 5 });
    expect(first.chain).toBe(first.key);
    for (let n = 0; n < 30; n++) events.post({ kind: 'user.message', user: 'b', text: `${n}` });
    restart();
    events = createEvents(memory.storage, memory.versions, () => 6, 10);
    expect(events.latest).toBe(32);
    expect(events.newest(100)).toHaveLength(10);
    expect(events.since(30, 1).map((event) => event.key)).toEqual([31]);
    expect(events.newest(2, (event) => event.text.endsWith('5')).map((event) => event.text)).toEqual(['25']);
    expect(events.post({ kind: 'user.message', user: 'a', text: 'x' }).key).toBe(33);
  });

  it('forgets the oldest when names and texts are long', () => {
    const texts = (): string[] =>
      createEvents(memory.storage, memory.versions, () => 5, 100, 10_000)
        .newest(100)
        .map(({ text }) => text.slice(0, 3));
    const events = createEvents(memory.storage, memory.versions, () => 5, 100, 10_000);
    for (let n = 0; n < 40; n++) events.post({ kind: 'user.message', user: 'a', text: `${n + 100}${'x'.repeat(900)}` });
    const kept = events.newest(100).map(({ text }) => text.slice(0, 3));
    expect(kept.length).toBeGreaterThan(6);
    expect(kept.length).toBeLessThanOrEqual(10);
    expect(kept.at(-1)).toBe('139');
    restart();
    expect(texts()).toEqual(kept);
    events.post({ kind: 'user.message', user: 'a', text: 'y'.repeat(20_000) });
    expect(events.newest(100)).toHaveLength(1);
  });

  it('wakes whoever waits for changes', () => {
    const events = createEvents(memory.storage, memory.versions, () => 5);
    const before = memory.versions.current;
    events.post({ kind: 'user.message', user: 'a', text: 'one' });
    expect(memory.versions.current).toBeGreaterThan(before);
  });
});

describe('job records', () => {
  it('that end with long faults make room for each other; what has not ended stays', () => {
    const clock = { now: () => 5 } as Clock;
    const open = (): Records =>
      createRecords({
        journal: createJournal(memory.storage),
        versions: memory.versions,
        clock,
        keepMs: 1e6,
        most: 30_000,
      });
    const records = open();
    const add = (n: number): Job =>
      records.add({
        id: hubId('job', n),
        verb: 'vm.start',
        host: hubId('host', 1),
        target: hubId('vm', 2),
        targetName: 'a',
        user: 'u',
        front: 'f',
        method: 'M',
        nativeTarget: { type: 'VM', id: 'vm-2' },
        operation: '',
        exchange: `x${n}`,
        state: 'running',
        cancelled: false,
        cancelable: false,
        queuedMs: n,
      });
    add(1);
    for (let n = 2; n < 100; n++)
      records.change(add(n), { state: 'error', finishedMs: 5, fault: fault('not-found', {}, 'x'.repeat(2000)) });
    const kept = records.list().map(({ id }) => id);
    expect(kept.length).toBeLessThan(15);
    expect(kept[0]).toBe(hubId('job', 1));
    expect(kept.at(-1)).toBe(hubId('job', 99));
    restart();
    expect(
      open()
        .list()
        .map(({ id }) => id),
    ).toEqual(kept);
  });
});

describe('the audit', () => {
  it("writes a job's start and outcome once each, in order, over restarts", () => {
    const line = {
      atMs: 1,
      user: 'u',
      address: '::1',
      front: 'f',
      method: 'M',
      verb: 'vm.start',
      target: 'vm-1',
      targetName: 'n',
      job: 'job-1',
      exchange: 'x',
    };
    const audit = createAudit(memory.storage);
    audit.record({ ...line, outcome: 'started' });
    audit.record({ ...line, outcome: 'started' });
    audit.record({ ...line, outcome: 'busy' });
    audit.record({ ...line, job: '', outcome: 'success' });
    audit.record({ ...line, job: '', outcome: 'success' });
    restart();
    expect(
      createAudit(memory.storage)
        .newest(10)
        .map((one) => `${one.job} ${one.outcome}`),
    ).toEqual(['job-1 started', 'job-1 busy', ' success', ' success']);
  });
});

describe('sessions', () => {
  const HALF_HOUR = 30 * 60_000;
  const IDLE_MS: Readonly<Record<string, number>> = { f: HALF_HOUR, g: 24 * 3_600_000 };
  const open = (now: () => number, most?: number, steady?: () => number) => {
    const own = createOwn(memory.storage);
    const events = createEvents(memory.storage, memory.versions, now);
    return {
      events,
      own,
      sessions: createSessions({
        own,
        events,
        now,
        ...(steady === undefined ? {} : { steady }),
        random: (bytes) => randomBytes(bytes),
        ...(most === undefined ? {} : { most }),
        idleMsOf: (front) => IDLE_MS[front],
      }),
    };
  };
  const login = {
    front: 'f',
    user: 'root',
    fullName: 'r',
    role: 'administrator',
    address: '::1',
    userAgent: 'test',
    locale: 'en',
  } as const;

  it('last over a restart with their state and key', () => {
    let at = 0;
    const before = open(() => at).sessions;
    const session = before.login(login);
    before.locals(session.id).put('filter-1', { paths: ['name'] });
    const key = before.key;
    restart();
    at = 1000;
    const { sessions } = open(() => at);
    expect(sessions.get(session.id)).toEqual(session);
    expect(sessions.locals(session.id).list('filter')).toEqual([{ key: 'filter-1', value: { paths: ['name'] } }]);
    expect(Buffer.from(sessions.key)).toEqual(Buffer.from(key));
    expect(session.key).not.toContain(session.id);
  });

  it('end when their API says so; those of a front that is not served just now are kept for the day that the longest takes', () => {
    let at = 0;
    const { sessions } = open(() => at);
    const [short, long, unknown] = ['f', 'g', 'gone'].map((front) => sessions.login({ ...login, front }).id);
    at = HALF_HOUR;
    expect(sessions.sweep()).toEqual([short]);
    at = 24 * 3_600_000 - 1;
    expect(sessions.sweep()).toEqual([]);
    at += 1;
    expect(sessions.sweep()).toEqual([long, unknown]);
  });

  it('end after half an hour without activity; a pending wait is activity', () => {
    let at = 0;
    const { sessions, own, events } = open(() => at);
    const idle = sessions.login(login);
    const waiting = sessions.login(login);
    sessions.locals(idle.id).put('x', 1);
    const release = sessions.hold(waiting.id);
    const ended: string[] = [];
    sessions.onEnd((id) => ended.push(id));
    at = HALF_HOUR;
    expect(sessions.sweep()).toEqual([idle.id]);
    expect(ended).toEqual([idle.id]);
    expect(own.list('session-locals')).toEqual([]);
    expect(sessions.get(waiting.id)).toBeDefined();
    release();
    at += HALF_HOUR - 1;
    expect(sessions.get(waiting.id)).toBeDefined();
    at += 1;
    expect(sessions.get(waiting.id)).toBeUndefined();
    expect(events.newest(10).map((event) => event.kind)).toEqual([
      'session.login',
      'session.login',
      'session.logout',
      'session.logout',
    ]);
  });

  it('neither end nor last longer because a clock is set', () => {
    let [at, steady] = [10 * HALF_HOUR, 0];
    const { sessions } = open(
      () => at,
      undefined,
      () => steady,
    );
    const session = sessions.login(login);
    at += 2 * HALF_HOUR;
    expect(sessions.sweep()).toEqual([]);
    at -= 4 * HALF_HOUR;
    steady += HALF_HOUR - 1;
    expect(sessions.get(session.id)).toBeDefined();
    sessions.touch(session.id, 1);
    steady += HALF_HOUR - 1;
    expect(sessions.get(session.id)).toBeDefined();
    steady += 1;
    expect(sessions.get(session.id)).toBeUndefined();
  });

  it('leave nothing behind when a call outlives its session', () => {
    const { sessions, own } = open(() => 0);
    const session = sessions.login(login);
    const locals = sessions.locals(session.id);
    expect(sessions.view.terminate(session.key)).toBe(true);
    locals.put('late', 1);
    expect(own.list('session-locals')).toEqual([]);
    expect(sessions.view.terminate(session.id)).toBe(false);
  });

  it('make room for new ones by ending the one idle for longest', () => {
    let at = 0;
    const { sessions } = open(() => at++, 2);
    const first = sessions.login(login);
    const second = sessions.login(login);
    at++;
    sessions.touch(first.id, 1);
    const third = sessions.login(login);
    expect(sessions.get(second.id)).toBeUndefined();
    expect(sessions.get(first.id)).toBeDefined();
    expect(sessions.get(third.id)).toBeDefined();
    expect(sessions.view.list('other')).toEqual([]);
  });
});
