/** network.create and destroy in, network verbs of the hub out. */
import type { Brokered } from '../../generic/platform.ts';
import { NULL_REF } from '../ids.ts';
import { dropped, givenIn, givenTo } from './follow-ups.ts';
import { notSupported, refuse } from './refusal.ts';
import { networkOf } from './targets.ts';
import { type Answer, type Ending, ended, last, numberArg, recordArg, textArg, type Work } from './work.ts';

const KEPT = ['name_description', 'other_config', 'tags'] as const;

// biome-ignore lint/correctness/useYield: an answer like the others
function* createNetwork(work: Work): Brokered<Ending> {
  const record = recordArg(work);
  const name = textArg(record, 'name_label');
  const mtu = numberArg(record, 'MTU');
  if (mtu !== 0 && mtu !== 1500) notSupported('MTU', String(mtu), 'networks are made with 1500');
  const params = { name, bridge: textArg(record, 'bridge'), uplinks: [] };
  return last(work, 'network.create', work.context.front.host, params, givenTo(givenIn(record, KEPT)));
}

function* destroyNetwork(work: Work): Brokered<Ending> {
  const network = yield* networkOf(work.self, work);
  const { context } = work;
  const [user] = context.store.edges(network.id, 'vm');
  if (user !== undefined) return refuse('NETWORK_CONTAINS_VIF', NULL_REF);
  return last(work, 'network.delete', network.id, {}, dropped([work.self]));
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
