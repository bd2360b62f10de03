/** `npm run fuzz [-- [--front FRONT] REQUESTS [SEED]]`: 100,000 mutated requests against the product on libvirt's test driver; exit 1 when it did not stand. */
import { startLibvirtd } from '../peers/libvirtd.ts';
import { type FrontName, startTransvisor } from '../peers/transvisor.ts';
import type { FuzzFront } from './front.ts';
import { failuresOf, linesOf } from './report.ts';
import { fuzz } from './run.ts';
import { vim25Front } from './vim25-front.ts';
import { xenapiFront } from './xenapi-front.ts';

const SHOWN = 40;
const JUDGED_FROM = 20_000;
const FRONTS: Readonly<Record<FrontName, FuzzFront>> = { vim25: vim25Front, xenapi: xenapiFront };

const words = process.argv.slice(2);
const name = (words[0] === '--front' ? words.splice(0, 2)[1] : 'vim25') as FrontName;
const front = Object.hasOwn(FRONTS, name) ? FRONTS[name] : undefined;
const [requests = 100_000, seed = Date.now() % 1_000_000] = words.map(Number);
if (front === undefined || !Number.isInteger(requests) || requests < 1 || !Number.isInteger(seed)) {
  console.error(`usage: npm run fuzz [-- [--front ${Object.keys(FRONTS).join('|')}] REQUESTS [SEED]]`);
  process.exit(64);
}
await using host = await startLibvirtd();
await using product = await startTransvisor({ host: host.uri, fronts: [name] });
console.log(`front ${name}, seed ${seed}`);
const report = await fuzz({
  product,
  front,
  requests,
  seed,
  onProgress: (done) => console.error(`${done} of ${requests}`),
});
console.log(linesOf(report).join('\n'));
const failures = failuresOf(report, { judgeMemory: requests >= JUDGED_FROM });
for (const failure of failures.slice(0, SHOWN)) console.log(`FAILED: ${failure}`);
if (failures.length > SHOWN) console.log(`FAILED: ${failures.length} in all`);
process.exitCode = failures.length === 0 ? 0 : 1;
