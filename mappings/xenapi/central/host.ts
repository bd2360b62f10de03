/** host.disable, enable, evacuate, reboot, shutdown and their kin in; maintenance and power of the host, or the error of a host that is a pool's only one, out. */
import type { Outcome } from '../../generic/faults.ts';
import type { Brokered } from '../../generic/platform.ts';
import { urlOf } from '../address.ts';
import { NULL_REF, refOf, xenId } from '../ids.ts';
import { readOwn, writeOwn } from '../own-data.ts';
import { currentField, mustExist } from './current.ts';
import { type Follower, made } from './follow-ups.ts';
import { refuse } from './refusal.ts';
import { documents, type Found, hostOf, idOf, isUp, networkOf } from './targets.ts';
import { type Answer, type Ending, ended, last, textArg, type Work } from './work.ts';

/*
 * A disabled XenServer starts nothing, and lets run on what runs. A host that has a maintenance mode of its own is put into it while
 * nothing runs there; otherwise, and on hosts that have none, the field is kept here and stands against starts through this front.
 */

const ENABLED = 'enabled';
/** No field: false when it stays disabled though the toolstack starts anew. */
const AUTO_ENABLE = 'auto_enable';

/** Asked before anything is started. */
export const isDisabled = ({ ref, doc }: Found<'host'>, { context }: Pick<Work, 'context'>): boolean =>
  doc.maintenance || readOwn(context, ref, ENABLED) === false;

export const theHost = (work: Work): Brokered<Found<'host'>> => {
  const { front } = work.context;
  return hostOf(refOf(xenId('host', front.host), front), work);
};

function* residents(work: Work): Brokered<readonly string[]> {
  const { store, front } = work.context;
  const machines = yield* documents('vm', store.list('vm', front.host), work);
  return machines.filter(isUp).map(({ id }) => refOf(xenId('VM', id), front));
}

function* disable(work: Work): Brokered<Ending> {
  const host = yield* hostOf(textArg(work, 'host'), work);
  const auto = work.args['auto_enable'] !== false;
  writeOwn(work.context, host.ref, AUTO_ENABLE, auto ? undefined : false);
  if (isDisabled(host, work)) return ended();
  const isIdle = (yield* residents(work)).length === 0;
  if (isIdle && host.doc.controls.includes('maintenance')) return last(work, 'host.enterMaintenance', host.id, {});
  writeOwn(work.context, host.ref, ENABLED, false);
  return ended();
}

function* enable(work: Work): Brokered<Ending> {
  return enabling(yield* hostOf(textArg(work, 'host'), work), work);
}

const enabling = (host: Found<'host'>, work: Work): Ending => {
  if (host.doc.maintenance)
    return last(work, 'host.exitMaintenance', host.id, {}, { name: 'host.enabled', args: { ref: host.ref } });
  clear(host.ref, work);
  return ended();
};

const clear = (ref: string, { context }: Work): void => {
  for (const field of [ENABLED, AUTO_ENABLE])
    if (readOwn(context, ref, field) !== undefined) writeOwn(context, ref, field, undefined);
};

// biome-ignore lint/correctness/useYield: a follow-up like the others
function* enabled(work: Work, outcome: Outcome): Brokered<void> {
  made(outcome);
  clear(textArg(work, 'ref'), work);
}

export const HOST_FOLLOWERS: Readonly<Record<string, Follower>> = { 'host.enabled': enabled };

/** The toolstack of this pool is this front: everybody has to log in again, and whoever waits is told; a host that shall be is enabled. Machines run on. */
function* restartAgent(work: Work): Brokered<Ending> {
  const host = yield* hostOf(textArg(work, 'host'), work);
  const { sessions, front } = work.context;
  const ending =
    isDisabled(host, work) && readOwn(work.context, host.ref, AUTO_ENABLE) !== false ? enabling(host, work) : ended();
  for (const { id } of sessions.list(front.name)) sessions.terminate(id);
  return ending;
}

/** There is no other host to go to. */
const NOWHERE = 'NO_HOSTS_AVAILABLE';

