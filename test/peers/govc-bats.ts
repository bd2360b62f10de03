/** govc's own bats files in, one result a test out: run with govmomi's vcsim or with our executable of that name; as a program it writes GOVC.md. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BATS_SUITE, GOVMOMI_VERSION, requireClient, runProgram } from './clients.ts';
import { REMARKS, TIER_1, TIER_3 } from './govc-bats-tiers.ts';

export type BatsTest = { readonly file: string; readonly name: string; readonly tier: 1 | 2 | 3 };
/** Whom the tests find under the name `vcsim`. */
export type Simulator = 'vcsim' | 'test' | 'qemu';
export type BatsResult = {
  readonly outcome: 'pass' | 'fail' | 'skip';
  readonly output: string;
  readonly seconds: number;
};

const OURS = fileURLToPath(new URL('vcsim-bin', import.meta.url));
const PAGE = fileURLToPath(new URL('GOVC.md', import.meta.url));
const FAILURES = fileURLToPath(new URL('../../.cache/govc-bats/', import.meta.url));
const TEST_LIMIT_MS = 150_000;

/** The tests that start the simulator in ESX mode, in the order of the files. */
export const esxTests = (): readonly BatsTest[] => {
  const found: BatsTest[] = [];
  for (const file of readdirSync(BATS_SUITE)
    .filter((name) => name.endsWith('.bats'))
    .sort()) {
    const text = readFileSync(join(BATS_SUITE, file), 'utf8');
    for (const [, name = '', body = ''] of text.matchAll(/^@test "([^"]*)" \{\n([\s\S]*?)^\}/gm)) {
      if (!/vcsim_(?:env|start) -esx/.test(body)) continue;
      found.push({ file, name, tier: TIER_1.has(name) ? 1 : TIER_3.has(name) ? 3 : 2 });
    }
  }
  return found;
};

/** A test that also runs the simulator as a vCenter, cut down to its ESX round: the only change made to any file. */
const BOTH_MODES = 'for esx in true false ; do';

/** The suite's makefile downloads images: any bytes do for a test that only uploads and names them. A module's zip keeps no file modes. */
const prepareSuite = (): void => {
  chmodSync(join(BATS_SUITE, 'host_cert_sign.sh'), 0o755);
  const image = join(BATS_SUITE, 'images', 'ttylinux-pc_i486-16.1.iso');
  if (!existsSync(image)) writeFileSync(image, Buffer.alloc(65_536));
};

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

