/** Two transform servers that know each other and their agents by certificates: one speaks for an agent at the other, and each agent has a say for its own host alone. */
import { expect, test } from 'vitest';
import { govcOn } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { rawSoap } from './raw-soap.ts';
import { REDIS_CLIENTS } from './redis.ts';
import { startServers } from './servers.ts';

const LIMIT_MS = 120_000;

describeWith([...REDIS_CLIENTS, 'govc'], 'two servers over TLS', () => {
  test('carry a client through a relay, a kill and another agent that claims its host', {
    timeout: LIMIT_MS,
  }, async () => {
    await using all = await startServers({ tls: true });
    const a = await all.server('a');
    const b = await all.server('b');
    const before = await all.agent('kvm-1', { hosts: ['local=sim:///default'], servers: ['a', 'b'] });
    const soapBefore = rawSoap(before.front('vim25'));
    await soapBefore.logIn();
    const vm = await soapBefore.vm('demo-1');
    soapBefore.close();
    await before.stop();

    const agent = await all.agent('kvm-1', { hosts: ['local=sim:///default'], servers: ['b', 'a'] });
    expect((await b.cells()).elsewhere).toMatchObject([{ cell: 'local', server: 'a' }]);
    const govc = govcOn(agent.front('vim25'));
    const soap = rawSoap(agent.front('vim25'));
    await soap.logIn();
    expect(await soap.vm('demo-1')).toBe(vm);
    // Central and direct ones; what direct ones did is told with numbers of the agent's own.
    await govc('vm.change', '-vm', 'demo-1', '-annotation', 'over TLS');
    for (const way of ['-off', '-on', '-off']) await govc('vm.power', way, '-force', 'demo-1').catch(() => '');
    expect(await govc('vm.info', '-json', 'demo-1')).toContain('over TLS');

    const thief = all.agent('kvm-2', { hosts: ['local=sim:///default'], servers: ['b'] });
    thief.catch(() => {}); // it is never ready
    const text = 'host local belongs to agent kvm-1, not to kvm-2';
    await expect.poll(() => all.log('kvm-2'), { timeout: 20_000 }).toContain(text);
    expect(await soap.vm('demo-1')).toBe(vm);

    await a.kill9();
    await expect.poll(() => soap.vm('demo-1').catch(String), { timeout: 40_000, interval: 100 }).toBe(vm);
    expect((await b.cells()).here).toMatchObject([{ cell: 'local', available: true }]);
    await expect.poll(() => govc.result(['vm.power', '-on', 'demo-1']).then(({ code }) => code)).toBe(0);
    soap.close();
    const ours = `${all.log('a')}${all.log('b')}${all.log('kvm-1')}`;
    expect(ours).not.toMatch(/outbox of agent/);
  });
});
