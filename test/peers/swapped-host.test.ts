/** A host whose platform is swapped under the same name: a VM that moved with it keeps the id its clients know, over libvirt, vSphere and XenServer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Endpoint, govcOn, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { xenapiPyMatrix } from './matrix/client-acts.ts';
import type { MatrixHost } from './matrix/contract.ts';
import { xenapiMatrixHost } from './matrix/host-xenapi.ts';
import { startTransvisor } from './transvisor.ts';

/** As the test driver calls its own. */
const MOVED = 'test';

const moidOf = async (endpoint: Endpoint, name: string): Promise<string> =>
  (await govcOn(endpoint)('find', '-i', '-type', 'm', '/', '-name', name)).trim();

describeWith([...LIBVIRT_CLIENTS, 'govc', 'xenapi-py'], 'a host that becomes another platform', () => {
  let before: Libvirtd;
  let after: MatrixHost;
  let state: string;
  beforeAll(async () => {
    before = await startLibvirtd();
    after = await xenapiMatrixHost();
    state = mkdtempSync(join(tmpdir(), 'tvw-'));
    const client = xenapiPyMatrix({
      url: after.uri.replace('xenapi+http', 'http'),
      user: after.user,
      password: after.password,
    });
    await client.connect();
    await client.create(MOVED, { memoryMiB: 64, diskMiB: 8, network: after.network, storage: after.storage });
    await client.close();
  });
  afterAll(async () => {
    await before?.stop();
    await after?.stop();
    rmSync(state, { recursive: true, force: true });
  });

  test('keeps the ids of the VMs that moved, and gives the others new ones', async () => {
    let kept: string;
    {
      await using product = await startTransvisor({ host: `box=${before.testUri()}`, state });
      kept = await moidOf(product, MOVED);
      expect(kept).toMatch(/^VirtualMachine:\d+$/);
    }
    {
      await using product = await startTransvisor({ host: `box=${after.uri}`, options: after.flags, state });
      expect(await moidOf(product, MOVED)).toBe(kept);
      const all = (await govcOn(product)('find', '-i', '-type', 'm', '/')).trim().split('\n');
      expect(all.length).toBeGreaterThan(1);
      expect(new Set(all).size).toBe(all.length);
      await govcOn(product)('vm.power', '-on', MOVED);
      expect((await after.estate()).machines.find(({ name }) => name === MOVED)?.power).toBe('on');
    }
    {
      // And back, where it is found by its name once more.
      await using product = await startTransvisor({ host: `box=${before.testUri()}`, state });
      expect(await moidOf(product, MOVED)).toBe(kept);
    }
  });
});
