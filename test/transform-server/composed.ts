/** A transform server with an invented platform and an agent that records what it is asked. */
import { command } from '../../mappings/generic/commands.ts';
import { formatDocument } from '../../mappings/generic/documents.ts';
import { emptyVm } from '../../mappings/generic/empty-vm.ts';
import { done, type Outcome } from '../../mappings/generic/faults.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Vm } from '../../mappings/generic/model.ts';
import type { NativeChange } from '../../mappings/generic/native.ts';
import type { Brokered, Platform, StreamTarget } from '../../mappings/generic/platform.ts';
import { systemClock } from '../../runtime/clock.ts';
import { type Log, silentLog } from '../../runtime/log.ts';
import type { AgentApi, Exchange, Lease } from '../../runtime/protocol.ts';
import type { Transformer } from '../../transform-server/engine/transformer.ts';
import { createServer } from '../../transform-server/server.ts';
import { scan } from './memory.ts';

const vmNamed = (name: string): Vm => ({
  ...emptyVm(1, 64),
  name,
  nativeName: name,
  powerState: 'running',
  template: name.startsWith('template'),
});

/** Sheets without sheets: the generic document carries the name, the rendered one too. */
export const transformer: Transformer = {
  run: async (work) => {
    if (work.work !== 'generic' && work.work !== 'render') return { ok: true, output: '' };
    const native = work.work === 'generic' ? work.native : 'native' in work.source ? work.source.native : undefined;
    const text =
      native?.parts['text'] ?? (work.work === 'render' && 'generic' in work.source ? work.source.generic.name : '');
    const name = text.split('|')[0] ?? '';
    const generic = native?.kind === 'vm' ? { generic: formatDocument('vm', vmNamed(name)) } : {};
    if (work.work === 'generic') return { ok: true, ...generic };
    return {
      ok: true,
      ...generic,
      members: [
        { type: 'Machine', id: '1', text: name, paths: ['name'], spans: [0, name.length, 0, name.length], types: [''] },
      ],
    };
  },
  close: async () => {},
};

export const METHODS: Record<
  string,
  (
    context: Parameters<NonNullable<Platform['broker']>['call']>[1],
    args: Readonly<Record<string, unknown>>,
    call: Exchange['call'],
  ) => Brokered
> = {
  *names(context) {
    const list = context.store.list('vm');
    yield { effect: 'render', ids: list.map((entry) => entry.id) };
    return { kind: 'value', value: list.map((entry) => context.store.rendered(entry.id)?.[0]?.text) };
  },
  *wait(context, args) {
    const woken = yield {
      effect: 'wait',
      since: context.store.version,
      untilMs: context.now() + Number(args['ms']),
      cancel: 'key',
    };
    return { kind: 'value', value: woken };
  },
  // biome-ignore lint/correctness/useYield: it needs nothing of the server
  *cancel(context) {
    context.cancel('key');
    return { kind: 'value', value: undefined };
  },
  *body(_context, args) {
    for (let n = 0; n < Number(args['pieces']); n++) yield { effect: 'write', text: `${n}é😀`.repeat(100) };
    return { kind: 'body' };
  },
  // biome-ignore lint/correctness/useYield: it needs nothing of the server
  *remember(context, args) {
    context.locals.put('seen', args['what']);
    return { kind: 'value', value: context.locals.list('') };
  },
  // biome-ignore lint/correctness/useYield: it needs nothing of the server
  *rested(context) {
    return { kind: 'value', value: context.own.get('rested', context.front.name) };
  },
  *start(context, _args, call) {
    const job = yield {
      effect: 'run',
      command: command('vm.stop', context.front.host, call.target.id as HubId, {}),
      call,
    };
    return { kind: 'value', value: job };
  },
  *change(context, _args, call) {
    const job = yield {
      effect: 'run',
      command: command('vm.change', context.front.host, call.target.id as HubId, { before: {}, change: {} } as never),
      call,
    };
    return { kind: 'value', value: job };
  },
  // biome-ignore lint/correctness/useYield: it fails before it asks for anything
  *broken() {
    throw new Error('a bug in a broker');
  },
};

