/** `npm run fuzz [-- [--front FRONT] REQUESTS [SEED]]`: 100,000 mutated requests, or messages of the link, against the product; exit 1 when it did not stand. */
import { startLibvirtd } from '../peers/libvirtd.ts';
import { type FrontName, startTransvisor } from '../peers/transvisor.ts';
import type { FuzzFront } from './front.ts';
import { openHeapProbe } from './heap.ts';
import { fuzzAgent, fuzzServer, type LinkFuzz, linkLinesOf } from './link-front.ts';
import { failuresOf, linesOf } from './report.ts';
import { fuzz } from './run.ts';
import { vim25Front } from './vim25-front.ts';
import { xenapiFront } from './xenapi-front.ts';

const SHOWN = 40;
const JUDGED_FROM = 20_000;
/** Of the messages of the link: the rest goes to the server. */
const AGENT_SHARE = 0.1;
const FRONTS: Readonly<Record<FrontName, FuzzFront>> = { vim25: vim25Front, xenapi: xenapiFront };

const words = process.argv.slice(2);
const name = words[0] === '--front' ? (words.splice(0, 2)[1] ?? '') : 'vim25';
const [requests = 100_000, seed = Date.now() % 1_000_000] = words.map(Number);
const isFront = (text: string): text is FrontName => Object.hasOwn(FRONTS, text);
if (!(isFront(name) || name === 'link') || !Number.isInteger(requests) || requests < 1 || !Number.isInteger(seed)) {
  console.error(`usage: npm run fuzz [-- [--front ${Object.keys(FRONTS).join('|')}|link] REQUESTS [SEED]]`);
  process.exit(64);
}
const onProgress = (done: number): void => {
  console.error(`${done} of ${requests}`);
};
console.log(`front ${name}, seed ${seed}`);

const fuzzFront = async (front: FrontName): Promise<readonly string[]> => {
  using heap = openHeapProbe();
  await using host = await startLibvirtd();
  await using product = await startTransvisor({ host: host.uri, fronts: [front] });
  const report = await fuzz({ product, front: FRONTS[front], requests, seed, heap, onProgress });
  console.log(linesOf(report).join('\n'));
  return failuresOf(report, { judgeMemory: requests >= JUDGED_FROM });
};
const fuzzLink = async (): Promise<readonly string[]> => {
  const turn = async (what: string, run: typeof fuzzServer, options: Omit<LinkFuzz, 'product'>) => {
    await using product = await startTransvisor({ host: 'sim:///default', twoProcesses: true });
    const report = await run({ product, ...options });
    console.log(linkLinesOf(what, report).join('\n'));
    return report.failures.map((failure) => `${what}: ${failure}`);
  };
  const agentMessages = Math.ceil(requests * AGENT_SHARE);
  return [
    ...(await turn('server', fuzzServer, { messages: requests - agentMessages, seed, onProgress })),
    ...(await turn('agent', fuzzAgent, { messages: agentMessages, seed })),
  ];
};
const failures = isFront(name) ? await fuzzFront(name) : await fuzzLink();
for (const failure of failures.slice(0, SHOWN)) console.log(`FAILED: ${failure}`);
if (failures.length > SHOWN) console.log(`FAILED: ${failures.length} in all`);
process.exitCode = failures.length === 0 ? 0 : 1;
