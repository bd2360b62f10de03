/** A request for the console of a running VM in, the tunnel to its screen out. */
import type { BrokerContext, Brokered, StreamRequest, StreamTarget } from '../../generic/platform.ts';
import { refuse } from '../central/refusal.ts';
import { onlyMachine, standingOf, xenVmOf } from '../central/targets.ts';
import type { Work } from '../central/work.ts';
import { parseRef, parseUuid, refOf, type XenId, xenId } from '../ids.ts';
import { streamWork } from './stream-work.ts';

/** VMs and consoles are named by reference or by uuid; a VM's uuid is the host's own. */
const named = ({ query }: StreamRequest, { front, store }: BrokerContext): XenId | undefined => {
  const ref = query['ref'];
  if (ref !== undefined) return parseRef(ref, front);
  const uuid = query['uuid'] ?? '';
  const own = parseUuid(uuid, front);
  if (own !== undefined) return own;
  const vm = store.list('vm', front.host).find((entry) => entry.uuid === uuid);
  return vm && xenId('VM', vm.id);
};

/** As the API's own server answers CONNECT: nothing that a proxy between could take for a body. */
const HEADERS = { connection: 'keep-alive', 'cache-control': 'no-cache, no-store' };

export function* consoleTarget(request: StreamRequest, context: BrokerContext): Brokered<StreamTarget> {
  const id = named(request, context);
  const given = request.query['ref'] ?? request.query['uuid'] ?? '';
  if (id === undefined || (id.cls !== 'VM' && id.cls !== 'console')) return refuse('HANDLE_INVALID', 'console', given);
  const work: Work = streamWork(
    request,
    context,
    refOf(xenId('VM', id.owner, id.cls === 'VM' ? id.part : 0), context.front),
  );
  const target = yield* xenVmOf(work.self, work);
  const vm = onlyMachine(target);
  const { state } = standingOf(target, work);
  if (state !== 'Running') refuse('VM_BAD_POWER_STATE', vm.ref, 'running', state.toLowerCase());
  return {
    kind: 'tunnel',
    status: 200,
    headers: HEADERS,
    protocols: ['binary'],
    call: { procedure: 'console.open', args: { vm: vm.entry.native } },
  };
}
