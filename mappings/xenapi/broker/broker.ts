/** The native services of XenAPI: a broker or central call in; the service that answers it, by method. */
import type { Reply } from '../../generic/call.ts';
import { fault } from '../../generic/faults.ts';
import type { Broker, BrokerContext, Brokered } from '../../generic/platform.ts';
import { rowOf } from '../commands.ts';
import { messageOf } from '../types.ts';
import { bequeath } from './inheritance.ts';
import { readRecords } from './records.ts';
import { serviceOf } from './services.ts';
import { type Caches, makeCaches } from './sync.ts';

export interface Parts {
  /** Answers rows of route `central`: the translation of calls to commands. */
  readonly central?: Broker['call'];
  readonly stream?: Broker['stream'];
  readonly follow?: Broker['follow'];
  readonly transferred?: Broker['transferred'];
}

const notSupported = (text: string): Reply => ({ kind: 'fault', fault: fault('not-supported', {}, text) });

/** One broker for one store: it keeps caches by store and front, which may be lost at any time. */
export const createBroker = ({ central, stream, follow, transferred }: Parts = {}): Broker => {
  const byStore = new WeakMap<object, Map<string, Caches>>();
  const cachesOf = ({ store, front }: BrokerContext): Caches => {
    let byFront = byStore.get(store);
    if (!byFront) {
      byFront = new Map();
      byStore.set(store, byFront);
    }
    let caches = byFront.get(front.uuid);
    if (!caches) {
      caches = makeCaches();
      byFront.set(front.uuid, caches);
    }
    return caches;
  };
  return {
    *call(call, context): Brokered {
      const row = rowOf(call.method);
      if (row === undefined) return notSupported(`${call.method} is not served`);
      // A direct row without a lease goes the central way.
      if (row.route === 'central' || row.route === 'direct')
        return central === undefined ? notSupported(`${call.method} is not served`) : yield* central(call, context);
      if (row.route !== 'broker') return notSupported(row.because ?? '');
      const scope = { context, caches: cachesOf(context) };
      const service = serviceOf(call.method);
      if (service !== undefined) return yield* service(scope, call);
      const message = messageOf(call.method);
      if (message?.does !== undefined) return yield* readRecords(scope, call, message);
      // What asks about a change is answered by whoever would make it.
      if (central === undefined) throw new Error(`row ${call.method} names no service`);
      return yield* central(call, context);
    },
    *rest(context) {
      const { world } = cachesOf(context);
      // One that is still being built takes up what lies there already.
      if (world !== undefined) yield* bequeath(world, context);
    },
    stream:
      stream ??
      // biome-ignore lint/correctness/useYield: nothing is transferred
      function* () {
        return { ok: false, fault: fault('not-supported', {}, '') };
      },
    ...(follow === undefined ? {} : { follow }),
    ...(transferred === undefined ? {} : { transferred }),
  };
};