export const runBats = async (
  test: BatsTest,
  simulator: Simulator,
  options: { esxRoundOnly?: boolean } = {},
): Promise<BatsResult> => {
  prepareSuite();
  const scratch = mkdtempSync(join(tmpdir(), 'tvb-'));
  const begun = Date.now();
  try {
    let file = join(BATS_SUITE, test.file);
    if (options.esxRoundOnly === true) {
      const text = readFileSync(file, 'utf8');
      if (!text.includes(BOTH_MODES)) throw new Error(`${test.file} has no round of both modes`);
      file = join(scratch, test.file);
      writeFileSync(file, text.replace(BOTH_MODES, 'for esx in true ; do'));
      copyFileSync(join(BATS_SUITE, 'test_helper.bash'), join(scratch, 'test_helper.bash'));
    }
    const bin = dirname(requireClient('govc'));
    const { code, stdout, stderr } = await runProgram(
      requireClient('bats'),
      ['--tap', '-f', `^${escaped(test.name)}$`, file],
      {
        cwd: BATS_SUITE,
        timeoutMs: TEST_LIMIT_MS,
        env: {
          PATH: [...(simulator === 'vcsim' ? [] : [OURS]), bin, process.env['PATH'] ?? ''].join(delimiter),
          // The helper puts $GOPATH/bin first.
          GOPATH: join(scratch, 'go'),
          BATS_TMPDIR: scratch,
          TMPDIR: scratch,
          TRANSVISOR_VCSIM_DRIVER: simulator,
        },
      },
    );
    const output = `${stdout}\n${stderr}`;
    const outcome = /^ok 1 .*# skip/m.test(stdout) ? 'skip' : code === 0 && /^ok 1 /m.test(stdout) ? 'pass' : 'fail';
    return { outcome, output, seconds: (Date.now() - begun) / 1000 };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

/** At most `width` at a time, results in order. */
export const inParallel = async <A, B>(
  items: readonly A[],
  width: number,
  act: (item: A) => Promise<B>,
): Promise<B[]> => {
  const results: B[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const at = next;
      next += 1;
      results[at] = await act(items[at] as A);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
};

type Row = {
  readonly test: BatsTest;
  readonly label: string;
  readonly esxRoundOnly: boolean;
  readonly results: ReadonlyMap<Simulator, BatsResult>;
};

const rowText = ({ test, label, results }: Row): string => {
  const cell = (simulator: Simulator): string => results.get(simulator)?.outcome ?? '-';
  const failed = ['test', 'qemu', 'vcsim'].some((simulator) => cell(simulator as Simulator) === 'fail');
  const remark = failed || label.includes('(') ? (REMARKS[label] ?? '**not explained**') : '';
  return `| ${test.tier} | ${test.file.replace('.bats', '')} | ${label} | ${cell('vcsim')} | ${cell('test')} | ${cell('qemu')} | ${remark} |`;
};

const page = (rows: readonly Row[]): string => {
  const count = (simulator: Simulator, tier?: number): string => {
    const judged = rows.filter((row) => row.results.has(simulator) && (tier === undefined || row.test.tier === tier));
    return `${judged.filter((row) => row.results.get(simulator)?.outcome === 'pass').length} of ${judged.length}`;
  };
  const total = (name: string, simulator: Simulator): string =>
    `| ${name} | ${count(simulator, 1)} | ${count(simulator, 2)} | ${count(simulator, 3)} | ${count(simulator)} |`;
  return `# govc's own tests

Generated by \`scripts/on-node node test/peers/govc-bats.ts\`; not edited by hand.

The bats files of govmomi ${GOVMOMI_VERSION}, unmodified, every test that runs its simulator as an ESX host. They start an executable called \`vcsim\`:
once govmomi's own, once ours (\`test/peers/vcsim-bin\`), which only translates flags and starts \`transvisor up\` on libvirt's test driver or on QEMU.
Tiers: 1 must pass; 2 is run and reported; 3 makes no sense on this product.
The suite's images are not downloaded: a file of zeros stands in for the ISO, for both.

| passed | tier 1 | tier 2 | tier 3 | all |
|---|---|---|---|---|
${total('vcsim itself', 'vcsim')}
${total('Transvisor on the test driver', 'test')}
${total('Transvisor on QEMU', 'qemu')}

| tier | file | test | vcsim | test driver | QEMU | remark |
|---|---|---|---|---|---|---|
${rows.map(rowText).join('\n')}
`;
};

const main = async (): Promise<void> => {
  const args = process.argv.slice(2);
  const simulators = (['vcsim', 'test', 'qemu'] as const).filter(
    (name) => args.length === 0 || args.includes('--write') || args.includes(name),
  );
  const only = args.find((arg) => arg.startsWith('--only='))?.slice(7);
  const tier = args.includes('--tier1') ? 1 : undefined;
  const tests = esxTests()
    .filter((test) => (only === undefined || test.name.includes(only)) && (tier === undefined || test.tier === tier))
    .toSorted((a, b) => a.tier - b.tier);
  const rounds = tests.flatMap((test) => {
    const both = readFileSync(join(BATS_SUITE, test.file), 'utf8')
      .split(`@test "${test.name}"`)[1]
      ?.split('\n}\n')[0]
      ?.includes(BOTH_MODES);
    const whole = { test, label: test.name, esxRoundOnly: false };
    return both === true ? [{ ...whole, label: `${test.name} (ESX round)`, esxRoundOnly: true }, whole] : [whole];
  });
  mkdirSync(FAILURES, { recursive: true });
  const rows = await inParallel(rounds, 2, async ({ test, label, esxRoundOnly }): Promise<Row> => {
    const results = new Map<Simulator, BatsResult>();
    for (const simulator of simulators) {
      const result = await runBats(test, simulator, { esxRoundOnly });
      results.set(simulator, result);
      const log = join(FAILURES, `${label.replaceAll(/[^A-Za-z0-9.]+/g, '-')}.${simulator}.log`);
      rmSync(log, { force: true });
      if (result.outcome !== 'pass') writeFileSync(log, result.output);
      process.stdout.write(
        `${result.outcome.padEnd(5)}${simulator.padEnd(7)}${result.seconds.toFixed(1).padStart(6)} s  ${label}\n`,
      );
    }
    return { test, label, esxRoundOnly, results };
  });
  if (args.length === 0 || args.includes('--write')) writeFileSync(PAGE, page(rows));
  process.stdout.write(
    `${simulators.map((name) => `${name}: ${rows.filter((row) => row.results.get(name)?.outcome === 'pass').length} of ${rows.length}`).join(', ')}\n`,
  );
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
