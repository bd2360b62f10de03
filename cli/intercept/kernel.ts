/** What this machine intercepts, through nft and ip: tables and routing made and removed as one; what is not ours is left alone. */
import { execFile } from 'node:child_process';
import { Unavailable } from '../exit-codes.ts';
import { hex, type Interception, parseTable, type Routing, TABLE_PREFIX } from './ruleset.ts';
import type { Family } from './target.ts';

interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
/** Runs a program with a text on its standard input. */
export type Run = (program: 'nft' | 'ip', args: readonly string[], input?: string) => Promise<Output>;

const RUN_MS = 30_000;
const PACKAGES = { nft: 'nftables', ip: 'iproute2' } as const;

export const runHere: Run = (program, args, input = '') =>
  new Promise((resolve, reject) => {
    // Both live in sbin, which is not on every PATH.
    const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };
    const child = execFile(program, [...args], { env, timeout: RUN_MS }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number')
        reject(
          new Unavailable(
            (error.code as unknown) === 'ENOENT'
              ? `${program} is not there: install ${PACKAGES[program]}`
              : `${program}: ${error.message}`,
          ),
        );
      else resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
    child.stdin?.on('error', () => {}); // it ended without reading: its exit code says so
    child.stdin?.end(input);
  });

const demand = async (run: Run, program: 'nft' | 'ip', args: readonly string[], input?: string): Promise<string> => {
  const { code, stdout, stderr } = await run(program, args, input);
  if (code !== 0) throw new Unavailable(`${program} ${args.join(' ')}: ${stderr.trim() || `ended with ${code}`}`);
  return stdout;
};

const json = async (run: Run, args: readonly string[]): Promise<Record<string, unknown>[]> => {
  const { code, stdout } = await run('ip', ['-j', '-N', ...args]);
  // A routing table without routes is none: ip says so by its exit code.
  return code === 0 && stdout.trim() !== '' ? (JSON.parse(stdout) as Record<string, unknown>[]) : [];
};

/** Who made a rule or route, in the kernel's own field for that; below 192 and given to nobody. */
const PROTOCOL = '116';
const PRIORITY = '100';

const flag = (family: Family): string => (family === 'ip' ? '-4' : '-6');
const ruleWords = ({ mark, table }: Routing): string =>
  `pref ${PRIORITY} fwmark ${hex(mark)}/${hex(mark)} lookup ${table} protocol ${PROTOCOL}`;
const routeWords = ({ table }: Routing): string => `local default dev lo table ${table} proto ${PROTOCOL}`;

/** One command of ip, as people write it. */
type Command = string;
const addsRoute = (routing: Routing, family: Family): Command => `${flag(family)} route replace ${routeWords(routing)}`;
const addsRule = (routing: Routing, family: Family): Command => `${flag(family)} rule add ${ruleWords(routing)}`;

/** The commands that make it, for people. */
export const routingCommands = (routing: Routing): string[] =>
  routing.families.flatMap((family) => [`ip ${addsRoute(routing, family)}`, `ip ${addsRule(routing, family)}`]);

const ip = async (run: Run, command: Command): Promise<void> => void (await demand(run, 'ip', command.split(' ')));

const hasRule = async (run: Run, routing: Routing, family: Family): Promise<boolean> =>
  (await json(run, [flag(family), 'rule', 'show'])).some(
    (rule) =>
      rule['fwmark'] === hex(routing.mark) &&
      rule['table'] === String(routing.table) &&
      String(rule['protocol']) === PROTOCOL,
  );

const routesIn = (run: Run, { table }: Routing, family: Family) =>
  json(run, [flag(family), 'route', 'show', 'table', String(table)]);

/** Makes what is missing. */
const addRouting = async (run: Run, routing: Routing): Promise<void> => {
  for (const family of routing.families) {
    const foreign = (await routesIn(run, routing, family)).find((route) => String(route['protocol']) !== PROTOCOL);
    if (foreign !== undefined)
      throw new Unavailable(
        `routing table ${routing.table} is in use (${foreign['dst']}): set another intercept.table`,
      );
  }
  for (const family of routing.families) {
    await ip(run, addsRoute(routing, family));
    if (!(await hasRule(run, routing, family))) await ip(run, addsRule(routing, family));
  }
};

