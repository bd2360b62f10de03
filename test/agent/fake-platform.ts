/** A platform made for tests: JSON over HTTP as its API, and an embedded host that keeps its VMs in a map. */

import type { Dialer } from '../../agent/lanes.ts';
import type { Call, Row } from '../../mappings/generic/call.ts';
import { done, fault, refused } from '../../mappings/generic/faults.ts';
import { type NativeRef, parseHubId } from '../../mappings/generic/ids.ts';
import type { NativeChange, NativeObject } from '../../mappings/generic/native.ts';
import type { Driver, Front, HostStream, HostTransport, Platform } from '../../mappings/generic/platform.ts';

export const ROWS: readonly Row[] = [
  { method: 'Clock', on: 'Service', route: 'session', access: 'none' },
  { method: 'Whoami', on: 'Service', route: 'session', access: 'read' },
  { method: 'Login', on: 'Service', route: 'session', access: 'none' },
  { method: 'Logout', on: 'Service', route: 'session', access: 'read' },
  { method: 'Read', on: 'Vm', route: 'broker', access: 'read' },
  { method: 'Change', on: 'Vm', route: 'central', access: 'operate' },
  {
    method: 'Start',
    on: 'Vm',
    route: 'direct',
    access: 'operate',
    verb: 'vm.start',
    job: true,
    centralIf: ['options.deep'],
  },
  { method: 'Stop', on: 'Vm', route: 'direct', access: 'operate', verb: 'vm.stop' },
  { method: 'Fly', on: 'Vm', route: 'refuse', access: 'read', because: 'VMs do not fly' },
];

const STATUS: Readonly<Record<string, number>> = {
  'not-authenticated': 401,
  'no-permission': 403,
  'host-communication': 503,
};

export const fakeFront: Front = {
  port: 1,
  tls: false,
  idleMs: 60_000,
  maxBodyBytes: 2000,
  claims: () => true,
  isStream: (_, path) => path.startsWith('/files/'),
  decode: (request) => {
    if (request.path.startsWith('/files/')) {
      const range = /^bytes=(\d+)-(\d+)$/.exec(String(request.headers['range'] ?? ''));
      const bounds = range === null ? {} : { range: { start: Number(range[1]), end: Number(range[2]) } };
      const length = request.headers['content-length'];
      const size = length === undefined ? {} : { lengthBytes: Number(length) };
      return {
        kind: 'stream',
        stream: { method: request.method as 'GET', path: request.path, query: {}, ...bounds, ...size },
      };
    }
    if (request.path === '/hello') return { kind: 'answer', answer: { status: 200, headers: {}, body: 'hello' } };
    let parsed: Partial<Call>;
    try {
      parsed = JSON.parse(Buffer.from(request.body).toString()) as Partial<Call>;
    } catch {
      return { kind: 'fault', fault: fault('invalid-request', {}, 'not JSON') };
    }
    const call: Call = { method: '', target: { type: '', id: '' }, args: {}, version: '', operation: '', ...parsed };
    return { kind: 'call', call };
  },
  encode: (_, reply) => {
    const headers = { 'content-type': 'application/json' };
    if (reply.kind === 'fault') {
      return {
        status: STATUS[reply.fault.kind] ?? 500,
        headers,
        body: JSON.stringify({ fault: reply.fault.kind, text: reply.fault.text }),
      };
    }
    return { status: 200, headers, body: JSON.stringify({ value: reply.kind === 'value' ? reply.value : null }) };
  },
  wrap: () => ({ status: 200, headers: { 'content-type': 'application/json' }, before: '[', after: ']' }),
  cookieOf: (headers) => /sid=([^;]+)/.exec(String(headers['cookie'] ?? ''))?.[1],
  setCookie: (token) => `sid=${token}; HttpOnly`,
  session: async (call, context) => {
    if (call.method === 'Clock') return { kind: 'value', value: context.nowMs };
    if (call.method === 'Whoami') return { kind: 'value', value: context.session?.user };
    if (call.method === 'Logout') {
      await context.logout();
      return { kind: 'value', value: true };
    }
    const session = await context.login(String(call.args['user']), String(call.args['password']), '');
    return session === undefined
      ? { kind: 'fault', fault: fault('invalid-login', {}, 'no') }
      : { kind: 'value', value: session.key };
  },
  targetOf: (call) => parseHubId(call.target.id),
  jobValue: (job) => job,
  streamAnswer: (outcome) =>
    outcome.ok
      ? { status: outcome.value.status, headers: outcome.value.headers, body: '' }
      : { status: STATUS[outcome.fault.kind] ?? 500, headers: {}, body: outcome.fault.kind },
};

export const fakePlatform: Platform = {
  name: 'fake',
  title: 'Fake',
  commands: ROWS,
  sheets: { toGeneric: {}, fromGeneric: {} },
  front: fakeFront,
};

export interface FakeHost {
  readonly states: Map<string, string>;
  readonly files: Map<string, Buffer>;
  readonly calls: string[];
  readonly driver: Driver;
  readonly dialer: Dialer;
  /** Changes a VM behind our back and lets the host say so. */
  change(vm: string, state: string): void;
  /** Calls of this procedure wait until released. */
  hold(procedure: string): () => void;
  lose(): void;
  refuse: boolean;
}

const object = (native: string, state: string): NativeObject => ({ kind: 'vm', native, parts: {}, facts: { state } });