function* evacuate(work: Work): Brokered<Ending> {
  yield* hostOf(textArg(work, 'host'), work);
  const [vm] = yield* residents(work);
  return vm === undefined ? ended() : refuse(NOWHERE, vm);
}

function* assertCanEvacuate(work: Work): Brokered<Ending> {
  yield* hostOf(textArg(work, 'host'), work);
  const vms = yield* residents(work);
  if (vms.length > 0) refuse('CANNOT_EVACUATE_HOST', vms.map((vm) => `${NOWHERE},${vm}`).join('|'));
  return ended();
}

function* preventers(work: Work): Brokered<Ending> {
  yield* hostOf(work.self, work);
  const vms = yield* residents(work);
  return ended(Object.fromEntries(vms.map((vm) => [vm, [NOWHERE, vm]])));
}

const powers = (verb: 'host.reboot' | 'host.shutdown'): Answer =>
  function* (work: Work): Brokered<Ending> {
    const host = yield* hostOf(textArg(work, 'host'), work);
    if (!isDisabled(host, work)) refuse('HOST_NOT_DISABLED');
    const [vm] = yield* residents(work);
    if (vm !== undefined) refuse('HOST_IN_USE', host.ref, 'vm', vm);
    return last(work, verb, host.id, {});
  };

function* powerOn(work: Work): Brokered<Ending> {
  const host = yield* hostOf(textArg(work, 'host'), work);
  return host.doc.connected ? refuse('HOST_IS_LIVE', host.ref) : refuse('HOST_POWER_ON_MODE_DISABLED');
}

/** The pool's one host is its master, which lives. */
function* destroy(work: Work): Brokered<Ending> {
  const host = yield* hostOf(work.self, work);
  return refuse('HOST_IS_LIVE', host.ref);
}

/** Nothing here ever made the host log elsewhere: so it stays, and where it shall, it cannot be told. */
function* syslogReconfigure(work: Work): Brokered<Ending> {
  const { ref } = yield* hostOf(textArg(work, 'host'), work);
  const logging = yield* currentField('host', ref, 'logging', work);
  const to = (logging as Readonly<Record<string, string>> | undefined)?.['syslog_destination'] ?? '';
  return to === '' ? ended() : refuse('NOT_IMPLEMENTED', 'host.syslog_reconfigure');
}

/** An interface of the host is in the network. */
function* isAttached(ref: string, { doc }: Found<'host'>, work: Work): Brokered<boolean> {
  if (idOf('network', ref, work).owner === work.context.front.host) {
    yield* mustExist('network', ref, work);
    return true;
  }
  const network = yield* networkOf(ref, work);
  return network.doc.uplinks.some((uplink) => doc.nics.some(({ name }) => name === uplink));
}

/**
 * Where a machine could be sent. Machines move between the storages of this host; another pool's would have to be received by XenServer's
 * own service, so that no session for it is handed out: its sender is told that it has none.
 */
function* migrateReceive(work: Work): Brokered<Ending> {
  const host = yield* hostOf(textArg(work, 'host'), work);
  const { front } = work.context;
  const network = textArg(work, 'network');
  if (!(yield* isAttached(network, host, work))) refuse('HOST_CANNOT_ATTACH_NETWORK', host.ref, network);
  return ended({
    master: urlOf(front, '/'),
    SM: urlOf(front, `/services/SM?session_id=${NULL_REF}`),
    host: host.ref,
    xenops: urlOf(front, `/services/xenops?session_id=${NULL_REF}`),
    session_id: NULL_REF,
  });
}

export const HOST: Readonly<Record<string, Answer>> = {
  'host.disable': disable,
  'host.enable': enable,
  'host.evacuate': evacuate,
  'host.assert_can_evacuate': assertCanEvacuate,
  'host.get_vms_which_prevent_evacuation': preventers,
  'host.reboot': powers('host.reboot'),
  'host.shutdown': powers('host.shutdown'),
  'host.power_on': powerOn,
  'host.restart_agent': restartAgent,
  'host.destroy': destroy,
  'host.syslog_reconfigure': syslogReconfigure,
  'host.migrate_receive': migrateReceive,
};
