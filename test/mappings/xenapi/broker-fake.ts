/** An in-memory store, jobs and own data for tests of the XenAPI broker: bundles as sheets write them come in, replies and events are read out. */
import type { Call, Reply, Session } from '../../../mappings/generic/call.ts';
import { type HubId, hubId, kindOf } from '../../../mappings/generic/ids.ts';
import type { Job } from '../../../mappings/generic/jobs.ts';
import type { DocumentKind } from '../../../mappings/generic/model.ts';
import type { BrokerContext, Brokered, Effect, Resume } from '../../../mappings/generic/platform.ts';
import type { Entry, PathIndex, RenderedMember } from '../../../mappings/generic/store-view.ts';
import { createBroker } from '../../../mappings/xenapi/broker/broker.ts';
import { indexRecord, type Member, splitBundle } from '../../../mappings/xenapi/render/bundle.ts';
import { resolveCall } from '../../../mappings/xenapi/types.ts';
import { ownIn } from '../own-texts.ts';

export const HOST = hubId('host', 1);

export const front: BrokerContext['front'] = {
  name: 'xenapi@local',
  platform: 'xenapi',
  host: HOST,
  hostName: 'local',
  uuid: '0b1e5ce0-0000-4000-8000-000000000001',
  certificate: '',
  port: 443,
  options: { address: '127.0.0.1' },
};

const session: Session = {
  id: 's1',
  key: 'k1',
  front: front.name,
  user: 'root',
  fullName: '',
  role: 'administrator',
  address: '',
  userAgent: '',
  locale: '',
  createdMs: 0,
  lastActiveMs: 0,
  calls: 0,
};

/** One member whose text counts how often it is put together. */
const rendered = ({ type, id, text }: Member, version: number, read: () => void): RenderedMember => {
  const { paths, spans, types } = indexRecord(text);
  const index: PathIndex = {
    paths,
    spans,
    types,
    ordinals: new Map(paths.map((path, at) => [path, at])),
    changed: new Float64Array(paths.length).fill(version),
  };
  return {
    type,
    id,
    index,
    created: version,
    get text() {
      read();
      return text;
    },
    between: (from, to) => text.slice(spans[from], spans[to]),
  };
};

interface Item {
  entry: Entry;
  members: readonly RenderedMember[];
  isRendered: boolean;
}

type Row = { readonly id: HubId; readonly version: number; readonly gone: boolean };