export const platform: Platform = {
  name: 'invented',
  title: 'Invented',
  commands: Object.keys(METHODS).map((method) => ({
    method,
    on: 'Thing',
    route: 'broker' as const,
    access: method === 'start' || method === 'change' ? ('operate' as const) : ('read' as const),
  })),
  sheets: { toGeneric: {}, fromGeneric: { vm: new URL('./engine/sheets/from-generic.xsl', import.meta.url) } },
  render: {
    input: () => '',
    joins: { vm: ['network'] },
    split: () => [],
    index: () => ({ paths: [], spans: [], types: [] }),
  },
  broker: {
    call: (call, context) => {
      const method = METHODS[call.method];
      if (method === undefined) throw new Error(`no ${call.method}`);
      return method(context, call.args, call);
    },
    // biome-ignore lint/correctness/useYield: it needs nothing of the server
    *stream(request): Brokered<Outcome<StreamTarget>> {
      return done({ kind: 'bytes', status: 200, headers: {}, bytes: Buffer.from(request.path) });
    },
    *rest(context) {
      const { version } = context.store;
      yield;
      context.own.put('rested', context.front.name, version);
    },
  },
  host: {
    scan,
    toGenericInput: () => '',
    fromGenericInput: () => '',
    plan: async (order, context) => {
      const native = context.native(order.target)?.native ?? '';
      return done({
        host: order.host,
        queue: native,
        touches: [{ kind: 'vm', native }],
        steps: [
          { name: 'stop', kind: 'pivot', call: { procedure: 'stop', args: {} }, probe: { probe: 'stopped', args: {} } },
        ],
      });
    },
  },
};

export interface RecordingAgent extends AgentApi {
  readonly chunks: Buffer[];
  readonly revoked: HubId[];
  /** Leases as they came, batch by batch. */
  readonly granted: (readonly Lease[])[];
  readonly ended: string[];
  /** What a re-read finds. */
  now: NativeChange[];
  hold: Promise<void> | undefined;
}

export const recordingAgent = (): RecordingAgent => {
  const agent: RecordingAgent = {
    chunks: [],
    revoked: [],
    granted: [],
    ended: [],
    now: [],
    hold: undefined,
    chunk: async (_exchange, bytes) => {
      agent.chunks.push(Buffer.from(bytes));
      await agent.hold;
    },
    acquire: async () => done(undefined),
    release: async () => {},
    step: async () => done({}),
    probe: async () => done('done'),
    read: async () => done(agent.now),
    ask: async () => done(1),
    grantLeases: async (leases) => void agent.granted.push(leases),
    revokeLeases: async (vms) => void agent.revoked.push(...vms),
    revokeSessions: async (ids) => void agent.ended.push(...ids),
    reloadMappings: async () => {},
    holdCalls: async () => {},
    logLevel: async () => {},
    parkCalls: async () => {},
  };
  return agent;
};

export const compose = async (directory: string, log: Log = silentLog) => {
  const server = createServer({
    stateDir: directory,
    platforms: { invented: async () => platform },
    clock: systemClock,
    log,
    transformer,
    listedMs: 100,
  });
  const agent = recordingAgent();
  const attached = server.attach(agent);
  const { api } = attached;
  const hello = await api.hello({
    version: 1,
    agent: 'a',
    hosts: [{ name: 'one', platform: 'invented', uri: 'x:' }],
    fronts: [{ name: 'f', platform: 'invented', host: 'one', port: 1, certificate: '', options: {} }],
  });
  const host = hello.hosts['one'];
  if (host === undefined) throw new Error('no host');
  let serial = 0;
  return {
    server,
    agent,
    attached,
    api,
    hello,
    host,
    list: async (objects: Parameters<typeof api.list>[2]) => {
      await api.list(host.id, host.epoch, objects, false);
      await api.list(host.id, host.epoch, [], true);
      await api.hostState(host.id, host.epoch, { connected: true, text: '' });
    },
    login: (role: 'administrator' | 'read-only' = 'administrator') =>
      api.login({ front: 'f', user: 'u', fullName: '', role, address: '::1', userAgent: '', locale: '' }),
    exchange: (session: string, method: string, args: Record<string, unknown> = {}, id = ''): Exchange => ({
      exchange: `x${++serial}`,
      front: 'f',
      session,
      address: '::1',
      call: { method, target: { type: 'Thing', id }, args, version: '', operation: '' },
    }),
  };
};
