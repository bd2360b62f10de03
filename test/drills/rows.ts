/** The faults under load that the table has a row for: how each is brought about and mended, and what the documentation promises of it. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DURABLE, type RedisServer, startRedis, startReplica, startSentinels, until } from '../peers/redis.ts';
import type { ServersSetting } from '../peers/servers.ts';
import { clockProgram, timeOf } from './clock.ts';
import { openEmbedded, openTwoServers, type TwoServers } from './estate.ts';
import { cutPort, fillDisk, mountSmallDisk } from './ground.ts';
import type { Ground, Opened, Row } from './row.ts';

/** How long what was killed stays away: whoever looks after it starts it again. */
const AWAY_MS = 2000;
/** A server's right to a host's cell, and some more. */
const BEYOND_CLAIM_MS = 15_000;
const CUT_MS = 30_000;
const FULL_MS = 5000;
const DISK_BYTES = 192 * 1024 * 1024;
const HOUR_S = 3600;

type Strikes = (estate: TwoServers) => Opened['strikes'];

const onRedis = async ({ hosts, program }: Ground, strikes: Strikes, setting: ServersSetting = {}): Promise<Opened> => {
  const estate = await openTwoServers(hosts, { program, ...setting });
  return { estate, strikes: strikes(estate) };
};

const eachServer =
  (strike: (estate: TwoServers, name: 'a' | 'b') => Promise<void>): Strikes =>
  (estate) =>
    (['a', 'b'] as const).map((name) => () => strike(estate, name));

const restart = async (estate: TwoServers, name: 'a' | 'b'): Promise<void> => {
  const code = await estate.server(name).stop();
  if (code !== 0) throw new Error(`the server ${name} ended with ${code}`);
  await sleep(AWAY_MS);
  await estate.startServer(name);
};

const killRedis =
  ({ servers: { redis } }: TwoServers, awayMs: number) =>
  async (): Promise<void> => {
    await redis.kill();
    await sleep(awayMs);
    await redis.start();
  };

const serverKill: Row = {
  name: 'server-kill',
  fault: 'kill -9 of a server, then of the other one, each started again after 2 s',
  promised:
    'host-communication faults, at once, until its claim ends (10 s); plans are brought to their end; sessions and ids stay',
  hosts: 2,
  open: (ground) =>
    onRedis(
      ground,
      eachServer(async (estate, name) => {
        await estate.server(name).kill9();
        await sleep(AWAY_MS);
        await estate.startServer(name);
      }),
    ),
};

const agentKill: Row = {
  name: 'agent-kill',
  fault: 'kill -9 of the agent of each host, started again after 2 s',
  promised: 'connections end; clients connect again with the session they have; plans are brought to their end',
  hosts: 2,
  breaks: true,
  open: (ground) =>
    onRedis(ground, (estate) =>
      ground.hosts.map((host) => async () => {
        await estate.agent(host).kill9();
        await sleep(AWAY_MS);
        await estate.startAgent(host);
      }),
    ),
};

const libvirtdKill: Row = {
  name: 'libvirtd-kill',
  fault: 'kill -9 of libvirtd on each host, started again after 2 s',
  promised:
    'the inventory stays readable; commands get the fault at once, or in their task; what was in doubt is probed; same ids',
  hosts: 2,
  open: (ground) =>
    onRedis(ground, () =>
      ground.hosts.map((host) => async () => {
        await host.kill9();
        await sleep(AWAY_MS);
        await host.libvirtd.restart();
      }),
    ),
};

const redisKill: Row = {
  name: 'redis-kill',
  fault:
    'kill -9 of Redis, back after 2 s; and again, back after 15 s, which is longer than a claim; then both servers are restarted',
  promised: 'the fault, at once; direct commands go on; nothing that was acknowledged is lost (appendfsync always)',
  hosts: 2,
  open: (ground) =>
    onRedis(ground, (estate) => [
      killRedis(estate, AWAY_MS),
      killRedis(estate, BEYOND_CLAIM_MS),
      // What lies half done in the journal shows itself now.
      ...eachServer(restart)(estate),
    ]),
};

const linkCut: Row = {
  name: 'link-cut',
  fault: 'the port of the link of one of two servers (TLS) is dropped by nftables for 30 s, silently',
  promised:
    'reads wait until the link counts as lost (15 to 20 s), then the fault, at once; all goes on when it is back',
  hosts: 2,
  open: (ground) =>
    onRedis(
      ground,
      (estate) => [
        async () => {
          const { link } = estate.server('a').ready as { link: string };
          await using _cut = await cutPort(Number(link.slice(link.lastIndexOf(':') + 1)));
          await sleep(CUT_MS);
        },
      ],
      { tls: true },
    ),
};

