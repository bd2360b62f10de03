/** Questions of the API that are no plain reads of records (times, free memory, types of storage, events): by method. */
import type { Call, Reply } from '../../generic/call.ts';
import type { Brokered } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { listedMethods } from '../commands.ts';
import { STORAGE_MANAGERS } from '../storage-kinds.ts';
import { refuse, value } from './answers.ts';
import { eventFrom, eventInject } from './events.ts';
import { fieldText, type Item, refsIn } from './item.ts';
import { eventCurrentId, eventNext, eventRegister, eventUnregister } from './legacy-events.ts';
import { type Scope, sync } from './sync.ts';
import { freeMemory } from './volatile.ts';
import type { World } from './world.ts';

export type Service = (scope: Scope, call: Call) => Brokered;

/** A service of an object that is there. */
const about = (
  cls: string,
  answer: (item: Item, world: World, scope: Scope, call: Call) => ReturnType<typeof value>,
): Service =>
  function* (scope, call) {
    const world = yield* sync(scope);
    const item = world.get(cls, call.target.id);
    return item === undefined ? refuse('HANDLE_INVALID', cls, call.target.id) : answer(item, world, scope, call);
  };

const TRUE = '<boolean>1</boolean>';

const freeMemoryOf = (item: Item, world: World, scope: Scope): number => {
  const metrics = world.get('host_metrics', fieldText(item, 'metrics'));
  return metrics === undefined ? 0 : freeMemory(metrics, scope.context);
};

const managementOf = (item: Item, world: World): string | undefined =>
  refsIn(fieldText(item, 'PIFs')).find((ref) => {
    const pif = world.get('PIF', ref);
    return pif !== undefined && fieldText(pif, 'management') === TRUE;
  });

/** Alerts are another API's business: there is no message, whatever is asked about. */
const nothing = (answer: (call: Call) => Reply): Service =>
  // biome-ignore lint/correctness/useYield: known without looking
  function* (_scope, call) {
    return answer(call);
  };

const SERVICES = table<Service>({
  'message.get': nothing(() => value({})),
  'message.get_all': nothing(() => value([])),
  'message.get_since': nothing(() => value({})),
  'message.get_all_records': nothing(() => value({})),
  'message.get_all_records_where': nothing(() => value({})),
  'message.get_record': nothing(({ target }) => refuse('HANDLE_INVALID', 'message', target.id)),
  'message.get_by_uuid': nothing(({ args }) => refuse('UUID_INVALID', 'message', String(args['uuid'] ?? ''))),
  'event.from': eventFrom,
  'event.inject': eventInject,
  'event.register': eventRegister,
  'event.unregister': eventUnregister,
  'event.next': eventNext,
  'event.get_current_id': eventCurrentId,
  'host.get_servertime': about('host', (_item, _world, { context }) => value(context.now())),
  'host.get_server_localtime': about('host', (_item, _world, { context }) => value(context.now())),
  'host.compute_free_memory': about('host', (item, world, scope) => value(freeMemoryOf(item, world, scope))),
  // The hypervisor keeps no account of what it needs for itself.
  'host.compute_memory_overhead': about('host', () => value(0)),
  'host.get_management_interface': about('host', (item, world) => {
    const pif = managementOf(item, world);
    return pif === undefined ? refuse('NO_HOSTS_AVAILABLE') : value(pif);
  }),
  'host.get_uncooperative_resident_VMs': about('host', () => value([])),
  'host.has_extension': about('host', () => value(false)),
  // biome-ignore lint/correctness/useYield: known without looking
  'host.list_methods': function* () {
    return value(listedMethods);
  },
  'pool.has_extension': about('pool', () => value(false)),
  'pool.get_license_state': about('pool', () => value({ edition: 'free', expiry: 'never' })),
  'SR.get_supported_types': function* () {
    return value(STORAGE_MANAGERS.map(({ type }) => type));
  },
  'VBD.assert_attachable': about('VBD', (item) =>
    fieldText(item, 'currently_attached') === TRUE ? refuse('DEVICE_ALREADY_ATTACHED', item.ref) : value(undefined),
  ),
});

export const serviceOf = (method: string): Service | undefined => SERVICES[method];
