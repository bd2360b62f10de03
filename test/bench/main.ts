/** npm run bench: the product on libvirt's test driver and govmomi's vcsim, side by side in one run; figures printed and kept in RESULTS.md. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Endpoint, GOVMOMI_VERSION, requireClient } from '../peers/clients.ts';
import { startTransvisor, type Transvisor } from '../peers/transvisor.ts';
import {
  compareCurrentTime,
  compareReads,
  currentTimeRate,
  directPower,
  eventToUpdate,
  machinesPerSecond,
  readAllMachines,
  residentKiB,
} from './cases.ts';
import { type BenchEstate, fillEstate } from './estate.ts';
import { atMost, type Figure, figureText } from './figures.ts';
import { logFigures } from './log-cases.ts';
import { passFigures } from './pass-cases.ts';
import { openSession } from './vim-session.ts';
import { fanOut, readRecords } from './xenapi-cases.ts';

const RESULTS = fileURLToPath(new URL('RESULTS.md', import.meta.url));
const NOTES = fileURLToPath(new URL('notes.md', import.meta.url));
const VCSIM_LIMIT_MS = 20 * 60_000;

const { values: flags } = parseArgs({
  options: {
    vms: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    /** Of the log's cost, two minutes each: fewer say nothing to a hundredth. */
    'log-rounds': { type: 'string', default: '10' },
    /** Only what needs no vcsim, or only these cases: reads, time, power, updates, sync, memory, records, fanout, pass, log. */
    only: { type: 'string' },
    /** An instance that runs already (plain HTTP), with that many VMs: it takes minutes to make 10,000. */
    vcsim: { type: 'string' },
  },
});
const VMS = Number(flags.vms);
const ROUNDS = Number(flags.rounds);
const wants = (name: string): boolean => flags.only === undefined || flags.only.split(',').includes(name);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

type Simulator = Endpoint & { readonly stop: () => Promise<void> };

/** It takes tens of milliseconds a VM, and writes a folder for each: in memory if there is one. */
const startSimulator = async (vms: number): Promise<Simulator> => {
  if (flags.vcsim !== undefined) return { url: flags.vcsim, user: 'user', password: 'pass', stop: async () => {} };
  const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tv-bench-'));
  const child: ChildProcess = spawn(
    requireClient('vcsim'),
    ['-l', '127.0.0.1:0', '-tls=false', '-esx', '-vm', String(vms)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: scratch },
    },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(scratch, { recursive: true, force: true });
  };
  const url = await new Promise<string | undefined>((resolve) => {
    const late = setTimeout(() => resolve(undefined), VCSIM_LIMIT_MS);
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const found = /GOVC_URL=http:\/\/[^@]*@(\S+)/.exec(text)?.[1];
      if (found === undefined) return;
      clearTimeout(late);
      resolve(`http://${found}`);
    });
    void ended.then(() => resolve(undefined));
  });
  if (url === undefined) {
    await stop();
    throw new Error('vcsim did not start in time');
  }
  return { url, user: 'user', password: 'pass', stop };
};

const startProduct = (uri: string): Promise<Transvisor> =>
  startTransvisor({ host: uri, fronts: ['vim25', 'xenapi'], options: ['--plain', 'vim25', '--plain', 'xenapi'] });
const listedSeconds = (product: Transvisor): number =>
  Number(/"ms":([\d.]+),"msg":"host listed"/.exec(product.log())?.[1]) / 1000;

const readOnce = async (endpoint: Endpoint): Promise<void> => {
  const session = await openSession(endpoint);
  for (const property of ['name', 'summary', 'config']) await session.readAll([property]);
  session.close();
};
const settledKiB = async (product: Transvisor): Promise<number> => {
  await new Promise((resolve) => setTimeout(resolve, 5000));
  return residentKiB(product.pid());
};