export const createFakeHost = (): FakeHost => {
  const states = new Map([
    ['u1', 'stopped'],
    ['u2', 'running'],
  ]);
  const files = new Map<string, Buffer>();
  const calls: string[] = [];
  const transports = new Set<{ say(vm: string): void; end(): void }>();
  const holds = new Map<string, Promise<void>>();

  const open = (): HostTransport => {
    const listeners: ((event: { procedure: string; args: Readonly<Record<string, unknown>> }) => void)[] = [];
    let over = false;
    const { promise: gone, reject: end } = Promise.withResolvers<never>();
    gone.catch(() => {});
    const self = {
      say: (vm: string) => {
        for (const listener of listeners) listener({ procedure: 'changed', args: { vm } });
      },
      end: () => {
        over = true;
        end(new Error('lost'));
      },
    };
    transports.add(self);
    const act = async (procedure: string, args: Readonly<Record<string, unknown>>) => {
      calls.push(procedure);
      await holds.get(procedure);
      const vm = String(args['vm'] ?? '');
      if (procedure === 'start' || procedure === 'stop') {
        const wanted = procedure === 'start' ? 'running' : 'stopped';
        if (states.get(vm) === wanted) return refused(fault('invalid-state', {}, `already ${wanted}`));
        states.set(vm, wanted);
        // Every connection hears of it, as with a real host.
        for (const transport of transports) transport.say(vm);
      }
      return done({ states: Object.fromEntries(states) } as Record<string, unknown>);
    };
    const stream = (
      _: string,
      args: Readonly<Record<string, unknown>>,
      direction: 'download' | 'upload',
    ): HostStream => {
      const name = String(args['name']);
      const { promise: finished, resolve } = Promise.withResolvers<
        { ok: true; value: undefined } | { ok: false; fault: ReturnType<typeof fault> }
      >();
      const written: Buffer[] = [];
      let paused = false;
      let at = Number(args['offset'] ?? 0);
      let chunk: ((bytes: Uint8Array) => void) | undefined;
      const data = files.get(name) ?? Buffer.alloc(0);
      const pump = (): void => {
        while (!paused && chunk !== undefined && at < data.length) {
          const piece = data.subarray(at, at + 65_536);
          at += piece.length;
          chunk(piece);
        }
        if (at >= data.length && direction === 'download' && !paused) resolve({ ok: true, value: undefined });
      };
      return {
        opened: Promise.resolve(
          direction === 'download' && !files.has(name)
            ? refused(fault('file-not-found', { path: name }, name))
            : done({}),
        ),
        onChunk: (listener) => {
          chunk = listener;
          setImmediate(pump);
        },
        pause: () => {
          paused = true;
        },
        resume: () => {
          paused = false;
          setImmediate(pump);
        },
        write: (bytes) => void written.push(Buffer.from(bytes)),
        drained: () => Promise.resolve(),
        end: () => {
          files.set(name, Buffer.concat(written));
          resolve({ ok: true, value: undefined });
        },
        abort: () => {
          chunk = undefined;
          resolve(refused(fault('cancelled', {}, 'aborted')) as { ok: false; fault: ReturnType<typeof fault> });
        },
        finished,
      };
    };
    return {
      receive: () => {},
      tick: () => {},
      drain: () => [],
      onOutput: () => {},
      wakeAt: () => undefined,
      paused: () => false,
      ready: Promise.resolve(host.refuse ? refused(fault('host-communication', {}, 'down')) : done(undefined)),
      call: (procedure, args) =>
        over ? Promise.reject(new Error('lost')) : Promise.race([act(procedure, args), gone]),
      onEvent: (listener) => void listeners.push(listener),
      stream,
      closed: () => void transports.delete(self),
    };
  };

  const driver: Driver = {
    lanes: { read: 1, work: 1 },
    inventory: async function* (send) {
      const answer = await send.call('list', {}, 'read');
      if (answer.ok)
        yield Object.entries(answer.value['states'] as Record<string, string>).map(([native, state]) =>
          object(native, state),
        );
    },
    dirty: (event) => [{ ref: { kind: 'vm', native: String(event.args['vm']) }, hint: 'changed' }],
    read: async (send, refs) => {
      const answer = await send.call('read', {}, 'read');
      const now = answer.ok ? (answer.value['states'] as Record<string, string>) : {};
      return refs.map((ref): NativeChange => {
        const state = now[ref.native];
        return state === undefined ? { change: 'gone', ref } : { change: 'put', object: object(ref.native, state) };
      });
    },
    rescan: async () => [],
    execute: async (send, verb, native) => {
      const answer = await send.call(verb === 'vm.start' ? 'start' : 'stop', { vm: native }, 'work');
      const touches: NativeRef[] = [{ kind: 'vm', native }];
      return answer.ok ? done({ touches }) : answer;
    },
    step: (send, call) => send.call(call.procedure, call.args, 'work'),
    probe: async () => done('done' as const),
    stream: async (_send, call) => ({ ok: true, value: call }),
    ask: async () => done(1),
    questions: ['stats'],
  };
  const host: FakeHost = {
    states,
    files,
    calls,
    driver,
    dialer: { endpoint: { kind: 'embedded' }, open },
    change: (vm, state) => {
      states.set(vm, state);
      for (const transport of transports) transport.say(vm);
    },
    hold: (procedure) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      holds.set(procedure, promise);
      return () => {
        holds.delete(procedure);
        resolve();
      };
    },
    lose: () => {
      for (const transport of [...transports]) transport.end();
    },
    refuse: false,
  };
  return host;
};
