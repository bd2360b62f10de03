/** The native services of vim25: a broker or central call in; the service that answers it, by method. */
import type { Call, Reply, Row } from '../../generic/call.ts';
import { fault } from '../../generic/faults.ts';
import type { Broker, BrokerContext, Brokered } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { rowOf } from '../commands.ts';
import { administration, furnishAdministration } from './administration.ts';
import { furnishCertificate } from './certificate.ts';
import {
  cancelWaitForUpdates,
  createCollector,
  createFilter,
  destroyCollector,
  destroyFilter,
  furnishCollectors,
} from './collectors.ts';
import { environment, furnishEnvironment } from './environment.ts';
import {
  createEventCollector,
  destroyHistory,
  furnishEvents,
  logUserEvent,
  postEvent,
  queryEvents,
  readNextEvents,
  readPreviousEvents,
  resetCollector,
  retrieveArgumentDescription,
  rewindCollector,
  setPageSize,
} from './events.ts';
import { furnishPerformance, performance } from './performance.ts';
import { furnishPools, pools } from './pools.ts';
import { exists } from './registry.ts';
import {
  cancelRetrieve,
  continueRetrieve,
  fetchProperty,
  refuse,
  retrieveProperties,
  retrievePropertiesEx,
} from './retrieve.ts';
import { type Caches, makeCaches, type Scope } from './scope.ts';
import {
  findAll,
  findByDatastorePath,
  findByInventoryPath,
  findChild,
  findFirst,
  furnishSearch,
  searches,
} from './search.ts';
import { objectNotFound } from './select.ts';
import { furnishService } from './service.ts';
import { furnishSessions, sessionIsActive, setLocale, terminateSession } from './sessions.ts';
import { cancelTask, furnishTasks } from './tasks.ts';
import {
  closeInventoryViewFolder,
  createContainerView,
  createInventoryView,
  createListView,
  createListViewFromView,
  destroyView,
  furnishViews,
  modifyListView,
  openInventoryViewFolder,
  resetListView,
  resetListViewFromView,
} from './views.ts';
import { checkForUpdates, waitForUpdates, waitForUpdatesEx } from './wait.ts';

/** At once, or by effects. */
export type Service = (scope: Scope, call: Call) => Brokered | Reply;

const SERVICES = table<Service>({
  Fetch: fetchProperty,
  RetrieveProperties: retrieveProperties,
  RetrievePropertiesEx: retrievePropertiesEx,
  ContinueRetrievePropertiesEx: continueRetrieve,
  CancelRetrievePropertiesEx: cancelRetrieve,
  CreateFilter: createFilter,
  CreatePropertyCollector: createCollector,
  DestroyPropertyCollector: destroyCollector,
  DestroyPropertyFilter: destroyFilter,
  CheckForUpdates: checkForUpdates,
  WaitForUpdates: waitForUpdates,
  WaitForUpdatesEx: waitForUpdatesEx,
  CancelWaitForUpdates: cancelWaitForUpdates,
  CreateContainerView: createContainerView,
  CreateListView: createListView,
  CreateListViewFromView: createListViewFromView,
  CreateInventoryView: createInventoryView,
  ModifyListView: modifyListView,
  ResetListView: resetListView,
  ResetListViewFromView: resetListViewFromView,
  OpenInventoryViewFolder: openInventoryViewFolder,
  CloseInventoryViewFolder: closeInventoryViewFolder,
  DestroyView: destroyView,
  FindByUuid: findFirst(searches.byUuid),
  FindAllByUuid: findAll(searches.byUuid),
  FindByIp: findFirst(searches.byAddress),
  FindAllByIp: findAll(searches.byAddress),
  FindByDnsName: findFirst(searches.byDnsName),
  FindAllByDnsName: findAll(searches.byDnsName),
  FindByInventoryPath: findByInventoryPath,
  FindChild: findChild,
  FindByDatastorePath: findByDatastorePath,
  SessionIsActive: sessionIsActive,
  SetLocale: setLocale,
  TerminateSession: terminateSession,
  CancelTask: cancelTask,
  QueryEvents: queryEvents,
  CreateCollectorForEvents: createEventCollector,
  RetrieveArgumentDescription: retrieveArgumentDescription,
  PostEvent: postEvent,
  LogUserEvent: logUserEvent,
  ReadNextEvents: readNextEvents,
  ReadPreviousEvents: readPreviousEvents,
  SetCollectorPageSize: setPageSize,
  RewindCollector: rewindCollector,
  ResetCollector: resetCollector,
  DestroyCollector: destroyHistory,
  ...performance,
  ...environment,
  ...administration,
  ...pools,
});

/** Methods a service answers: the command table's broker rows, no more and no less. */
export const served: readonly string[] = Object.keys(SERVICES);

for (const furnishAll of [
  furnishService,
  furnishCertificate,
  furnishCollectors,
  furnishViews,
  furnishSearch,
  furnishSessions,
  furnishTasks,
  furnishEvents,
  furnishPerformance,
  furnishEnvironment,
  furnishAdministration,
  furnishPools,
])
  furnishAll();

export interface Parts {
  /** Answers rows of route `central`: the translation of calls to commands. */
  readonly central?: Broker['call'];
  readonly stream?: Broker['stream'];
}

const scopeOf = (context: BrokerContext, caches: Caches, call: Call): Scope => ({
  context,
  caches,
  version: call.version,
  host: context.front.host,
});

const serviceFor = ({ route, method }: Row, central: Broker['call'] | undefined): Service | undefined => {
  if (route === 'broker') return SERVICES[method];
  // A direct row without a lease goes the central way.
  return central && (route === 'central' || route === 'direct')
    ? ({ context }, call) => central(call, context)
    : undefined;
};

/** One broker for one store: it keeps caches by store, which may be lost at any time. */
export const createBroker = ({ central, stream }: Parts = {}): Broker => {
  const byStore = new WeakMap<object, Caches>();
  const cachesOf = ({ store, front }: BrokerContext): Caches => {
    let caches = byStore.get(store);
    if (!caches) {
      caches = makeCaches(front.host);
      byStore.set(store, caches);
    }
    return caches;
  };
  return {
    *call(call, context) {
      const scope = scopeOf(context, cachesOf(context), call);
      const ref = { type: call.target.type, value: call.target.id };
      const row = rowOf(call.method);
      // Before anything else: an object that is not there can do nothing.
      if (!exists(scope, ref)) return refuse(objectNotFound(ref));
      if (!row) return refuse(fault('method-not-found', { method: call.method }, ''));
      const service = serviceFor(row, central);
      if (!service) return refuse(fault('not-supported', {}, row.because ?? ''));
      const answer = service(scope, call);
      return 'kind' in answer ? answer : yield* answer;
    },
    stream:
      stream ??
      // biome-ignore lint/correctness/useYield: no streams without the datastore tree
      function* () {
        return { ok: false, fault: fault('not-supported', {}, '') };
      },
  };
};

export const broker: Broker = createBroker();
