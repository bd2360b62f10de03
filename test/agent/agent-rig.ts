/** The agent of the tests: on real sockets, with a platform made for tests, an embedded host, and a scripted server behind the serialising link. */
import { Agent as HttpAgent, type IncomingMessage, request } from 'node:http';
import { afterEach, beforeEach } from 'vitest';
import { type Agent, startAgent } from '../../agent/agent.ts';
import type { Role, Session } from '../../mappings/generic/call.ts';
import { done } from '../../mappings/generic/faults.ts';
import { type HubId, hubId } from '../../mappings/generic/ids.ts';
import type { NativeChange } from '../../mappings/generic/native.ts';
import type { StreamTarget } from '../../mappings/generic/platform.ts';
import { type Account, createAccounts, hashPassword } from '../../runtime/accounts.ts';
import { systemClock } from '../../runtime/clock.ts';
import { openLink, UNLIMITED } from '../../runtime/link.ts';
import { type MemoryPair, memoryPair } from '../../runtime/link-memory.ts';
import { silentLog } from '../../runtime/log.ts';
import type { AgentApi, Exchange, OutboxEntry, ServerApi } from '../../runtime/protocol.ts';
import { temporaryFolder } from '../temporary.ts';
import { createFakeHost, type FakeHost, fakeFront, fakePlatform } from './fake-platform.ts';

export const HOST = hubId('host', 1);
export const VM1 = hubId('vm', 11);

interface Scripted {
  readonly pair: MemoryPair;
  readonly api: AgentApi;
}

export let host: FakeHost;
export let agent: Agent;
export let port: number;
export let link: Scripted;
let accounts: Account[];
export const sessions = new Map<string, Session>();
export const outbox: OutboxEntry[] = [];
export const changes: NativeChange[] = [];
export const hungUp: string[] = [];
export const failedLogins: string[] = [];
/** What the server does with a call, by method. */
export const script = new Map<string, (exchange: Exchange, api: AgentApi) => ReturnType<ServerApi['call']>>();
let serial = 0;
/** What the server says of leases, epochs and streams; a test sets it, each begins with the same. */
export const scene: {
  leased: boolean;
  epoch: number;
  target: StreamTarget | undefined;
  jobs: readonly HubId[] | undefined;
  /** What agents did by themselves is taken then. */
  taken: Promise<void> | undefined;
} = {
  leased: true,
  epoch: 1,
  target: undefined,
  jobs: undefined,
  taken: undefined,
};

const attach = (): Scripted => {
  const pair = memoryPair();
  let api: AgentApi | undefined;
  const functions = (remote: AgentApi): ServerApi => {
    api = remote;
    const answers: Partial<ServerApi> = {
      hello: async (hello) => ({
        version: 1,
        hosts: { h: { id: HOST, epoch: scene.epoch, ...(scene.jobs && { jobs: scene.jobs }) } },
        fronts: Object.fromEntries(
          hello.fronts.map((front) => [
            front.name,
            {
              name: front.name,
              platform: 'fake',
              host: HOST,
              hostName: 'h',
              uuid: 'u',
              certificate: '',
              port: front.port,
              options: {},
            },
          ]),
        ),
        exchanges: `link${++serial}`,
        sessionKey: new Uint8Array(32).fill(7),
        jobIds: { from: 1000 * ++serial, to: 1000 * serial + 500 },
      }),
      list: async () => {},
      hostState: async () => {},
      changes: async (_, __, list) => void changes.push(...list),
      login: async (login) => {
        const session: Session = {
          ...login,
          id: `s${++serial}`,
          key: `k${serial}`,
          createdMs: 1,
          lastActiveMs: 1,
          calls: 0,
        };
        sessions.set(session.id, session);
        return session;
      },
      session: async (id) => sessions.get(id),
      logout: async (id) => void sessions.delete(id),
      touch: async () => {},
      loginFailed: async (failed) => void failedLogins.push(failed.user),
      call: async (exchange) =>
        (script.get(exchange.call.method) ?? (async () => ({ kind: 'value', value: 'from the server' })))(
          exchange,
          remote,
        ),
      hangUp: async (exchange) => void hungUp.push(exchange),
      stream: async () =>
        scene.target === undefined
          ? { ok: false, fault: { kind: 'not-found', members: {}, text: '' } }
          : done({ ...scene.target, host: HOST }),
      outbox: async (_, entries) => {
        await scene.taken;
        outbox.push(...entries);
        return { through: entries.at(-1)?.seq ?? 0 };
      },
      jobIds: async () => ({ from: 1000 * ++serial, to: 1000 * serial + 500 }),
      lease: async (_, vm) =>
        scene.leased ? { vm, host: HOST, native: 'u1', name: 'one', template: false, epoch: scene.epoch } : undefined,
      hops: async () => {},
      counted: async () => {},
    };
    return answers as ServerApi;
  };
  openLink<AgentApi>(functions, pair.right, { log: silentLog, unlimited: UNLIMITED });
  agent.attach(pair.left);
  if (api === undefined) throw new Error('no link');
  return { pair, api };
};

const keepAlive = new HttpAgent({ keepAlive: true, maxSockets: 8 });
interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
export const http = (
  method: string,
  path: string,
  body: string | Buffer = '',
  headers: Record<string, string> = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        agent: keepAlive,
        headers: { 'content-length': Buffer.byteLength(body), ...headers },
      },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('aborted', () => reject(new Error('aborted')));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
export const call = async (
  method: string,
  args: Record<string, unknown> = {},
  cookie = '',
  id: string = VM1,
): Promise<Answer & { json: { value?: unknown; fault?: string } }> => {
  const answer = await http(
    'POST',
    '/api',
    JSON.stringify({ method, target: { type: 'Vm', id }, args }),
    cookie === '' ? {} : { cookie },
  );
  return { ...answer, json: JSON.parse(answer.body.toString()) as { value?: unknown; fault?: string } };
};
export const login = async (user: string, password = 'right'): Promise<string> => {
  const answer = await call('Login', { user, password });
  return String(answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
};

const hash = await hashPassword('right');
beforeEach(async () => {
  const roles: Record<string, Role> = { root: 'administrator', op: 'operator', ro: 'read-only' };
  accounts = Object.entries(roles).map(([name, role]) => ({ name, role, fullName: '', hash }));
  for (const list of [outbox, changes, hungUp, failedLogins]) list.length = 0;
  for (const map of [sessions, script]) map.clear();
  Object.assign(scene, { leased: true, epoch: 1, target: undefined, jobs: undefined, taken: undefined });
  host = createFakeHost();
  agent = await startAgent({
    name: 'a',
    state: temporaryFolder(),
    hosts: [{ name: 'h', platform: 'fake', uri: 'fake:///', driver: host.driver, dialer: host.dialer }],
    fronts: [
      {
        name: 'f',
        platform: fakePlatform,
        front: fakeFront,
        host: 'h',
        listen: '127.0.0.1',
        port: 0,
        tls: undefined,
        options: {},
      },
    ],
    accounts: createAccounts(accounts),
    clock: systemClock,
    log: silentLog,
  });
  port = agent.fronts[0]?.port ?? 0;
  link = attach();
  await agent.ready;
});
afterEach(() => agent.close());

/** The server is back, or another one. */
export const relink = (): void => {
  link = attach();
};
