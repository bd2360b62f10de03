/** network.create and destroy in, network verbs of the hub out. */
import type { Brokered } from '../../generic/platform.ts';
import { NULL_REF } from '../ids.ts';
import { dropOwnFields, writeOwn } from '../own-data.ts';
import type { Default } from '../types.ts';
import { notSupported, refuse } from './refusal.ts';
import { networkOf } from './targets.ts';
import { type Answer, type Ending, ended, madeRef, numberArg, recordArg, run, textArg, type Work } from './work.ts';

const KEPT = ['name_description', 'other_config', 'tags'] as const;

function* createNetwork(work: Work): Brokered<Ending> {
  const record = recordArg(work);
  const { context } = work;
  const name = textArg(record, 'name_label');
  const mtu = numberArg(record, 'MTU');
  if (mtu !== 0 && mtu !== 1500) notSupported('MTU', String(mtu), 'networks are made with 1500');
  const job = yield* run(work, 'network.create', context.front.host, {
    name,
    bridge: textArg(record, 'bridge'),
    uplinks: [],
  });
  const ref = madeRef(job.result, context);
  for (const field of KEPT) {
    const value = record.args[field] as Default | undefined;
    if (value !== undefined && value !== '' && Object.keys(Object(value)).length > 0)
      writeOwn(context, ref, field, value);
  }
  return ended(ref);
}

function* destroyNetwork(work: Work): Brokered<Ending> {
  const network = yield* networkOf(work.self, work);
  const { context } = work;
  const [user] = context.store.edges(network.id, 'vm');
  if (user !== undefined) return refuse('NETWORK_CONTAINS_VIF', NULL_REF);
  yield* run(work, 'network.delete', network.id, {});
  dropOwnFields(context, work.self);
  return ended();
}

/** Cards are not filtered: the mode that every card would take is the one there is. */
function* setLockingMode(work: Work): Brokered<Ending> {
  yield* networkOf(work.self, work);
  const mode = textArg(work, 'value');
  return mode === 'unlocked'
    ? ended()
    : notSupported('default_locking_mode', mode, 'the host filters no traffic of machines');
}

export const NETWORK: Readonly<Record<string, Answer>> = {
  'network.create': createNetwork,
  'network.destroy': destroyNetwork,
  'network.set_default_locking_mode': setLockingMode,
};
