/** What the exchange log costs: two products in one program, with it and without it, pressed in turns so short that the machine is the same for both. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../peers/launch.ts';
import { atLeast, type Figure, median, standardError } from './figures.ts';
import { openRaw, type RawHttp } from './raw-http.ts';
import { currentTime, openSession, soapBody } from './vim-session.ts';

const ON_NODE = fileURLToPath(new URL('../../scripts/on-node', import.meta.url));
/** Of Node, as the product runs. */
const FLAGS =
  readFileSync(new URL('../../transvisor', import.meta.url), 'utf8').match(/--[a-z-]+(=[\w]+)?(?= )/g) ?? [];
const TWINS = fileURLToPath(new URL('log-twins.ts', import.meta.url));
const PASSWORD = 'pass-for-bench';
const CONNECTIONS = 16;
const TURN_MS = 500;
/** An even number: neither side is more often the one that comes after the other. */
const TURNS = 40;
const WARM_MS = 2500;
/** Before each turn, not counted: what may be told at once after a rest is told then, and full load is what comes after. */
const LEAD_MS = 100;
/** Of the throughput without a log. */
const TARGET = 0.95;

interface Ready {
  readonly vim25: { readonly url: string };
  readonly admin: { readonly url: string; readonly token: string };
}

interface Side {
  readonly ready: Ready;
  readonly clients: readonly RawHttp[];
  /** The hot calls by name: one that the agent answers, one that the server answers. */
  readonly calls: Readonly<Record<string, string>>;
}

const pressOn = async (ready: Ready): Promise<Side> => {
  const { url } = ready.vim25;
  const session = await openSession({ url, user: 'root', password: PASSWORD });
  const [moid = ''] = [...(await session.machines()).values()];
  const spec = `<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>runtime.powerState</pathSet><pathSet>config.hardware</pathSet></propSet><objectSet><obj type="VirtualMachine">${moid}</obj></objectSet></specSet><options/>`;
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => openRaw(url, session.http.cookie)));
  session.close();
  return {
    ready,
    clients,
    calls: {
      CurrentTime: currentTime,
      RetrievePropertiesEx: soapBody(
        'RetrievePropertiesEx',
        'PropertyCollector',
        session.manager('propertyCollector'),
        spec,
      ),
    },
  };
};

/** Of all threads of the program; a second has a hundred ticks. */
const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

interface Turn {
  readonly perSecond: number;
  /** What a program that has a whole core would answer in a second: others on this machine do not count. */
  readonly perCpuSecond: number;
}

const turn = async ({ clients, calls }: Side, pid: number, name: string, ms: number): Promise<Turn> => {
  const press = async (until: number): Promise<number> => {
    const counts = await Promise.all(
      clients.map(async (client) => {
        let count = 0;
        for (; performance.now() < until; count += 1) {
          const { status } = await client.post(calls[name] ?? '');
          if (status !== 200) throw new Error(`${name} answered ${status}`);
        }
        return count;
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };
  await press(performance.now() + LEAD_MS);
  const begun = cpuSeconds(pid);
  const count = await press(performance.now() + ms);
  return { perSecond: count / (ms / 1000), perCpuSecond: count / (cpuSeconds(pid) - begun) };
};

const kept = async ({ ready: { admin } }: Side): Promise<number> => {
  const answer = await fetch(`${admin.url}/api/v1/exchanges?limit=500`, {
    headers: { authorization: `Bearer ${admin.token}` },
  });
  return ((await answer.json()) as { items: unknown[] }).items.length;
};

const NAMES = ['CurrentTime', 'RetrievePropertiesEx'] as const;
type Name = (typeof NAMES)[number];
/** Each with the log and without it, one right after the other. */
type Pairs = readonly { readonly on: Turn; readonly off: Turn }[];

/** A fresh program each time: how well one runs is decided in its first second, and stays so. */
const round = async (first: 'on' | 'off'): Promise<Record<Name, Pairs>> => {
  const folder = mkdtempSync(join(tmpdir(), 'tv-twins-'));
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  const args = ['node', ...FLAGS, TWINS, '--folder', folder, '--password-file', passwordFile, '--first', first];
  const program = await launch(ON_NODE, args, join(folder, 'twins'));
  const ready = program.ready as Record<'on' | 'off', Ready>;
  const sides = { on: await pressOn(ready.on), off: await pressOn(ready.off) };
  try {
    const measured = async (name: Name): Promise<Pairs> => {
      const pairs: { on: Turn; off: Turn }[] = [];
      const press = (side: 'on' | 'off', ms: number): Promise<Turn> => turn(sides[side], program.pid, name, ms);
      for (const side of ['on', 'off'] as const) await press(side, WARM_MS);
      for (let at = 0; at < TURNS; at += 2) {
        const on = await press('on', TURN_MS);
        pairs.push({ on, off: await press('off', TURN_MS) });
        const off = await press('off', TURN_MS);
        pairs.push({ on: await press('on', TURN_MS), off });
      }
      return pairs;
    };
    const all = {
      CurrentTime: await measured('CurrentTime'),
      RetrievePropertiesEx: await measured('RetrievePropertiesEx'),
    };
    if ((await kept(sides.on)) < 500 || (await kept(sides.off)) > 0)
      throw new Error('the logs are not as they were configured');
    return all;
  } finally {
    for (const { clients } of Object.values(sides)) for (const client of clients) client.close();
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};

/**
 * In one program, for two that are the same differ by up to a tenth, whichever has the log. What the log holds is in the heap for both:
 * the collections that it makes longer are shared, those that it causes are not.
 */
export const logFigures = async (rounds: number): Promise<Figure[]> => {
  const all: Awaited<ReturnType<typeof round>>[] = [];
  for (let n = 0; n < rounds; n++) all.push(await round(n % 2 === 0 ? 'on' : 'off'));
  return NAMES.map((name) => {
    const pairs = all.flatMap((one) => one[name]);
    const of = (side: 'on' | 'off', figure: keyof Turn): string =>
      Math.round(median(pairs.map((one) => one[side][figure]))).toLocaleString('en');
    const text = (side: 'on' | 'off'): string =>
      `${of(side, 'perCpuSecond')} requests a CPU second (${of(side, 'perSecond')} a second)`;
    const ratioOf = (some: Pairs): number => median(some.map(({ on, off }) => on.perCpuSecond / off.perCpuSecond));
    const ratios = all.map((one) => ratioOf(one[name]));
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} in ${rounds} rounds`;
    return atLeast(
      `${name} with the exchange log, beside the same without (${spread}, standard error ${standardError(ratios).toFixed(2)})`,
      text('on'),
      text('off'),
      ratioOf(pairs),
      TARGET,
    );
  });
};
