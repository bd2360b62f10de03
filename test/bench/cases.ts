/** The measurements: servers and an estate in, figures out. Every loop is bounded; what warms up is not counted. */
import { readFileSync } from 'node:fs';
import type { Endpoint } from '../peers/clients.ts';
import type { BenchEstate } from './estate.ts';
import { atLeast, atMost, type Figure, median, quantile } from './figures.ts';
import { openRaw } from './raw-http.ts';
import { currentTime, openSession, type VimSession } from './vim-session.ts';

export const residentKiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);

/** Read along with the property in question, in turn, so that no two reads ask the same. */
const BESIDE = ['', 'runtime.powerState', 'overallStatus', 'guest.toolsStatus', 'runtime.host'];
const shareOf = (count: number): number => Math.max(1, Math.round(count / 100));

/** One VM in a hundred gets another annotation: its text, and so its summary and config, are new. */
const change = async (session: VimSession, machines: readonly string[], round: number): Promise<void> => {
  const count = shareOf(machines.length);
  for (let n = 0; n < count; n += 1) {
    const moid = machines[(round * count + n) % machines.length] ?? '';
    await session.run('ReconfigVM_Task', moid, `<spec><annotation>round ${round} of ${n}</annotation></spec>`);
  }
};

export const PROPERTIES = ['name', 'summary', 'config'] as const;

export type Reads = ReadonlyMap<
  string,
  { readonly seconds: readonly number[]; readonly bytes: number; readonly machines: number }
>;

export const readAllMachines = async (endpoint: Endpoint, rounds: number): Promise<Reads> => {
  const session = await openSession(endpoint);
  const machines = [...(await session.machines()).values()];
  const reads = new Map<string, { seconds: number[]; bytes: number; machines: number }>();
  let round = 0;
  for (const property of PROPERTIES) {
    await session.readAll([property]);
    const found = { seconds: [] as number[], bytes: 0, machines: machines.length };
    for (let n = 0; n < rounds; n += 1) {
      await change(session, machines, round);
      round += 1;
      const beside = BESIDE[n % BESIDE.length] ?? '';
      const { seconds, bytes } = await session.readAll(beside === '' ? [property] : [property, beside]);
      found.seconds.push(seconds);
      found.bytes = bytes;
    }
    reads.set(property, found);
  }
  session.close();
  return reads;
};

export const machinesPerSecond = (reads: Reads, property: string): number | undefined => {
  const read = reads.get(property);
  return read && read.machines / median(read.seconds);
};

export const compareReads = (ours: Reads, theirs: Reads): Figure[] =>
  PROPERTIES.map((property) => {
    const a = ours.get(property);
    const b = theirs.get(property);
    if (a === undefined || b === undefined) throw new Error(`${property} was not read`);
    const rate = (read: NonNullable<typeof a>): number => read.machines / median(read.seconds);
    const say = (read: NonNullable<typeof a>): string =>
      `${Math.round(rate(read)).toLocaleString('en')} VMs/s (${(median(read.seconds) * 1000).toFixed(0)} ms, ${(read.bytes / 1e6).toFixed(1)} MB, ${read.machines} VMs)`;
    return atLeast(
      `RetrievePropertiesEx, \`${property}\` of all VMs, 1 % changed`,
      say(a),
      say(b),
      rate(a) / rate(b),
      10,
    );
  });

const CONNECTIONS = 16;

export const currentTimeRate = async (endpoint: Endpoint, seconds: number): Promise<number> => {
  const session = await openSession(endpoint);
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => openRaw(endpoint.url, session.http.cookie)),
  );
  const during = async (ms: number): Promise<number> => {
    const end = performance.now() + ms;
    let count = 0;
    await Promise.all(
      clients.map(async (client) => {
        while (performance.now() < end) {
          const { status } = await client.post(currentTime);
          if (status !== 200) throw new Error(`CurrentTime answered ${status}`);
          count += 1;
        }
      }),
    );
    return count / (ms / 1000);
  };
  await during(1500);
  const rate = await during(seconds * 1000);
  for (const client of clients) client.close();
  session.close();
  return rate;
};

export const compareCurrentTime = (ours: number, theirs: number): Figure =>
  atLeast(
    `CurrentTime at ${CONNECTIONS} connections`,
    `${Math.round(ours)} requests/s`,
    `${Math.round(theirs)} requests/s`,
    ours / theirs,
    2,
  );

/** From the moment the command is sent to the host's own event, by the bare driver and through us, in turn. */
export const directPower = async (endpoint: Endpoint, estate: BenchEstate, pairs: number): Promise<Figure> => {
  const session = await openSession(endpoint);
  const machines = await session.machines();
  const names = estate.names.slice(0, 20);
  const bare: number[] = [];
  const through: number[] = [];
  const answered: number[] = [];
  for (let n = 0; n < pairs; n += 1) {
    const name = names[n % names.length] ?? '';
    const moid = machines.get(`Machine ${n % names.length}`) ?? machines.get(name) ?? '';
    const turn = async (on: boolean, direct: boolean): Promise<void> => {
      const event = estate.nextEvent(name);
      const begun = performance.now();
      if (direct) await estate.power(name, on);
      else {
        const { text, status } = await session.call(on ? 'PowerOnVM_Task' : 'PowerOffVM_Task', 'VirtualMachine', moid);
        if (status !== 200) throw new Error(text.slice(-500));
        if (n >= names.length) answered.push(performance.now() - begun);
      }
      // The first turn of each VM fetches its lease: not counted.
      const took = (await event) - begun;
      if (n >= names.length) (direct ? bare : through).push(took);
      // Let the task of ours end before the next command of the same VM.
      await new Promise((resolve) => setTimeout(resolve, 25));
    };
    const started = estate.isOn(name);
    for (const direct of n % 2 === 0 ? [true, false] : [false, true]) {
      await turn(!started, direct);
      await turn(started, direct);
    }
  }
  session.close();
  const added = median(through) - median(bare);
  return atMost(
    'direct power command, added to the same libvirt call',
    `${median(through).toFixed(2)} ms to the host's event, ${median(answered).toFixed(2)} ms to the answer`,
    `${median(bare).toFixed(2)} ms by the bare driver`,
    added,
    'ms',
    1,
  );
};

export const eventToUpdate = async (endpoint: Endpoint, estate: BenchEstate, samples: number): Promise<Figure> => {
  const session = await openSession(endpoint);
  const waiter = await openSession(endpoint);
  const wait = await waiter.watch(['name', 'runtime.powerState']);
  const late: number[] = [];
  for (let n = 0; n < samples; n += 1) {
    const name = estate.names[(n * 37) % estate.names.length] ?? '';
    const update = wait();
    update.catch(() => {}); // awaited below; an error before that must be the one that is told
    // The wait is at the server before the change happens.
    await new Promise((resolve) => setTimeout(resolve, 15));
    const event = estate.nextEvent(name);
    await estate.power(name, !estate.isOn(name));
    const at = await event;
    const text = await update;
    if (n >= 10) late.push(performance.now() - at);
    if (!text.includes('runtime.powerState')) throw new Error('the update says nothing of the power state');
  }
  session.close();
  waiter.close();
  return atMost(
    `libvirt event to WaitForUpdatesEx answer, ${estate.names.length} VMs, 99th percentile`,
    `median ${median(late).toFixed(1)} ms, p99 ${quantile(late, 0.99).toFixed(1)} ms, ${late.length} samples`,
    '-',
    quantile(late, 0.99),
    'ms',
    20,
  );
};
