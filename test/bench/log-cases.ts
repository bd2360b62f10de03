/** What the exchange log costs: the same product with it and without it, side by side, in turns so short that the machine is the same for both. */
import { readFileSync } from 'node:fs';
import { startTransvisor, type Transvisor } from '../peers/transvisor.ts';
import { atLeast, type Figure, median } from './figures.ts';
import { openRaw, type RawHttp } from './raw-http.ts';
import { currentTime, openSession, soapBody } from './vim-session.ts';

const CONNECTIONS = 16;
const TURN_MS = 2000;
/** An even number; that of programs counts more, for one is up to a tenth faster than another that is the same. */
const TURNS = 2;
const WARM_MS = 1500;
/** Before each turn, not counted: what may be told at once after a rest is told then, and full load is what comes after. */
const LEAD_MS = 500;
/** Of the throughput without a log. */
const TARGET = 0.95;
/** Exchanges. */
const KEPT = { on: 10_000, off: 0 } as const;
const VMS = 200;

interface Side {
  readonly product: Transvisor;
  readonly clients: readonly RawHttp[];
  /** The hot calls by name: one that the agent answers, one that the server answers. */
  readonly calls: Readonly<Record<string, string>>;
}

const startSide = async (exchanges: number): Promise<Side> => {
  const product = await startTransvisor({
    host: `sim:///default?vms=${VMS}`,
    options: ['--plain', 'vim25'],
    config: `[admin]\nexchanges = ${exchanges}\n`,
  });
  const session = await openSession(product);
  const [moid = ''] = [...(await session.machines()).values()];
  const spec = `<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>runtime.powerState</pathSet><pathSet>config.hardware</pathSet></propSet><objectSet><obj type="VirtualMachine">${moid}</obj></objectSet></specSet><options/>`;
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => openRaw(product.url, session.http.cookie)),
  );
  session.close();
  return {
    product,
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

const turn = async ({ product, clients, calls }: Side, name: string, ms: number): Promise<Turn> => {
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
  const begun = cpuSeconds(product.pid());
  const count = await press(performance.now() + ms);
  return { perSecond: count / (ms / 1000), perCpuSecond: count / (cpuSeconds(product.pid()) - begun) };
};

const kept = async ({ product: { admin } }: Side): Promise<number> => {
  const answer = await fetch(`${admin.url}/api/v1/exchanges?limit=500`, {
    headers: { authorization: `Bearer ${admin.token}` },
  });
  return ((await answer.json()) as { items: unknown[] }).items.length;
};

const NAMES = ['CurrentTime', 'RetrievePropertiesEx'] as const;
type Figures = Record<(typeof NAMES)[number], Turn>;

/** Fresh programs each time: how well one runs is decided in its first second, and stays so. */
const pair = async (first: 'on' | 'off'): Promise<{ on: Figures; off: Figures }> => {
  const early = await startSide(KEPT[first]);
  const late = await startSide(KEPT[first === 'on' ? 'off' : 'on']);
  const [on, off] = first === 'on' ? [early, late] : [late, early];
  const sides = { on, off };
  try {
    const measured = async (name: (typeof NAMES)[number]): Promise<{ on: Turn; off: Turn }> => {
      for (const side of ['on', 'off'] as const) await turn(sides[side], name, WARM_MS);
      const turns = { on: [] as Turn[], off: [] as Turn[] };
      for (let at = 0; at < TURNS; at++)
        // Neither is always the one that comes after the other.
        for (const side of at % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const))
          turns[side].push(await turn(sides[side], name, TURN_MS));
      const middle = (side: 'on' | 'off'): Turn => ({
        perSecond: median(turns[side].map(({ perSecond }) => perSecond)),
        perCpuSecond: median(turns[side].map(({ perCpuSecond }) => perCpuSecond)),
      });
      return { on: middle('on'), off: middle('off') };
    };
    const CurrentTime = await measured('CurrentTime');
    const RetrievePropertiesEx = await measured('RetrievePropertiesEx');
    if ((await kept(on)) < 500 || (await kept(off)) > 0) throw new Error('the logs are not as they were configured');
    return {
      on: { CurrentTime: CurrentTime.on, RetrievePropertiesEx: RetrievePropertiesEx.on },
      off: { CurrentTime: CurrentTime.off, RetrievePropertiesEx: RetrievePropertiesEx.off },
    };
  } finally {
    for (const { product, clients } of [on, off]) {
      for (const client of clients) client.close();
      await product[Symbol.asyncDispose]();
    }
  }
};

/**
 * Of two programs that are the same the one that was started first costs up to a tenth more: each round has both orders, and its ratio
 * is the geometric mean of the two.
 */
export const logFigures = async (rounds: number): Promise<Figure[]> => {
  const pairs: Awaited<ReturnType<typeof pair>>[] = [];
  for (let round = 0; round < rounds; round++) pairs.push(await pair('on'), await pair('off'));
  return NAMES.map((name) => {
    const of = (side: 'on' | 'off', figure: keyof Turn): number => median(pairs.map((one) => one[side][name][figure]));
    const text = (side: 'on' | 'off'): string =>
      `${Math.round(of(side, 'perCpuSecond')).toLocaleString('en')} requests a CPU second (${Math.round(of(side, 'perSecond')).toLocaleString('en')} a second)`;
    const each = pairs.map(({ on, off }) => on[name].perCpuSecond / off[name].perCpuSecond);
    const ratios = Array.from({ length: rounds }, (_, round) =>
      Math.sqrt((each[2 * round] ?? 0) * (each[2 * round + 1] ?? 0)),
    );
    return atLeast(
      `${name} with the exchange log, beside the same without (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} in ${rounds} rounds)`,
      text('on'),
      text('off'),
      median(ratios),
      TARGET,
    );
  });
};
