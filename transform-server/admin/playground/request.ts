/** The text of a client's request in; the call that it is, its row, its route and the command that it would become out. Nothing is sent to a host. */
import { randomBytes } from 'node:crypto';
import { type Call, hasArgument, type Reply, type Row } from '../../../mappings/generic/call.ts';
import type { Command } from '../../../mappings/generic/commands.ts';
import type {
  BrokerContext,
  Decoded,
  FrontInstance,
  HttpRequest,
  Platform,
} from '../../../mappings/generic/platform.ts';
import { goldenFront } from '../../engine/golden-cases.ts';
import { driveBroker, type Services } from '../../exchanges/drive.ts';
import { createRows, nobody } from '../../exchanges/rows.ts';
import type { FrontRecord } from '../../sync/hosts.ts';
import type { Parts } from '../parts.ts';
import { Problem } from '../problem.ts';

export interface ReadRequest {
  readonly path: string;
  readonly call: Pick<Call, 'method' | 'target' | 'args' | 'version' | 'operation'>;
  readonly row: Row | undefined;
  /** With what the arguments make of it. */
  readonly route: string;
  readonly command: Command | undefined;
  /** Why there is no command, or what would be answered in its place. */
  readonly instead: string | undefined;
}

const HEAD = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r?\n((?:[^\r\n]+\r?\n)*)\r?\n/;
/** Where clients post to: a body alone does not say. */
const PATHS = ['/', '/sdk', '/jsonrpc'];

const requestsOf = (text: string): readonly HttpRequest[] => {
  const head = HEAD.exec(text);
  const request = (method: string, target: string, headers: HttpRequest['headers'], body: string): HttpRequest => {
    const [path = '/', query = ''] = target.split('?');
    return { method, path, query: new URLSearchParams(query), headers, body: Buffer.from(body), secure: true };
  };
  if (head === null) return PATHS.map((path) => request('POST', path, {}, text.trim()));
  const [whole, method = '', target = '', lines = ''] = head;
  const headers = lines
    .split(/\r?\n/)
    .map((line) => /^([\w-]+):\s*(.*)$/.exec(line))
    .flatMap((match) => (match === null ? [] : [[match[1]?.toLowerCase() ?? '', match[2] ?? ''] as const]));
  return [request(method, target, Object.fromEntries(headers), text.slice(whole.length))];
};

const saidBy = (decoded: Decoded): string => {
  switch (decoded.kind) {
    case 'answer': {
      const { status, body } = decoded.answer;
      return `it is answered at once with status ${status}: ${Buffer.from(body).toString('utf8').slice(0, 300)}`;
    }
    case 'stream':
      return `it is a transfer: ${decoded.stream.method} ${decoded.stream.path}`;
    case 'fault':
      return `it is refused: ${decoded.fault.text}`;
    case 'call':
      return decoded.call.method;
    default:
      return decoded satisfies never;
  }
};

/** What a broker wants is known: nothing of it is done. */
class Wanted extends Error {
  readonly command: Command | undefined;
  constructor(text: string, command?: Command) {
    super(text);
    this.command = command;
  }
}
const stop = (text: string, command?: Command): never => {
  throw new Wanted(text, command);
};

/** A broker that reads what there is and changes nothing. */
const dryContext = ({ instance }: FrontRecord, parts: Parts, nowMs: number, user: string): BrokerContext => {
  const { store, jobs, events, own } = parts;
  const put = new Map<string, unknown>();
  const locals = new Map<string, unknown>();
  const keyOf = (namespace: string, key: string): string => JSON.stringify([namespace, key]);
  return {
    front: instance,
    session: { ...nobody(instance.name, ''), id: 'playground', user, role: 'administrator', createdMs: nowMs },
    now: () => nowMs,
    random: (bytes) => randomBytes(bytes),
    store: store.view(instance.name, instance.host),
    jobs: { get: jobs.get, list: jobs.list, changedSince: jobs.changedSince, cancel: () => false },
    events: {
      latest: events.latest,
      since: events.since,
      newest: events.newest,
      post: () => stop('it posts an event'),
    },
    own: {
      get: (namespace, key) => {
        const name = keyOf(namespace, key);
        return put.has(name) ? put.get(name) : own.get(namespace, key);
      },
      put: (namespace, key, value) => void put.set(keyOf(namespace, key), value),
      delete: (namespace, key) => void put.set(keyOf(namespace, key), undefined),
      list: (namespace, prefix) => own.list(namespace, prefix),
    },
    sessions: { list: () => [], terminate: () => false },
    locals: {
      get: (key) => locals.get(key),
      put: (key, value) => void locals.set(key, value),
      delete: (key) => void locals.delete(key),
      list: (prefix) => [...locals].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value })),
    },
    cancel: () => {},
    nextVersion: () => store.versions.current,
  };
};

