/** The leases of one agent on their way: order, bounds, and what a lost link leaves. */
import { describe, expect, it } from 'vitest';
import type { HubId } from '../../mappings/generic/ids.ts';
import { silentLog } from '../../runtime/log.ts';
import type { Lease } from '../../runtime/protocol.ts';
import { createLeaseSender } from '../../transform-server/sync/lease-sender.ts';

const id = (n: number): HubId => `vm-${n}` as HubId;
const lease = (vm: HubId): Lease => ({
  vm,
  host: 'host-1' as HubId,
  native: vm,
  name: vm,
  template: false,
  epoch: 1,
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

const rig = (options: { batch?: number; most?: number } = {}) => {
  const said: string[] = [];
  let hold = Promise.resolve();
  const sender = createLeaseSender({
    agent: {
      grantLeases: async (leases) => {
        said.push(`grant ${leases.map((one) => one.vm).join(' ')}`);
        await hold;
      },
      revokeLeases: async (vms) => {
        said.push(`revoke ${vms.join(' ')}`);
        await hold;
      },
    },
    batch: options.batch ?? 10,
    most: options.most ?? 10,
    leases: (vms) => vms.map(lease),
    log: silentLog,
  });
  return {
    said,
    sender,
    holding: (until: Promise<void>) => {
      hold = until;
    },
  };
};

describe('the sender of leases', () => {
  it('sends what one turn offers together, in batches, one at a time', async () => {
    const { said, sender } = rig({ batch: 2 });
    for (let n = 1; n <= 5; n++) sender.offer(id(n));
    await turn();
    await turn();
    expect(said).toEqual(['grant vm-1 vm-2', 'grant vm-3 vm-4', 'grant vm-5']);
    expect(sender.size).toBe(5);
  });

  it('revokes what is under way after its grant has come, and says so only then', async () => {
    const { said, sender, holding } = rig();
    const { promise, resolve } = Promise.withResolvers<void>();
    holding(promise);
    sender.offer(id(1));
    await turn();
    expect(sender.size).toBe(0);
    let revoked = false;
    void sender.revoke(id(1)).then(() => {
      revoked = true;
    });
    const again = sender.revoke(id(1));
    expect(sender.take(lease(id(1)))).toBe(false);
    sender.offer(id(1));
    await turn();
    expect([said, revoked]).toEqual([['grant vm-1'], false]);
    resolve();
    await again;
    await turn();
    expect(revoked).toBe(true);
    expect(said).toEqual(['grant vm-1', 'revoke vm-1', 'grant vm-1']);
  });

  it('grants no more than its bound', async () => {
    const { sender } = rig({ most: 3, batch: 2 });
    for (let n = 1; n <= 9; n++) sender.offer(id(n));
    await turn();
    await turn();
    expect(sender.size).toBe(3);
    expect(sender.take(lease(id(99)))).toBe(false);
  });

  it('holds nothing of a batch that the link lost, and ends every wait when the agent is gone', async () => {
    const { sender, holding } = rig();
    const lost = Promise.reject(new Error('the link is lost'));
    lost.catch(() => {});
    holding(lost);
    sender.offer(id(1));
    await turn();
    await turn();
    expect(sender.get(id(1))).toBeUndefined();
    const { promise } = Promise.withResolvers<void>();
    holding(Promise.resolve());
    sender.offer(id(2));
    await turn();
    holding(promise);
    const waits = sender.revoke(id(2));
    sender.close();
    await waits;
    sender.offer(id(3));
    await turn();
    expect(sender.size).toBe(0);
  });
});
