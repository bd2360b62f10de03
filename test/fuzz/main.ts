/** `npm run fuzz [-- REQUESTS [SEED]]`: 100,000 mutated requests against the product on libvirt's test driver; exit 1 when it did not stand. */
import { startLibvirtd } from '../peers/libvirtd.ts';
import { startTransvisor } from '../peers/transvisor.ts';
import { failuresOf, linesOf } from './report.ts';
import { fuzz } from './run.ts';

const SHOWN = 40;
const JUDGED_FROM = 20_000;

const [requests = 100_000, seed = Date.now() % 1_000_000] = process.argv.slice(2).map(Number);
if (!Number.isInteger(requests) || requests < 1 || !Number.isInteger(seed)) {
  console.error('usage: npm run fuzz [-- REQUESTS [SEED]]');
  process.exit(64);
}
await using host = await startLibvirtd();
await using product = await startTransvisor({ host: host.uri });
console.log(`seed ${seed}`);
const report = await fuzz({
  product,
  requests,
  seed,
  onProgress: (done) => console.error(`${done} of ${requests}`),
});
console.log(linesOf(report).join('\n'));
const failures = failuresOf(report, { judgeMemory: requests >= JUDGED_FROM });
for (const failure of failures.slice(0, SHOWN)) console.log(`FAILED: ${failure}`);
if (failures.length > SHOWN) console.log(`FAILED: ${failures.length} in all`);
process.exitCode = failures.length === 0 ? 0 : 1;