const redisDisk: Row = {
  name: 'redis-disk-full',
  fault:
    'the disk of Redis is full for 5 s: it ends itself (appendfsync always), and is started again when there is room',
  promised: 'as while Redis is away: the fault, at once; nothing that was acknowledged is lost',
  hosts: 2,
  open: async (ground) => {
    const folder = join(ground.folder, 'redis');
    mkdirSync(folder);
    const disk = await mountSmallDisk(folder, DISK_BYTES);
    const server = await startRedis({ args: [...DURABLE, '--dir', folder] });
    const redis = { server, config: `url = "${server.url}"` };
    const strike = async (): Promise<void> => {
      const filler = fillDisk(folder);
      await sleep(FULL_MS);
      rmSync(filler);
      if (
        await server.cli('ping').then(
          () => false,
          () => true,
        )
      ) {
        await server.kill();
        await server.start();
      }
    };
    const opened = await onRedis(ground, () => [strike, strike], { redis });
    return { ...opened, close: async () => disk[Symbol.asyncDispose]() };
  },
};

const storeDisk: Row = {
  name: 'store-disk-full',
  fault: 'the disk of the state directory of one program with its own store is full for 5 s, twice',
  promised: 'the program ends rather than go on with what is not on disk, and is started again: as kill -9 of it',
  hosts: 1,
  breaks: true,
  open: async (ground) => {
    const [host] = ground.hosts;
    if (host === undefined) throw new Error('there is no host');
    const state = join(ground.folder, 'state');
    mkdirSync(state);
    const disk = await mountSmallDisk(state, DISK_BYTES);
    const estate = await openEmbedded(host, { program: ground.program, state });
    const strike = async (): Promise<void> => {
      const filler = fillDisk(state);
      await sleep(FULL_MS);
      rmSync(filler);
      if (!estate.product.alive()) await estate.product.restart();
    };
    return { estate, strikes: [strike, strike], close: async () => disk[Symbol.asyncDispose]() };
  },
};

const clockStep: Row = {
  name: 'clock-step',
  fault:
    'the clock of one server steps an hour ahead, that of its agent an hour back, then an hour ahead, then both back again (faketime)',
  promised: 'nothing: claims, limits and waits go by steady time',
  hosts: 2,
  unnoticed: true,
  open: async (ground) => {
    const { program, step } = clockProgram(ground.folder, ground.program);
    return onRedis({ ...ground, program }, (estate) => {
      const [host] = ground.hosts;
      const { admin } = estate.server('a').ready as { admin: { url: string } };
      // Whatever is asked, HTTP says the time of who answers.
      const address = { a: admin.url, 'agent-kvm-1': host === undefined ? '' : estate.front(host, 'vim25').url };
      const set = async (name: keyof typeof address, seconds: number): Promise<void> => {
        step(name, seconds);
        const says = async (): Promise<boolean> =>
          Math.abs((await timeOf(address[name])) - Date.now() - seconds * 1000) < 60_000;
        await until(`the clock of ${name} is another one`, says);
        await sleep(AWAY_MS);
      };
      return [
        () => set('a', HOUR_S),
        () => set('agent-kvm-1', -HOUR_S),
        () => set('agent-kvm-1', HOUR_S),
        async () => {
          await set('a', 0);
          await set('agent-kvm-1', 0);
        },
      ];
    });
  },
};

const sentinelFailover: Row = {
  name: 'sentinel-failover',
  fault:
    'kill -9 of the master of Redis under three Sentinels with two replicas (waitReplicas = 1), which comes back as a replica; then a failover by command',
  promised:
    'the fault, at once, until a replica is the master; what was acknowledged is there, or put there again; the same ids',
  hosts: 2,
  open: async (ground) => {
    const servers: RedisServer[] = [];
    const add = (...more: readonly RedisServer[]): void => void servers.push(...more);
    const close = async (): Promise<void> => {
      await Promise.all(servers.map((one) => one.stop()));
    };
    try {
      const master = await startRedis({ args: DURABLE });
      add(master);
      add(await startReplica(master), await startReplica(master));
      const sentinels = await startSentinels('main', master);
      add(...sentinels);
      const [sentinel] = sentinels;
      if (sentinel === undefined) throw new Error('there is no Sentinel');
      const masterPort = async (): Promise<number> =>
        Number((await sentinel.cli('sentinel', 'get-master-addr-by-name', 'main')).split('\n')[1]);
      const failover = async (act: () => Promise<unknown>): Promise<void> => {
        const before = await masterPort();
        await act();
        await until('another master', async () => (await masterPort()) !== before, 60_000);
      };
      const opened = await onRedis(
        ground,
        () => [
          async () => {
            await failover(() => master.kill());
            await master.start();
          },
          () => failover(() => sentinel.cli('sentinel', 'failover', 'main')),
        ],
        {
          redis: {
            server: master,
            config: `sentinels = ${JSON.stringify(sentinels.map(({ url }) => url))}\nname = "main"\nwaitReplicas = 1`,
          },
        },
      );
      return { ...opened, close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

const rollingRestart: Row = {
  name: 'rolling-restart',
  fault: 'SIGTERM of a server and its new start, then of the other one, twice each',
  promised: 'nothing: calls wait a moment, waits are asked again of the server that comes',
  hosts: 2,
  unnoticed: true,
  open: (ground) => {
    const inTurn = eachServer(restart);
    return onRedis(ground, (estate) => [...inTurn(estate), ...inTurn(estate)]);
  },
};

export const ROWS: readonly Row[] = [
  ...[serverKill, agentKill, libvirtdKill, redisKill],
  ...[linkCut, redisDisk, storeDisk, clockStep, sentinelFailover, rollingRestart],
];
