/** govc's own bats tests of tier 1 that run in ESX mode, through our executable called vcsim, must pass. */
import { expect, test } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type BatsTest, esxTests, inParallel, runBats } from './govc-bats.ts';
import { TIER_1 } from './govc-bats-tiers.ts';

/** Its second round wants a vCenter; the ESX round alone is judged. */
const BOTH_MODES = new Set(['vm.power -on -M']);

describeWith(
  [...LIBVIRT_CLIENTS, 'govc', 'bats', 'bats-suite', 'jq'],
  "govc's own tests, tier 1 as an ESX host",
  () => {
    const tests = esxTests().filter(({ tier }) => tier === 1);
    const run = (one: BatsTest) => runBats(one, 'test', { esxRoundOnly: BOTH_MODES.has(one.name) });
    // All at once behind two lanes: one at a time they take twice as long, since most of it is waiting.
    let results: Promise<Map<string, Awaited<ReturnType<typeof run>>>> | undefined;
    const all = () => {
      results ??= inParallel(tests, 2, async (one) => [one.name, await run(one)] as const).then(
        (pairs) => new Map(pairs),
      );
      return results;
    };

    test('all of tier 1 is in the suite', () => {
      expect(tests.map(({ name }) => name).toSorted()).toEqual([...TIER_1].toSorted());
    });

    for (const { name } of tests) {
      test(name, { timeout: 400_000 }, async () => {
        const result = (await all()).get(name);
        expect(result?.outcome, result?.output).toBe('pass');
      });
    }
  },
);
