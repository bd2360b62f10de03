/** The hub's event log in; vim25 events, the event manager and its history collectors out. */
import type { Call, Reply } from '../../generic/call.ts';
import { fault } from '../../generic/faults.ts';
import { kindOf } from '../../generic/ids.ts';
import type { HubEvent } from '../../generic/jobs.ts';
import { FURNITURE as F, hubIdOf as hubId, refOf, sameRef } from '../ids.ts';
import { escapeName } from '../names.ts';
import { isSubtype, typeOf } from '../types.ts';
import { type DataObject, type MoRef, moRef } from '../values.ts';
import { EVENT_TYPES, eventDetails } from './event-types.ts';
import { exists, furnish, nameOf } from './registry.ts';
import { refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { invalidArgument, objectNotFound } from './select.ts';
import { taskInfo } from './tasks.ts';
import { newMoid } from './tokens.ts';

const INT = 0x7fffffff;
const MAX_COLLECTORS = 32;
const MAX_PAGE = 1000;
const DEFAULT_PAGE = 10;
const QUERY_LIMIT = 1000;
const SCAN = 500;

interface Arguments {
  readonly vm?: { readonly name: string; readonly vm: MoRef };
  readonly ds?: { readonly name: string; readonly datastore: MoRef };
  readonly net?: { readonly name: string; readonly network: MoRef };
}

const argumentsOf = (event: HubEvent): Arguments => {
  const ref = event.object && refOf(event.object);
  if (!ref) return {};
  const name = escapeName(event.objectName ?? '');
  switch (ref.type) {
    case 'VirtualMachine':
      return { vm: { name, vm: ref } };
    case 'Datastore':
      return { ds: { name, datastore: ref } };
    case 'Network':
      return { net: { name, network: ref } };
    default:
      return {};
  }
};

/** What some types must say beyond the common members. */
const members = (
  scope: Scope,
  event: HubEvent,
  type: string,
  args: Arguments,
  message: string,
): Record<string, unknown> => {
  const more = event.members ?? {};
  switch (type) {
    case 'VmReconfiguredEvent':
      return { configSpec: {} };
    case 'VmRenamedEvent':
      return { oldName: more['oldName'] ?? '', newName: more['newName'] ?? event.objectName ?? '' };
    case 'DatastoreDiscoveredEvent':
    case 'DatastoreRemovedOnHostEvent':
      return { datastore: args.ds ?? { name: event.objectName ?? '', datastore: moRef('Datastore', 'datastore-0') } };
    case 'UserLoginSessionEvent':
      return {
        ipAddress: more['address'] ?? '',
        userAgent: more['userAgent'],
        locale: more['locale'] ?? 'en_US',
        sessionId: more['session'] ?? '',
      };
    case 'UserLogoutSessionEvent':
      return { ipAddress: more['address'], sessionId: more['session'] };
    case 'BadUsernameSessionEvent':
      return { ipAddress: more['address'] ?? '' };
    case 'EventEx':
      return {
        eventTypeId: EVENT_TYPES[event.kind].id ?? event.kind,
        severity: EVENT_TYPES[event.kind].category,
        message,
      };
    case 'GeneralUserEvent': {
      const ref = event.object && refOf(event.object);
      return {
        message: event.text,
        entity: ref && isSubtype(ref.type, 'ManagedEntity') ? { name: event.objectName ?? '', entity: ref } : undefined,
      };
    }
    case 'TaskEvent': {
      const job = event.job && scope.context.jobs.get(event.job);
      return job ? { info: taskInfo(scope, job) } : {};
    }
    default:
      return isSubtype(type, 'VmEvent') ? { template: false } : {};
  }
};

const vimEvent = (scope: Scope, event: HubEvent): DataObject => {
  const row = EVENT_TYPES[event.kind];
  const args = argumentsOf(event);
  const hostName = nameOf(scope, F.host) ?? scope.context.front.hostName;
  const words: Record<string, string> = {
    ...event.members,
    'vm.name': args.vm?.name ?? event.objectName ?? '',
    'datastore.name': args.ds?.name ?? event.objectName ?? '',
    'host.name': hostName,
    'datacenter.name': 'ha-datacenter',
    name: event.objectName ?? '',
    userName: event.user,
    ipAddress: event.members?.['address'] ?? '',
    message: event.text,
  };
  const fullFormattedMessage = row.format.replace(/\{([\w.]+)\}/g, (_, word: string) => words[word] ?? '');
  // A task that the history no longer has leaves its text behind.
  const gone = row.type === 'TaskEvent' && (event.job === undefined || scope.context.jobs.get(event.job) === undefined);
  const type = gone ? 'EventEx' : row.type;
  return {
    _type: type,
    key: event.key & INT,
    chainId: event.chain & INT,
    createdTime: event.atMs,
    userName: event.user,
    datacenter: { name: 'ha-datacenter', datacenter: F.datacenter },
    computeResource: { name: hostName, computeResource: F.computeResource },
    host: { name: hostName, host: F.host },
    ...args,
    fullFormattedMessage,
    ...(isSubtype(type, 'VmEvent') ? { template: false } : {}),
    ...members(scope, event, type, args, fullFormattedMessage),
  };
};

interface EventFilter {
  readonly entity?: { readonly entity: MoRef; readonly recursion: string };
  readonly time?: { readonly beginTime?: string; readonly endTime?: string };
  readonly userName?: { readonly systemUser: boolean; readonly userList?: readonly string[] };
  readonly eventChainId?: number;
  readonly category?: readonly string[];
  readonly type?: readonly string[];
  readonly eventTypeId?: readonly string[];
  readonly maxCount?: number;
}

const ABOVE_ALL = ['Folder', 'Datacenter', 'ComputeResource', 'HostSystem', 'ResourcePool'];

const ofEntity = (event: HubEvent, { entity, recursion }: NonNullable<EventFilter['entity']>): boolean => {
  const own = event.object && refOf(event.object);
  if (own && sameRef(own, entity)) return recursion !== 'children';
  if (!ABOVE_ALL.includes(entity.type)) return false;
  if (recursion !== 'self') return true;
  // Every event names the host, its compute resource and its datacenter.
  return entity.type !== 'Folder' && entity.type !== 'ResourcePool';
};

const matcher = ({ context, host }: Scope, filter: EventFilter): ((event: HubEvent) => boolean) => {
  const begin = filter.time?.beginTime === undefined ? Number.NEGATIVE_INFINITY : Date.parse(filter.time.beginTime);
  const end = filter.time?.endTime === undefined ? Number.POSITIVE_INFINITY : Date.parse(filter.time.endTime);
  const ids = new Set([...(filter.eventTypeId ?? []), ...(filter.type ?? [])]);
  return (event) => {
    if (event.host !== undefined && event.host !== host) return false;
    // Hosts' own sessions are not for those who may only read.
    if (
      event.kind.startsWith('session.') &&
      context.session.role === 'read-only' &&
      event.user !== context.session.user
    )
      return false;
    if (event.atMs < begin || event.atMs > end) return false;
    if (filter.eventChainId !== undefined && (event.chain & INT) !== filter.eventChainId) return false;
    const row = EVENT_TYPES[event.kind];
    if (filter.category && filter.category.length > 0 && !filter.category.includes(row.category)) return false;
    if (
      ids.size > 0 &&
      ![...ids].some(
        (id) =>
          id === row.id || id === `vim.event.${row.type}` || (typeOf(id) !== undefined && isSubtype(row.type, id)),
      )
    )
      return false;
    if (filter.userName) {
      const { systemUser, userList = [] } = filter.userName;
      if (event.user === '' ? !systemUser : !userList.includes(event.user)) return false;
    }
    return filter.entity === undefined || ofEntity(event, filter.entity);
  };
};

const checkFilter = (scope: Scope, filter: EventFilter) => {
  if (filter.entity && !exists(scope, filter.entity.entity)) return objectNotFound(filter.entity.entity);
  if (filter.maxCount !== undefined && filter.maxCount < 0) return invalidArgument('filter.maxCount');
  return undefined;
};

export function queryEvents(scope: Scope, call: Call): Reply {
  const filter = call.args['filter'] as EventFilter;
  const wrong = checkFilter(scope, filter);
  if (wrong) return refuse(wrong);
  const limit = Math.min(filter.maxCount || QUERY_LIMIT, QUERY_LIMIT);
  return value(scope.context.events.newest(limit, matcher(scope, filter)).map((event) => vimEvent(scope, event)));
}

// ---- history collectors ----

interface History {
  readonly id: string;
  readonly filter: EventFilter;
  readonly page: number;
  /** Newer than this is next, this and older is previous. */
  readonly at: number;
}

const historyKey = (id: string): string => `history/${id}`;
const historyOf = ({ context }: Scope, id: string): History | undefined =>
  context.locals.get(historyKey(id)) as History | undefined;
const put = (scope: Scope, history: History): void => scope.context.locals.put(historyKey(history.id), history);

export function createEventCollector(scope: Scope, call: Call): Reply {
  const filter = call.args['filter'] as EventFilter;
  const wrong = checkFilter(scope, filter);
  if (wrong) return refuse(wrong);
  if (scope.context.locals.list('history/').length >= MAX_COLLECTORS)
    return refuse(fault('invalid-state', {}, 'too many history collectors'));
  const history: History = { id: newMoid(scope), filter, page: DEFAULT_PAGE, at: 0 };
  put(scope, history);
  return value(moRef('EventHistoryCollector', history.id));
}

const withHistory =
  (work: (scope: Scope, history: History, call: Call) => Reply) =>
  (scope: Scope, call: Call): Reply => {
    const history = historyOf(scope, call.target.id);
    return history
      ? work(scope, history, call)
      : refuse(objectNotFound({ type: call.target.type, value: call.target.id }));
  };

const countOf = (call: Call): number | undefined => {
  const count = Number(call.args['maxCount']);
  return Number.isInteger(count) && count >= 1 && count <= MAX_PAGE ? count : undefined;
};

export const readNextEvents = withHistory((scope, history, call) => {
  const count = countOf(call);
  if (count === undefined) return refuse(invalidArgument('maxCount'));
  const matches = matcher(scope, history.filter);
  const found: HubEvent[] = [];
  let at = history.at;
  for (;;) {
    const batch = scope.context.events.since(at, SCAN);
    for (const event of batch) {
      if (found.length >= count) break;
      at = event.key;
      if (matches(event)) found.push(event);
    }
    if (found.length >= count || batch.length < SCAN) break;
  }
  put(scope, { ...history, at });
  return value(found.map((event) => vimEvent(scope, event)));
});

export const readPreviousEvents = withHistory((scope, history, call) => {
  const count = countOf(call);
  if (count === undefined) return refuse(invalidArgument('maxCount'));
  const matches = matcher(scope, history.filter);
  const found = scope.context.events.newest(count, (event) => event.key <= history.at && matches(event));
  put(scope, { ...history, at: found[0] ? found[0].key - 1 : 0 });
  return value(found.toReversed().map((event) => vimEvent(scope, event)));
});

export const setPageSize = withHistory((scope, history, call) => {
  const count = countOf(call);
  if (count === undefined) return refuse(invalidArgument('maxCount'));
  put(scope, { ...history, page: count });
  return value(undefined);
});

export const rewindCollector = withHistory((scope, history) => {
  put(scope, { ...history, at: 0 });
  return value(undefined);
});

export const resetCollector = withHistory((scope, history) => {
  put(scope, { ...history, at: scope.context.events.latest });
  return value(undefined);
});

export const destroyHistory = withHistory((scope, history) => {
  scope.context.locals.delete(historyKey(history.id));
  return value(undefined);
});

// ---- what users write ----

const post = (scope: Scope, entity: MoRef | undefined, text: string) => {
  const { session } = scope.context;
  const known = entity && refOfEntity(entity);
  scope.context.events.post({
    kind: 'user.message',
    host: scope.host,
    ...(known ? { object: known } : {}),
    ...(entity ? { objectName: nameOf(scope, entity) ?? '' } : {}),
    user: session.user,
    text,
  });
  return value(undefined);
};

const refOfEntity = (entity: MoRef) => {
  const id = entity.type === 'HostSystem' ? undefined : hubId(entity);
  return id !== undefined && kindOf(id) !== 'job' ? id : undefined;
};

export function logUserEvent(scope: Scope, call: Call): Reply {
  const entity = call.args['entity'] as MoRef;
  if (!exists(scope, entity)) return refuse(objectNotFound(entity));
  return post(scope, entity, String(call.args['msg'] ?? ''));
}

export function postEvent(scope: Scope, call: Call): Reply {
  const event = call.args['eventToPost'] as DataObject & {
    readonly vm?: { vm: MoRef };
    readonly entity?: { entity: MoRef };
  };
  const text = event['message'] ?? event['fullFormattedMessage'];
  // Only what says something can be kept: the hub makes its own events.
  if (typeof text !== 'string' || text === '') return refuse(invalidArgument('eventToPost'));
  const entity = event.entity?.entity ?? event.vm?.vm;
  if (entity && !exists(scope, entity)) return refuse(objectNotFound(entity));
  return post(scope, entity, text);
}

export function retrieveArgumentDescription(_scope: Scope, call: Call): Reply {
  const id = String(call.args['eventTypeId'] ?? '');
  const known = Object.values(EVENT_TYPES).some(
    (row) => row.id === id || id === row.type || id === `vim.event.${row.type}`,
  );
  return known ? value([]) : refuse(invalidArgument('eventTypeId'));
}

const CATEGORIES = ['info', 'warning', 'error', 'user'].map((key) => ({
  _type: 'ElementDescription',
  label: key,
  summary: key,
  key,
}));

const latestPage = (scope: Scope, { filter, page }: History): readonly DataObject[] =>
  scope.context.events
    .newest(page, matcher(scope, filter))
    .toReversed()
    .map((event) => vimEvent(scope, event));

export const furnishEvents = (): void => {
  furnish('EventManager', (scope, ref) =>
    sameRef(ref, F.eventManager)
      ? {
          values: {
            description: () => ({ category: CATEGORIES, eventInfo: eventDetails() }),
            latestEvent: () =>
              scope.context.events.newest(1, matcher(scope, {})).map((event) => vimEvent(scope, event))[0],
            maxCollector: () => MAX_COLLECTORS,
          },
        }
      : undefined,
  );
  furnish('EventHistoryCollector', (scope, { value: id }) => {
    const history = historyOf(scope, id);
    return (
      history && {
        values: {
          filter: () => ({ _type: 'EventFilterSpec', ...history.filter }),
          latestPage: () => latestPage(scope, history),
        },
      }
    );
  });
};
