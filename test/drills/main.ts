/** `npm run drills`: faults under the commands of two vendors' clients, programs killed and replaced in the middle of a create, libvirtd killed under load: a table of what was promised and what was seen. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { copyProgram } from '../peers/program-copy.ts';
import { enter, isInside } from './ground.ts';
import { random } from './random.ts';
import { type Result, runRow } from './row.ts';
import { ROWS } from './rows.ts';
import { SERIES } from './series.ts';
import { tableOf } from './table.ts';

const NAMES = [...ROWS, ...SERIES].map(({ name }) => name);
const USAGE = `usage: npm run drills [-- --row NAME ... --commands N --times N --take-overs N --crashes N --seed N --two --program PATH --keep]
rows: ${NAMES.join(', ')}
--commands: of all rows together; --times, --take-overs, --crashes: of the series of that kind, --two: with server and agent apart;
--program: the product, a copy of this one when absent; --keep: writes the table to test/drills/RESULTS.md`;
const RESULTS = fileURLToPath(new URL('RESULTS.md', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const parsed = () => {
  const { values } = parseArgs({
    options: {
      row: { type: 'string', multiple: true },
      commands: { type: 'string', default: '10000' },
      times: { type: 'string', default: '20' },
      'take-overs': { type: 'string', default: '5' },
      crashes: { type: 'string', default: '3' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      two: { type: 'boolean', default: false },
      program: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const number = (text: string): number => {
    if (!/^\d+$/.test(text)) throw new Error(`${text} is no number`);
    return Number(text);
  };
  const unknown = values.row?.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw new Error(`there is no row ${unknown}`);
  return {
    ...values,
    rows: values.row ?? NAMES,
    commands: number(values.commands),
    seed: number(values.seed),
    counts: { times: number(values.times), takeOvers: number(values['take-overs']), crashes: number(values.crashes) },
  };
};

const flagsOrEnd = (): ReturnType<typeof parsed> => {
  try {
    return parsed();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(64);
  }
};

/** Which code the results are of. */
const commitOf = (): string => {
  try {
    const git = (...args: string[]): string => execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' }).trim();
    return git('rev-parse', '--short', 'HEAD');
  } catch {
    return 'unknown';
  }
};

const flags = flagsOrEnd();
const say = (line: string): void => console.log(line);

const runAll = async (): Promise<readonly Result[]> => {
  using calm = copyProgram();
  const program = flags.program ?? calm.program;
  const folder = mkdtempSync(join(tmpdir(), 'tvd-'));
  const rows = ROWS.filter(({ name }) => flags.rows.includes(name));
  const results: Result[] = [];
  for (const [at, row] of rows.entries()) {
    const count = Math.floor(flags.commands / rows.length) + (at < flags.commands % rows.length ? 1 : 0);
    const begun = performance.now();
    say(`${row.name}: ${row.fault}`);
    const own = join(folder, row.name);
    mkdirSync(own);
    const dice = random(flags.seed + at);
    const result = await runRow(row, { count, seed: flags.seed, program, folder: own, dice, say });
    results.push(result);
    say(`  ${result.seen}; ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  }
  for (const series of SERIES.filter(({ name }) => flags.rows.includes(name))) {
    say(`${series.name}: ${series.fault}`);
    results.push(await series.run({ ...flags.counts, seed: flags.seed, two: flags.two, say }));
  }
  if (results.every(({ broken }) => broken.length === 0)) rmSync(folder, { recursive: true, force: true });
  return results;
};

if (isInside()) {
  const begun = new Date();
  const commit = commitOf();
  const results = await runAll();
  const sum = results.reduce((total, { commands }) => total + commands, 0);
  const minutes = (Date.now() - begun.getTime()) / 60_000;
  const head = `${sum} commands, seed ${flags.seed}, commit ${commit}, ${begun.toISOString().slice(0, 10)}, ${minutes.toFixed(0)} minutes`;
  const table = tableOf(results);
  say(`\n${head}\n\n${table}`);
  if (flags.keep) writeFileSync(RESULTS, `# The last whole run of \`npm run drills\`\n\n${head}\n\n${table}\n`);
  process.exitCode = results.every(({ broken }) => broken.length === 0) ? 0 : 1;
} else process.exitCode = await enter(import.meta.url, process.argv.slice(2));
