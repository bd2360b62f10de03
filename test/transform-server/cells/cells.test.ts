/** Several servers, one state: agents reach the cells of their hosts wherever those are, also while servers and the store go and come. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HubId } from '../../../mappings/generic/ids.ts';
import { LinkDown } from '../../../runtime/link.ts';
import type { OutboxEntry } from '../../../runtime/protocol.ts';
import { stateDirectory } from '../memory.ts';
import { connectAgent, createServers, type TestAgent } from './rig.ts';
import { createWorld } from './world.ts';

let directory: ReturnType<typeof stateDirectory>;
let world: ReturnType<typeof createWorld>;
let servers: ReturnType<typeof createServers>;
beforeEach(() => {
  directory = stateDirectory();
  world = createWorld(directory.directory);
  servers = createServers(world);
});
afterEach(async () => {
  await servers.close();
  directory.remove();
});

const names = async (agent: TestAgent, session: string, host?: string) => {
  const reply = await agent.api.call(agent.exchange(session, 'names', {}, host));
  return reply.kind === 'value' ? reply.value : reply;
};

describe('one server', () => {
  test('has a cell for each host of an agent, and no id twice', async () => {
    const a = await servers.open('a');
    const agent = await connectAgent('one', ['x', 'y'], a);
    expect([world.holder('x'), world.holder('y')]).toEqual(['a', 'a']);
    expect(agent.hello.hosts['x']?.id).not.toBe(agent.hello.hosts['y']?.id);
    const [inX, inY] = [await agent.login('x'), await agent.login('y')];
    expect(await names(agent, inX, 'x')).toEqual(['alpha-x', 'beta-x']);
    expect(await names(agent, inY, 'y')).toEqual(['alpha-y', 'beta-y']);
    expect(await agent.api.session(inY)).toMatchObject({ front: 'f-y' });
    expect(await agent.api.session('nobody')).toBeUndefined();
    expect(a.member.inspected.health()).toMatchObject({ ok: true, hosts: [{ name: 'x' }, { name: 'y' }] });
  });
});

describe('two servers', () => {
  test('an agent that comes to the other one finds its cell, and the cell follows it', async () => {
    const a = await servers.open('a');
    const b = await servers.open('b');
    const agent = await connectAgent('one', ['x'], a);
    const session = await agent.login();
    const { id } = agent.hello.hosts['x'] ?? {};
    agent.to(b);
    agent.cut();
    await agent.up();
    expect(world.holder('x')).toBe('a');
    expect(agent.hello.hosts['x']).toMatchObject({ id, epoch: 2 });
    expect(await names(agent, session)).toEqual(['alpha-x', 'beta-x']);
  });

  test('what a dead one had is taken over, under sessions and ids', async () => {
    const a = await servers.open('a');
    const b = await servers.open('b');
    const agent = await connectAgent('one', ['x', 'y'], a);
    const session = await agent.login('y');
    const before = agent.hello.hosts;
    agent.to(b);
    a.kill();
    setTimeout(() => world.expire('a'), 300);
    await agent.up();
    for (const host of ['x', 'y']) expect(agent.hello.hosts[host]?.id).toBe(before[host]?.id);
    expect(await names(agent, session, 'y')).toEqual(['alpha-y', 'beta-y']);
    expect([world.holder('x'), world.holder('y')]).toEqual(['b', 'b']);
  });

  test('one that ends hands over: waits are parked, nobody is told a fault', async () => {
    const a = await servers.open('a');
    const b = await servers.open('b');
    const agent = await connectAgent('one', ['x'], a);
    const session = await agent.login();
    const wait = agent.exchange(session, 'wait', { ms: 60_000 });
    const waiting = agent.api.call(wait);
    waiting.catch(() => {});
    await expect.poll(() => a.member.inspected.figures()['waits']?.value).toBe(1);
    agent.to(b);
    await Promise.all([a.member.handOver(), agent.up()]);
    expect(agent.held).toBe(1);
    expect(agent.parked).toEqual([wait.exchange]);
    await expect(waiting).rejects.toBeInstanceOf(LinkDown);
    expect(world.holder('x')).toBe('b');
    expect(await names(agent, session)).toEqual(['alpha-x', 'beta-x']);
  });

  test('a relay ends with the server that holds the cell, and the agent is asked to greet again', async () => {
    const a = await servers.open('a');
    const b = await servers.open('b');
    await connectAgent('one', ['x'], a);
    const agent = await connectAgent('one', ['x', 'y'], b);
    expect([world.holder('x'), world.holder('y')]).toEqual(['a', 'b']);
    const [inX, inY] = [await agent.login('x'), await agent.login('y')];
    expect(await names(agent, inX, 'x')).toEqual(['alpha-x', 'beta-x']);
    a.kill();
    await expect.poll(() => names(agent, inX, 'x').catch((error: unknown) => error)).toBeInstanceOf(LinkDown);
    // The other host goes on meanwhile.
    expect(await names(agent, inY, 'y')).toEqual(['alpha-y', 'beta-y']);
    const again = agent.up();
    world.expire('a');
    await again;
    expect(await names(agent, inX, 'x')).toEqual(['alpha-x', 'beta-x']);
    expect(await names(agent, inY, 'y')).toEqual(['alpha-y', 'beta-y']);
    expect(world.holder('x')).toBe('b');
  });
});

describe('the shared store', () => {
  test('away: calls are answered at once as by a server that is away, waits stay; back: all goes on', async () => {
    const a = await servers.open('a');
    const agent = await connectAgent('one', ['x'], a);
    const session = await agent.login();
    const wait = agent.exchange(session, 'wait', { ms: 60_000 });
    const waiting = agent.api.call(wait);
    let ended = false;
    waiting.then(
      () => {
        ended = true;
      },
      () => {
        ended = true;
      },
    );
    await expect.poll(() => a.member.inspected.figures()['waits']?.value).toBe(1);
    world.away();
    await expect(names(agent, session)).rejects.toBeInstanceOf(LinkDown);
    await expect(agent.api.session(session)).rejects.toBeInstanceOf(LinkDown);
    expect(a.member.inspected.health().ok).toBe(false);
    expect(ended).toBe(false);
    const again = agent.up();
    world.back();
    await again;
    expect(agent.parked).toEqual([wait.exchange]);
    expect(await names(agent, session)).toEqual(['alpha-x', 'beta-x']);
  });

  test('away for one server alone: its agents go to another, and take their cells along', async () => {
    const a = await servers.open('a');
    const b = await servers.open('b');
    const agent = await connectAgent('one', ['x'], a);
    const session = await agent.login();
    a.state.cut();
    await expect(names(agent, session)).rejects.toThrow();
    agent.to(b);
    world.expire('a');
    await agent.up();
    expect(world.holder('x')).toBe('b');
    expect(await names(agent, session)).toEqual(['alpha-x', 'beta-x']);
    // Who asks the other one is not kept waiting there.
    agent.to(a);
    agent.cut();
    await new Promise((resolve) => setTimeout(resolve, 200));
    agent.to(b);
    await agent.up();
    expect(await names(agent, session)).toEqual(['alpha-x', 'beta-x']);
  });

  test('with two truths of a cell: that host stays closed, the others go on', async () => {
    const a = await servers.open('a');
    const agent = await connectAgent('one', ['x', 'y'], a);
    const [inX, inY] = [await agent.login('x'), await agent.login('y')];
    world.conflict('x', 'two servers wrote it');
    await expect.poll(() => names(agent, inX, 'x').catch((error: unknown) => error)).toBeInstanceOf(LinkDown);
    expect(await names(agent, inY, 'y')).toEqual(['alpha-y', 'beta-y']);
    const again = agent.up();
    world.decide('x');
    await again;
    expect(await names(agent, inX, 'x')).toEqual(['alpha-x', 'beta-x']);
  });

  test('an agent with many hosts is not held up by the one whose cell cannot be had', async () => {
    const a = await servers.open('a');
    world.conflict('y', 'two servers wrote it');
    const agent = await connectAgent('one', ['x', 'y', 'z'], a);
    expect(Object.keys(agent.hello.hosts).sort()).toEqual(['x', 'z']);
    const [inX, inZ] = [await agent.login('x'), await agent.login('z')];
    expect(await names(agent, inX, 'x')).toEqual(['alpha-x', 'beta-x']);
    expect(await names(agent, inZ, 'z')).toEqual(['alpha-z', 'beta-z']);
    await expect(agent.login('y')).rejects.toBeInstanceOf(LinkDown);
    // A session that nobody knows may be at the one that is not there.
    await expect(agent.api.session('nobody')).rejects.toBeInstanceOf(LinkDown);

    // Commands that the agent carried out by itself: told where they can be, the others are to come again.
    const direct = (seq: number, host: HubId): OutboxEntry => ({
      ...{ seq, exchange: `d${seq}`, job: `job-${agent.hello.jobIds.from + seq}` as HubId, verb: 'vm.start', host },
      ...{ target: 'vm-1' as HubId, targetName: 'alpha', user: 'u', address: '::1', front: 'f-x', method: 'Start' },
      ...{ nativeTarget: { type: 'Thing', id: '1' }, operation: '', atMs: Date.now(), phase: 'started' },
    });
    const hostOf = (name: string): HubId => agent.hello.hosts[name]?.id as HubId;
    const entries = [direct(1, hostOf('x')), direct(2, 'host-999999' as HubId), direct(3, hostOf('z'))];
    expect(await agent.api.outbox('one', entries)).toEqual({ through: 1 });
    await expect(agent.api.outbox('one', [direct(2, 'host-999999' as HubId)])).rejects.toBeInstanceOf(LinkDown);

    const again = agent.up();
    world.decide('y');
    await again;
    expect(await names(agent, await agent.login('y'), 'y')).toEqual(['alpha-y', 'beta-y']);
    expect(await names(agent, inX, 'x')).toEqual(['alpha-x', 'beta-x']);
    expect(await agent.api.session('nobody')).toBeUndefined();
    // All hosts are there now: what is of none of them is not waited for.
    expect(await agent.api.outbox('one', entries)).toEqual({ through: 3, later: [] });
  });
});
