/** Central commands a second through one server with its state in a directory, one on Redis, and two on Redis, in turn and on the same load; prints a table. */
import { parseArgs } from 'node:util';
import { DURABLE, startRedis, startReplica } from '../peers/redis.ts';
import { type ServersSetting, startServers } from '../peers/servers.ts';
import { median, quantile } from './figures.ts';
import { openSession } from './vim-session.ts';

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '2' },
    /** Machines of each host that are changed side by side. */
    machines: { type: 'string', default: '8' },
  },
});
const HOSTS = 2;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Commands that ended, and how long each took. */
const load = async (
  servers: number,
  setting: ServersSetting,
): Promise<{ perSecond: number; took: readonly number[] }> => {
  await using estate = await startServers(setting);
  const names = Array.from({ length: servers }, (_, n) => `server-${n + 1}`);
  for (const name of names) await estate.server(name);
  const took: number[] = [];
  let over = false;
  const workers: Promise<void>[] = [];
  for (let n = 0; n < HOSTS; n += 1) {
    const home = names[n % names.length] ?? '';
    const agent = await estate.agent(`agent-${n + 1}`, {
      hosts: [`bench-${n + 1}=sim:///bench-${n + 1}?vms=${flags.machines}`],
      options: ['--plain', 'vim25'],
      servers: [home, ...names.filter((name) => name !== home)],
    });
    const reader = await openSession(agent.front('vim25'));
    const machines = [...(await reader.machines()).values()];
    reader.close();
    for (const moid of machines) {
      const session = await openSession(agent.front('vim25'));
      workers.push(
        (async () => {
          for (let turn = 0; !over; turn += 1) {
            const from = performance.now();
            await session.run('ReconfigVM_Task', moid, `<spec><annotation>turn ${turn}</annotation></spec>`);
            took.push(performance.now() - from);
          }
          session.close();
        })(),
      );
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 3000));
  took.length = 0;
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, Number(flags.seconds) * 1000));
  const perSecond = took.length / ((performance.now() - from) / 1000);
  over = true;
  await Promise.all(workers);
  return { perSecond, took };
};

const withReplica = async (): Promise<ServersSetting> => {
  const server = await startRedis({ args: DURABLE });
  const replica = await startReplica(server);
  const ends = {
    ...server,
    [Symbol.asyncDispose]: async () => {
      await replica[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
  return { redis: { server: ends, config: `url = "${server.url}"\nwaitReplicas = 1` } };
};

const SETTINGS: readonly [name: string, servers: number, setting: () => Promise<ServersSetting>][] = [
  ['one server, embedded store', 1, async () => ({ embedded: true })],
  ['one server on Redis (appendfsync always)', 1, async () => ({})],
  ['one server on Redis with a replica (WAIT 1)', 1, withReplica],
  ['two servers on Redis (appendfsync always)', 2, async () => ({})],
];
const found = new Map<string, number[]>();
for (let round = 0; round < Number(flags.rounds); round += 1)
  for (const [name, servers, setting] of SETTINGS) {
    const { perSecond, took } = await load(servers, await setting());
    found.set(name, [...(found.get(name) ?? []), perSecond]);
    say(
      `${name}: ${perSecond.toFixed(0)} commands/s, median ${median(took).toFixed(0)} ms, p99 ${quantile(took, 0.99).toFixed(0)} ms`,
    );
  }
const base = median(found.get(SETTINGS[0]?.[0] ?? '') ?? []);
say(
  `\n| ReconfigVM_Task on ${HOSTS} hosts, ${flags.machines} machines each at a time | commands/s | beside the embedded store |\n|---|---|---|`,
);
for (const [name, rates] of found)
  say(`| ${name} | ${median(rates).toFixed(0)} | ${(median(rates) / base).toFixed(2)} times |`);