const main = async (): Promise<void> => {
  const figures: Figure[] = [];
  const add = (figure: Figure): void => {
    figures.push(figure);
    say(figureText(figure));
  };
  const needsSimulator = wants('reads') || wants('time');
  say(`${VMS} VMs, ${cpus().length} cores`);
  if (wants('pass')) for (const figure of await passFigures(ROUNDS)) add(figure);
  if (wants('log')) for (const figure of await logFigures(Number(flags['log-rounds']))) add(figure);
  if (flags.only === 'pass' || flags.only === 'log') return;
  let simulator: Simulator | undefined;
  let estate: BenchEstate | undefined;
  let product: Transvisor | undefined;
  try {
    if (needsSimulator) {
      say('vcsim makes its VMs; that takes minutes');
      const begun = Date.now();
      simulator = await startSimulator(VMS);
      say(`vcsim is ready after ${((Date.now() - begun) / 1000).toFixed(0)} s`);
    }
    let bareKiB = 0;
    if (wants('memory')) {
      const empty = await fillEstate(0);
      const idle = await startProduct(empty.uri);
      await readOnce(idle);
      bareKiB = await settledKiB(idle);
      await idle[Symbol.asyncDispose]();
      await empty.stop();
    }
    estate = await fillEstate(VMS);
    let bulk = 0;
    if (wants('sync')) {
      await estate.bulkCalls();
      const times = [await estate.bulkCalls(), await estate.bulkCalls(), await estate.bulkCalls()];
      bulk = Math.min(...times);
    }
    product = await startProduct(estate.uri);
    if (wants('sync')) {
      const seconds = listedSeconds(product);
      add(
        atMost(
          `first sync of ${VMS} domains, beside the bulk calls alone`,
          `${seconds.toFixed(2)} s`,
          `${bulk.toFixed(2)} s`,
          seconds / bulk,
          'times',
          2,
        ),
      );
    }
    if (wants('memory')) {
      await readOnce(product);
      const kiB = await settledKiB(product);
      add(
        atMost(
          'memory a VM, after reading name, summary, config',
          `${(kiB / 1024).toFixed(0)} MB with ${VMS}, ${(bareKiB / 1024).toFixed(0)} MB with none`,
          '-',
          ((kiB - bareKiB) * 1.024) / VMS,
          'KB',
          25,
        ),
      );
    }
    if (wants('time') && simulator !== undefined) {
      const ours = await currentTimeRate(product, 5);
      add(compareCurrentTime(ours, await currentTimeRate(simulator, 5)));
    }
    if (wants('power')) add(await directPower(product, estate, 120));
    if (wants('updates')) add(await eventToUpdate(product, estate, 310));
    let simulated: number | undefined;
    if (wants('reads') && simulator !== undefined) {
      const ours = await readAllMachines(product, ROUNDS);
      const theirs = await readAllMachines(simulator, ROUNDS);
      for (const figure of compareReads(ours, theirs)) add(figure);
      simulated = machinesPerSecond(theirs, 'config');
    }
    if (wants('records'))
      for (const figure of await readRecords(product.front('xenapi'), ROUNDS, simulated)) add(figure);
    if (wants('fanout')) add(await fanOut(product.front('xenapi'), estate, 20));
  } catch (error) {
    if (product !== undefined) say(product.log());
    throw error;
  } finally {
    await product?.[Symbol.asyncDispose]();
    await estate?.stop();
    await simulator?.stop();
  }
  if (flags.only !== undefined) return;
  const notes = existsSync(NOTES) ? `\nWhat limits the figures that are missed: [notes.md](notes.md).\n` : '';
  writeFileSync(
    RESULTS,
    `# Bench\n\nGenerated by \`npm run bench\`; not edited by hand. ${VMS} VMs; ${cpus().length} cores (${cpus()[0]?.model.trim() ?? ''}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB; Node ${process.version}; vcsim of govmomi ${GOVMOMI_VERSION} as an ESX host.\nBoth serve plain HTTP to the same client, a raw socket that parses nothing. Between two reads one VM in a hundred gets another annotation, and each read asks for another set of properties.\n\n| | Transvisor | beside it | figure | target | |\n|---|---|---|---|---|---|\n${figures.map(figureText).join('\n')}\n${notes}`,
  );
};

await main();
