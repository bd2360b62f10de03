/** npm run drills: the program killed with -9 at 50 random moments of a create with three steps. `--times N`, `--seed N`, `--two` for two processes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startLibvirtd } from '../peers/libvirtd.ts';
import { startTransvisor } from '../peers/transvisor.ts';
import { runCreateDrill } from './create-drill.ts';
import { random } from './random.ts';

const { values: flags } = parseArgs({
  options: { times: { type: 'string', default: '50' }, seed: { type: 'string', default: String(Date.now() % 1_000_000) }, two: { type: 'boolean', default: false }, most: { type: 'string', default: '220' } },
});
const seed = Number(flags.seed);
const next = random(seed);
const host = await startLibvirtd({ qemu: true });
let failed = 0;
try {
  const file = join(host.root, 'keeper.xml');
  writeFileSync(file, "<domain type='qemu'><name>keeper</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>");
  await host.virsh('define', file);
  await using product = await startTransvisor({ host: host.uri, twoProcesses: flags.two });
  const counts = { whole: 0, nothing: 0 };
  for (let n = 1; n <= Number(flags.times); n += 1) {
    const killAfterMs = next() * Number(flags.most);
    try {
      const { outcome, answered, recoveredMs } = await runCreateDrill({ host, product, datastore: 'default', keeper: 'keeper' }, `drill-${n}`, killAfterMs);
      counts[outcome] += 1;
      process.stdout.write(`${String(n).padStart(3)}: killed after ${killAfterMs.toFixed(0).padStart(3)} ms, ${answered ? 'answered' : 'cut off '}, ${outcome.padEnd(7)}, recovered in ${recoveredMs.toFixed(0)} ms\n`);
    } catch (error) {
      failed += 1;
      process.stdout.write(`${String(n).padStart(3)}: FAILED ${error instanceof Error ? error.message : String(error)}\n`);
      await product.restart();
    }
  }
  process.stdout.write(`seed ${seed}: ${counts.whole} whole, ${counts.nothing} nothing, ${failed} failed\n`);
} finally {
  await host.stop();
}
process.exitCode = failed === 0 ? 0 : 1;
