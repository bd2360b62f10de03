/** Servers that share a world, and agents on links of their own, which come again when their link ends. */

import { systemClock } from '../../../runtime/clock.ts';
import { type Channel, openLink, UNLIMITED } from '../../../runtime/link.ts';
import { memoryPair } from '../../../runtime/link-memory.ts';
import { silentLog } from '../../../runtime/log.ts';
import type { AgentApi, Exchange, ServerApi, ServerHello } from '../../../runtime/protocol.ts';
import { type Member, openMember } from '../../../transform-server/cells/member.ts';
import { platform, type RecordingAgent, recordingAgent, transformer } from '../composed.ts';
import { vm } from '../memory.ts';
import type { createWorld, SharedServer } from './world.ts';

export interface TestServer {
  readonly name: string;
  readonly member: Member;
  readonly state: SharedServer;
  accept(channel: Channel): void;
  relay: Member['relay'];
  /** As kill -9. */
  kill(): void;
}

export const createServers = (world: ReturnType<typeof createWorld>) => {
  const servers = new Map<string, TestServer>();
  const open = async (name: string, hostAgents: Readonly<Record<string, string>> = {}): Promise<TestServer> => {
    const state = world.join(name);
    const channels = new Set<Channel>();
    const member = await openMember({
      state,
      platforms: { invented: async () => platform },
      clock: systemClock,
      log: silentLog,
      transformer,
      hostAgents,
      storeAwayMs: 100,
      dial: async (owner, from) => {
        const other = servers.get(owner.address);
        if (other === undefined) throw new Error('connection refused');
        const pair = memoryPair();
        channels.add(pair.left);
        other.relay(pair.right, from);
        return pair.left;
      },
    });
    const server: TestServer = {
      name,
      member,
      state,
      accept: (channel) => {
        channels.add(channel);
        let left = (): void => {};
        const link = openLink<AgentApi>(
          (agent) => {
            const attached = member.attach(agent, undefined, (why) => channel.close(why));
            left = attached.left;
            return attached.api;
          },
          channel,
          { log: silentLog, unlimited: UNLIMITED },
        );
        void link.closed.then(() => left());
      },
      relay: (channel, from) => {
        channels.add(channel);
        member.relay(channel, from);
      },
      kill: () => {
        servers.delete(name);
        state.die();
        for (const channel of channels) channel.close('killed');
      },
    };
    servers.set(name, server);
    return server;
  };
  return {
    open,
    close: async () => {
      for (const { member } of servers.values()) await member.close();
    },
  };
};

export interface TestAgent extends RecordingAgent {
  readonly api: ServerApi;
  readonly hello: ServerHello;
  /** Greetings that were answered. */
  readonly greetings: number;
  readonly held: number;
  readonly parked: string[];
  /** Moves its link to another server, as soon as the one it has ends. */
  to(server: TestServer): void;
  cut(): void;
  login(host?: string): Promise<string>;
  exchange(session: string, method: string, args?: Record<string, unknown>, host?: string): Exchange;
  list(): Promise<void>;
  up(): Promise<void>;
}

let serial = 0;

/** Front `f-HOST` on each of its hosts. */
export const connectAgent = async (name: string, hosts: readonly string[], first: TestServer): Promise<TestAgent> => {
  let server = first;
  let api: ServerApi | undefined;
  let hello: ServerHello | undefined;
  let current: Channel | undefined;
  let greetings = 0;
  let held = 0;
  const parked: string[] = [];
  const recording = recordingAgent();
  const own: AgentApi = {
    ...recording,
    holdCalls: async () => {
      held += 1;
    },
    parkCalls: async (exchanges) => void parked.push(...exchanges),
  };
  const list = async (): Promise<void> => {
    for (const [host, { id, epoch }] of Object.entries(hello?.hosts ?? {})) {
      await api?.list(id, epoch, [vm(`${host}-1`, `alpha-${host}`), vm(`${host}-2`, `beta-${host}`)], false);
      await api?.list(id, epoch, [], true);
      await api?.hostState(id, epoch, { connected: true, text: '' });
    }
  };
  const dial = (): void => {
    const pair = memoryPair();
    current = pair.left;
    const link = openLink<ServerApi>(own, pair.left, { log: silentLog, unlimited: UNLIMITED });
    server.accept(pair.right);
    void link.closed.then(() => {
      api = undefined;
      setTimeout(dial, 5);
    });
    const greet = async (): Promise<void> => {
      hello = await link.remote.hello({
        version: 1,
        agent: name,
        hosts: hosts.map((host) => ({ name: host, platform: 'invented', uri: 'x:' })),
        fronts: hosts.map((host) => ({
          ...{ name: `f-${host}`, platform: 'invented', host, port: 1 },
          ...{ certificate: '', options: {} },
        })),
      });
      api = link.remote;
      await list();
      greetings += 1;
    };
    greet().catch(() => setTimeout(() => current === pair.left && current.close('again'), 50));
  };
  dial();
  const present = (): ServerApi => {
    if (api === undefined) throw new Error('the server is away');
    return api;
  };
  const agent: TestAgent = {
    ...recording,
    get api() {
      return present();
    },
    get hello() {
      if (hello === undefined) throw new Error('it was never greeted');
      return hello;
    },
    get greetings() {
      return greetings;
    },
    get held() {
      return held;
    },
    parked,
    to: (next: TestServer) => {
      server = next;
    },
    cut: () => current?.close('cut'),
    login: async (host = hosts[0]) =>
      (
        await present().login({
          ...{ front: `f-${host}`, user: 'u', fullName: '', role: 'administrator' as const },
          ...{ address: '::1', userAgent: '', locale: '' },
        })
      ).id,
    exchange: (session: string, method: string, args: Record<string, unknown> = {}, host = hosts[0]) => ({
      exchange: `${name}-${++serial}`,
      front: `f-${host}`,
      session,
      address: '::1',
      call: { method, target: { type: 'Thing', id: '' }, args, version: '', operation: '' },
    }),
    list,
    up: async () => {
      const before = greetings;
      for (let n = 0; n < 2000 && greetings === before; n++) await new Promise((resolve) => setTimeout(resolve, 5));
      if (greetings === before) throw new Error(`${name} was not greeted again`);
    },
  };
  for (let n = 0; n < 2000 && greetings === 0; n++) await new Promise((resolve) => setTimeout(resolve, 5));
  if (greetings === 0) throw new Error(`${name} was not greeted`);
  return agent;
};
