/** Direct power verbs on a host that refuses: a wrong state is told as one, and what else stands in the way in the host's own words. */
import { expect, test } from 'vitest';
import { done, fault, refused } from '../../../mappings/generic/faults.ts';
import type { DriverSend } from '../../../mappings/generic/platform.ts';
import { executeVerb } from '../../../mappings/libvirt/driver/power.ts';

const INVALID = '55';
const UUID = '11111111-2222-4333-8444-555555555555';

/** Refuses the verb's own call; `state`: virDomainState. */
const host = (state: number, text: string): DriverSend => ({
  call: async (procedure) => {
    if (procedure === 'DOMAIN_GET_STATE') return done({ state, reason: 0 });
    if (procedure === 'DOMAIN_HAS_MANAGED_SAVE_IMAGE') return done({ result: 0 });
    return refused(fault('invalid-state', {}, text, { platform: 'libvirt', code: INVALID, text }));
  },
  gather: () => Promise.reject(new Error('nothing is gathered')),
});
const faultOf = async (send: DriverSend, verb: Parameters<typeof executeVerb>[1]) => {
  const outcome = await executeVerb(send, verb, UUID);
  return outcome.ok ? undefined : outcome.fault;
};

test('a VM that runs cannot be started', async () => {
  expect(await faultOf(host(1, 'domain is already running'), 'vm.start')).toMatchObject({
    kind: 'wrong-state',
    members: { requested: 'running', existing: 'running' },
  });
});

test('a VM that is off and cannot start for another reason says the reason', async () => {
  const text = "Requested operation is not valid: network 'default' is not active";
  const found = await faultOf(host(5, text), 'vm.start');
  expect(found).toMatchObject({ kind: 'internal', native: { code: INVALID } });
  expect(found?.text).toContain("network 'default' is not active");
});

test('so does a running one that cannot be suspended', async () => {
  const found = await faultOf(host(1, 'cannot be saved with host devices'), 'vm.suspend');
  expect(found?.kind).toBe('internal');
  expect(await faultOf(host(5, 'domain is not running'), 'vm.suspend')).toMatchObject({
    kind: 'wrong-state',
    members: { requested: 'suspended', existing: 'stopped' },
  });
});