const said = (reply: Reply): string =>
  reply.kind === 'fault'
    ? `it is answered with the fault ${reply.fault.kind}: ${reply.fault.text}`
    : 'it is answered without a command';

const driven = async (front: FrontRecord, parts: Parts, call: Call, nowMs: number, user: string): Promise<Wanted> => {
  const { broker } = front.platform;
  if (broker === undefined) return new Wanted('the platform answers nothing itself');
  const services: Services = {
    isGone: () => false,
    render: (ids) => parts.renderer.rendered(front.instance, ids),
    write: async () => {},
    run: async ({ command }) => stop('', command),
    start: async ({ command }) => stop('', command),
    wait: async () => stop('it waits for a change'),
    ask: async ({ question }) => stop(`it asks the host: ${question}`),
    settle: async ({ outcome }) => stop(outcome.ok ? 'it is a task of the front’s own' : outcome.fault.text),
  };
  try {
    return new Wanted(said(await driveBroker(broker.call(call, dryContext(front, parts, nowMs, user)), services)));
  } catch (error) {
    if (error instanceof Wanted) return error;
    // It was given a session that is none: what it stumbles over there is no matter of a client's.
    return new Wanted(`it cannot be told without a client: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const INSTEAD: Partial<Record<Row['route'], string>> = {
  session: 'the agent answers it from its lease of the session',
  stream: 'it is a transfer of bytes',
  pass: 'it goes to a host of the same API as it is',
};

export const readRequest = async (
  text: string,
  platform: Platform,
  /** One that is served now, for what depends on objects. */
  served: { readonly front: FrontRecord; readonly parts: Parts } | undefined,
  { nowMs, user }: { nowMs: number; user: string },
): Promise<ReadRequest> => {
  const side = platform.front;
  if (side === undefined) throw new Problem(422, `no client speaks ${platform.name}`);
  const instance: FrontInstance = served?.front.instance ?? goldenFront(platform.name);
  const tried = requestsOf(text).map((request) => {
    if (request.body.length > side.maxBodyBytes) throw new Problem(422, 'the request is larger than the front takes');
    return { path: request.path, decoded: side.decode(request, instance) };
  });
  const found = tried.find(({ decoded }) => decoded.kind === 'call');
  if (found?.decoded.kind !== 'call')
    throw new Problem(422, `request: ${tried.map(({ decoded }) => saidBy(decoded)).join('; ')}`.slice(0, 500));
  const { call } = found.decoded;
  const row = createRows(platform.commands).find(call);
  const { method, target, args, version, operation } = call;
  const shown = { path: found.path, call: { method, target, args, version, operation }, row };
  if (row === undefined) return { ...shown, route: '', command: undefined, instead: 'there is no such method' };
  const isCentral = row.centralIf?.some((path) => hasArgument(args, path)) ?? false;
  const hub = side.targetOf(call, instance);
  const route = row.route === 'direct' && (isCentral || hub === undefined) ? 'central' : row.route;
  const ends = (command: Command | undefined, instead: string | undefined): ReadRequest => ({
    ...shown,
    route,
    command,
    instead,
  });
  if (route === 'refuse') return ends(undefined, `it is refused: ${row.because ?? 'not supported'}`);
  if (route === 'direct' && row.verb !== undefined && hub !== undefined)
    return ends({ verb: row.verb, host: instance.host, target: hub, params: {} } as Command, undefined);
  const fixed = INSTEAD[route];
  if (fixed !== undefined) return ends(undefined, fixed);
  if (served === undefined)
    return ends(undefined, `${row.verb ?? 'its answer'} depends on objects, and no front of it is served here`);
  const { command, message } = await driven(served.front, served.parts, call, nowMs, user);
  return ends(command, command === undefined ? message : undefined);
};