export const rig = () => {
  const items = new Map<HubId, Item>();
  const rows: Row[] = [];
  const jobs = new Map<HubId, Job>();
  const kept = new Map<string, string>();
  const locals = new Map<string, unknown>();
  const waiters = new Set<() => void>();
  let own = ownIn(kept);
  let version = 100;
  let nowMs = 1_795_243_042_000;
  let texts = 0;
  const slots = new Map<HubId, Record<string, unknown>>();

  const next = (): number => {
    version++;
    for (const wake of [...waiters]) wake();
    return version;
  };

  const context: BrokerContext = {
    front,
    session,
    now: () => nowMs,
    random: (bytes) => new Uint8Array(bytes),
    store: {
      get version() {
        return version;
      },
      epoch: 'e1',
      entry: (id) => items.get(id)?.entry,
      find: () => undefined,
      list: (kind) => [...items.values()].map(({ entry }) => entry).filter((entry) => entry.kind === kind),
      edges: () => [],
      edgesVersion: () => 0,
      rendered: (id) => {
        const item = items.get(id);
        return item?.isRendered === true ? item.members : undefined;
      },
      generic: () => undefined,
      changedSince: (since) => {
        const newest = new Map<HubId, Row>();
        for (const row of rows) if (row.version > since) newest.set(row.id, row);
        return [...newest.values()];
      },
      membersGone: () => [],
      owned: () => undefined,
      owner: () => undefined,
      slots: (id) => slots.get(id) ?? {},
      history: () => undefined,
    },
    jobs: {
      get: (id) => jobs.get(id),
      list: () => [...jobs.values()],
      cancel: () => false,
      changedSince: (since) => [...jobs.values()].filter((job) => job.version > since).map(({ id }) => id),
    },
    events: { latest: 0, since: () => [], newest: () => [], post: () => ({}) as never },
    get own() {
      return own;
    },
    sessions: { list: () => [session], terminate: () => false },
    locals: {
      get: (key) => locals.get(key),
      put: (key, value) => void locals.set(key, value),
      delete: (key) => void locals.delete(key),
      list: () => [],
    },
    cancel: () => {},
    nextVersion: next,
  };

  const put = (id: HubId, members: string): void => {
    const before = items.get(id)?.members ?? [];
    const at = next();
    const now = splitBundle(`<bundle>${members}</bundle>`).map((member) => {
      const same = before.find((one) => one.id === member.id && one.text === member.text);
      return same ?? rendered(member, at, () => texts++);
    });
    const entry: Entry = {
      id,
      kind: kindOf(id) as DocumentKind,
      host: HOST,
      native: id,
      name: id,
      uuid: '',
      facts: {},
      version: at,
      stale: false,
    };
    items.set(id, { entry, members: now, isRendered: false });
    rows.push({ id, version: at, gone: false });
  };

  let broker = createBroker();

  const startAnew = (): void => {
    broker = createBroker();
    own = ownIn(kept);
    // Numbers are reserved in blocks.
    version += 1000;
  };

  /** Runs a generator; waits end when the version moves or `elapse` says that time is up. */
  const drive = async <T>(generator: Brokered<T>, written: string[]): Promise<T> => {
    let resume: Resume;
    for (;;) {
      const step = generator.next(resume);
      if (step.done === true) return step.value;
      resume = await serve(step.value, written);
    }
  };

  const serve = async (effect: Effect, written: string[]): Promise<Resume> => {
    switch (effect.effect) {
      case 'render':
        for (const id of effect.ids) {
          const item = items.get(id);
          if (item) item.isRendered = true;
        }
        return undefined;
      case 'write':
        written.push(effect.text);
        return undefined;
      case 'wait':
        if (effect.since < version) return 'changed';
        if (effect.untilMs <= nowMs) return 'timeout';
        return new Promise((resolve) => {
          const wake = (): void => {
            waiters.delete(wake);
            resolve(nowMs >= effect.untilMs ? 'timeout' : 'changed');
          };
          waiters.add(wake);
        });
      default:
        throw new Error(`no such effect here: ${effect.effect}`);
    }
  };

  /** The value of a reply over JSON, or the error's code and parameters. */
  const ask = async (
    method: string,
    args: Readonly<Record<string, unknown>>,
    speech = 'jsonrpc2',
  ): Promise<unknown> => {
    const message = resolveCall(method)?.message;
    const [first] = message?.params ?? [];
    const acts = first?.type.kind === 'ref' && first.type.class === message?.class;
    const call: Call = {
      method,
      target: { type: message?.class ?? '', id: acts ? String(args[first.name] ?? '') : '' },
      args,
      version: speech,
      operation: '1',
    };
    const written: string[] = [];
    const reply: Reply = await drive(broker.call(call, context), written);
    switch (reply.kind) {
      case 'value':
        return reply.value;
      case 'fault':
        return { error: [reply.fault.native?.code ?? reply.fault.kind, ...((reply.fault.native?.detail as []) ?? [])] };
      case 'body':
        return speech === 'xmlrpc' ? written.join('') : JSON.parse(written.join(''));
      default:
        return reply satisfies never;
    }
  };

  return {
    context,
    put,
    ask,
    remove: (id: HubId) => {
      items.delete(id);
      rows.push({ id, version: next(), gone: true });
    },
    job: (job: Job) => void jobs.set(job.id, { ...job, version: next() }),
    /** A program that starts anew: nothing is kept but what the store has. */
    startAnew,
    /** The program ends as it should, and another begins with what it left. */
    replace: () => {
      for (const _ of broker.rest?.(context) ?? []);
      startAnew();
    },
    /** Sheets were swapped: everything is rendered anew, and what comes out alike is the same member. */
    swapSheets: (edit: (text: string) => string) => {
      const at = next();
      for (const [id, { entry, members }] of [...items]) {
        const anew = members.map((one) => {
          const text = edit(one.text);
          return text === one.text ? one : rendered({ type: one.type, id: one.id, text }, at, () => texts++);
        });
        items.set(id, { entry: { ...entry, version: at }, members: anew, isRendered: false });
        rows.push({ id, version: at, gone: false });
      }
    },
    setSlots: (id: HubId, values: Record<string, unknown>) => void slots.set(id, values),
    /** Time passes; waits that are due end. */
    elapse: (ms: number) => {
      nowMs += ms;
      for (const wake of [...waiters]) wake();
    },
    waiting: () => waiters.size,
    /** How often a record's text was put together. */
    textsRead: () => texts,
  };
};

export const member = (type: string, id: string, fields: string): string =>
  `<member type="${type}" id="${id}">${fields}</member>`;
