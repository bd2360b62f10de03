/** The leases an agent holds: the server's answers and gifts, at the epoch that is. */
import { expect, test } from 'vitest';
import { createLeases } from '../../agent/leases.ts';
import { createServerPort } from '../../agent/server-port.ts';
import { type HubId, hubId } from '../../mappings/generic/ids.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Lease, ServerApi, ServerHello } from '../../runtime/protocol.ts';

const HOST = hubId('host', 1);
const lease = (n: number, epoch = 1): Lease => ({
  vm: hubId('vm', n),
  host: HOST,
  native: `u${n}`,
  name: `v${n}`,
  template: false,
  epoch,
});
const hello = (epoch: number): ServerHello => ({
  version: 1,
  hosts: { h: { id: HOST, epoch } },
  fronts: {},
  sessionKey: new Uint8Array(32),
  jobIds: { from: 0, to: 1 },
});
const rig = (answer: (vm: HubId) => Promise<Lease | undefined> = async () => undefined) => {
  const port = createServerPort();
  port.up({ lease: (_: HubId, vm: HubId) => answer(vm) } as unknown as ServerApi, hello(1));
  return { port, leases: createLeases(port) };
};

test('what came unasked serves while the server is away, and no longer than its epoch', () => {
  const { port, leases } = rig();
  leases.grant([lease(1), lease(2)]);
  port.down();
  expect(leases.get(hubId('vm', 1))?.native).toBe('u1');
  leases.revoke([hubId('vm', 1)]);
  expect(leases.get(hubId('vm', 1))).toBeUndefined();
  port.up({} as ServerApi, hello(2));
  expect(leases.get(hubId('vm', 2))).toBeUndefined();
});

test('a newer lease of the same VM takes the place of the older', () => {
  const { leases } = rig();
  leases.grant([lease(1)]);
  leases.grant([{ ...lease(1), name: 'renamed' }]);
  expect([leases.count, leases.get(hubId('vm', 1))?.name]).toEqual([1, 'renamed']);
});

test('beyond the bound the oldest go', () => {
  const { leases } = rig();
  leases.grant(Array.from({ length: LIMITS.vmLeases + 3 }, (_, n) => lease(n + 1)));
  expect(leases.count).toBe(LIMITS.vmLeases);
  expect(leases.get(hubId('vm', 3))).toBeUndefined();
  expect(leases.get(hubId('vm', 4))?.native).toBe('u4');
});

test('a revocation that overtakes the answer counts', async () => {
  const { promise, resolve } = Promise.withResolvers<Lease | undefined>();
  const { leases } = rig(() => promise);
  const asked = leases.obtain(HOST, hubId('vm', 1));
  leases.revoke([hubId('vm', 1)]);
  resolve(lease(1));
  expect(await asked).toBeUndefined();
  expect(leases.count).toBe(0);
});
