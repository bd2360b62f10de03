/** A short run of the fuzzer, so that a broken front is seen before the long one: every answer is one the API would give. */
import { expect, test } from 'vitest';
import { failuresOf, linesOf } from '../fuzz/report.ts';
import { fuzz } from '../fuzz/run.ts';
import { vim25Front } from '../fuzz/vim25-front.ts';
import { xenapiFront } from '../fuzz/xenapi-front.ts';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { startLibvirtd } from './libvirtd.ts';
import { startTransvisor } from './transvisor.ts';

const REQUESTS = 2000;
// Fixed: what fails here fails again.
const SEED = 42;

describeWith(LIBVIRT_CLIENTS, 'mutated requests', () => {
  test.each([
    ['vim25', vim25Front],
    ['xenapi', xenapiFront],
  ] as const)('2,000 of them to %s: no crash, no hang, no answer that is not the API', async (name, front) => {
    await using host = await startLibvirtd();
    await using product = await startTransvisor({ host: host.uri, fronts: [name] });
    const report = await fuzz({ product, front, requests: REQUESTS, seed: SEED });
    console.log(linesOf(report).join('\n'));
    expect(report.requests).toBe(REQUESTS);
    expect(failuresOf(report, { judgeMemory: false })).toEqual([]);
  });
});