/** All but what one of the others stands on. Whether there was something. */
const removeRouting = async (run: Run, routing: Routing, kept: readonly (Routing | undefined)[]): Promise<boolean> => {
  let removed = false;
  for (const family of routing.families) {
    const beside = kept.filter((one) => one?.table === routing.table && one.families.includes(family));
    if (!beside.some((one) => one?.mark === routing.mark) && (await hasRule(run, routing, family))) {
      await ip(run, `${flag(family)} rule del ${ruleWords(routing)}`);
      removed = true;
    }
    const ours = (await routesIn(run, routing, family)).some((route) => String(route['protocol']) === PROTOCOL);
    if (beside.length === 0 && ours) {
      await ip(run, `${flag(family)} route del ${routeWords(routing)}`);
      removed = true;
    }
  }
  return removed;
};

/** The table as it is now; undefined: none. One that somebody else made under our name is never touched. */
const present = async (run: Run, name: string): Promise<{ readonly routing: Routing | undefined } | undefined> => {
  const { code, stdout, stderr } = await run('nft', ['-t', 'list', 'table', 'inet', name]);
  if (code !== 0) {
    if (/No such file or directory/.test(stderr)) return undefined;
    throw new Unavailable(`nft list table inet ${name}: ${stderr.trim()}`);
  }
  const ours = parseTable(stdout);
  if (ours === undefined)
    throw new Unavailable(`table inet ${name} was not made by transvisor intercept: it is left alone`);
  return ours;
};

/** The routing that tables of other names stand on. */
const routingOfOthers = async (run: Run, name: string): Promise<(Routing | undefined)[]> => {
  const tables = await demand(run, 'nft', ['list', 'tables', 'inet']);
  const names = [...tables.matchAll(/^table inet (\S+)$/gm)].map(([, one = '']) => one);
  const others: (Routing | undefined)[] = [];
  for (const other of names.filter((one) => one.startsWith(TABLE_PREFIX) && one !== name)) {
    const listed = await run('nft', ['-t', 'list', 'table', 'inet', other]);
    others.push(parseTable(listed.stdout)?.routing);
  }
  return others;
};

/** Whether the kernel would take it; changes nothing. */
export const tryInterception = async (run: Run, wanted: Interception): Promise<void> => {
  await present(run, wanted.name);
  await demand(run, 'nft', ['-c', '-f', '-'], wanted.script);
};

/** All of it or nothing: routing first, since a mark without a route loses packets; then the whole table in one transaction. */
export const applyInterception = async (run: Run, wanted: Interception): Promise<void> => {
  await tryInterception(run, wanted);
  const before = (await present(run, wanted.name))?.routing;
  const others = await routingOfOthers(run, wanted.name);
  try {
    if (wanted.routing !== undefined) await addRouting(run, wanted.routing);
    await demand(run, 'nft', ['-f', '-'], wanted.script);
  } catch (error) {
    if (wanted.routing !== undefined) await removeRouting(run, wanted.routing, [before, ...others]);
    throw error;
  }
  if (before !== undefined) await removeRouting(run, before, [wanted.routing, ...others]);
};

/** By what the table says of itself, so that a changed configuration makes no difference; `configured` is what a killed apply may have left. */
export const removeInterception = async (run: Run, name: string, configured: Routing | undefined): Promise<boolean> => {
  const before = await present(run, name);
  if (before !== undefined) await demand(run, 'nft', ['delete', 'table', 'inet', name]);
  const others = await routingOfOthers(run, name);
  let removed = before !== undefined;
  for (const routing of [before?.routing, configured])
    if (routing !== undefined && (await removeRouting(run, routing, others))) removed = true;
  return removed;
};
