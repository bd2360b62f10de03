/** Probes of plan steps: a question to the host whether a step took effect, answered from what the host says now. */
import { done, type Outcome, refused } from '../../generic/faults.ts';
import type { Probe, ProbeAnswer } from '../../generic/plan.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { domain } from './arguments.ts';
import { ask } from './conversation.ts';
import { STATE_QUESTIONS } from './state-probes.ts';

type Args = Readonly<Record<string, unknown>>;
type Question = (send: DriverSend, args: Args) => Promise<Outcome<ProbeAnswer>>;

const text = (args: Args, name: string): string => {
  const value = args[name];
  if (typeof value !== 'string') throw new Error(`a probe without ${name}`);
  return value;
};

/** The host's "there is no such object" is an answer; any other refusal is none. */
const ABSENT = new Set(['object-not-found', 'not-found']);
const exists = async (asked: Promise<Outcome<unknown>>): Promise<Outcome<boolean>> => {
  const outcome = await asked;
  if (outcome.ok) return done(true);
  return ABSENT.has(outcome.fault.kind) ? done(false) : refused(outcome.fault);
};
const when = (wanted: boolean, found: Outcome<boolean>): Outcome<ProbeAnswer> =>
  found.ok ? done(found.value === wanted ? 'done' : 'not-done') : found;

const volume = (send: DriverSend, args: Args): Promise<Outcome<boolean>> =>
  exists(
    ask(send, 'STORAGE_VOL_LOOKUP_BY_NAME', {
      pool: { name: text(args, 'pool'), uuid: text(args, 'poolUuid') },
      name: text(args, 'name'),
    }),
  );
/** VIR_ERR_OPERATION_INVALID */
const STILL_WRITTEN = '55';

/**
 * A copy is listed from its first byte on, and what lists it does not say whether it is whole. A change of size is refused in either case, as
 * no volume shrinks to one byte unasked; of one that is still written for that reason.
 */
const volumeWritten: Question = async (send, args) => {
  const found = await ask(send, 'STORAGE_VOL_LOOKUP_BY_NAME', {
    pool: { name: text(args, 'pool'), uuid: text(args, 'poolUuid') },
    name: text(args, 'name'),
  });
  if (!found.ok) return ABSENT.has(found.fault.kind) ? done('not-done') : refused(found.fault);
  const resized = await ask(send, 'STORAGE_VOL_RESIZE', { vol: found.value.vol, capacity: 1n, flags: 0 });
  if (resized.ok) return done('done');
  // Without an answer of the host's own there is none here.
  const { native } = resized.fault;
  if (native === undefined) return refused(resized.fault);
  return done(native.code === STILL_WRITTEN ? 'running' : 'done');
};
const domainFound = (send: DriverSend, args: Args): Promise<Outcome<boolean>> =>
  exists(ask(send, 'DOMAIN_LOOKUP_BY_UUID', { uuid: text(args, 'uuid') }));
const snapshotFound = (send: DriverSend, args: Args): Promise<Outcome<boolean>> =>
  exists(
    ask(send, 'DOMAIN_SNAPSHOT_LOOKUP_BY_NAME', {
      dom: domain(text(args, 'uuid')),
      name: text(args, 'name'),
      flags: 0,
    }),
  );

/** virDomainJobType: 0 is none. A host without job statistics has no jobs. */
const busy = async (send: DriverSend, uuid: string): Promise<boolean> => {
  const job = await ask(send, 'DOMAIN_GET_JOB_STATS', { dom: domain(uuid), flags: 0 });
  return job.ok && job.value.type !== 0;
};

const QUESTIONS: Readonly<Record<string, Question>> = {
  ...STATE_QUESTIONS,
  'volume-exists': volumeWritten,
  'volume-absent': async (send, args) => when(false, await volume(send, args)),
  'domain-exists': async (send, args) => when(true, await domainFound(send, args)),
  'domain-absent': async (send, args) => when(false, await domainFound(send, args)),
  'snapshot-exists': async (send, args) => {
    const found = when(true, await snapshotFound(send, args));
    return found.ok && found.value === 'not-done' && (await busy(send, text(args, 'uuid'))) ? done('running') : found;
  },
  'snapshot-absent': async (send, args) => {
    const found = when(false, await snapshotFound(send, args));
    return found.ok && found.value === 'not-done' && (await busy(send, text(args, 'uuid'))) ? done('running') : found;
  },
};

/** Throws on a probe that plans may not ask: that is our bug. */
export const probeHost = (send: DriverSend, probe: Probe): Promise<Outcome<ProbeAnswer>> => {
  const question = QUESTIONS[probe.probe];
  if (!question) throw new Error(`libvirt has no probe ${probe.probe}`);
  return question(send, probe.args);
};
