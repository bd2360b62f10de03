/** The agent half towards XenServer hosts: inventory, what events make dirty, exact re-reads, direct verbs, plan steps, probes and questions. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { Kind, NativeRef } from '../../generic/ids.ts';
import type { Driver, DriverSend } from '../../generic/platform.ts';
import { parseTime } from '../../wire/rpc-value.ts';
import { executeVerb } from './power.ts';
import { probeHost } from './probes.ts';
import { ask, refOfUuid } from './reading/estate.ts';
import { listEverything, readRefs } from './reading/read.ts';
import { performStep } from './steps.ts';

const dirty: Driver['dirty'] = ({ procedure, args }) => {
  if (procedure !== 'CHANGED') return [];
  const ref: NativeRef = { kind: args['kind'] as Kind, native: String(args['native']) };
  const { hint } = args;
  return [typeof hint === 'string' ? { ref, hint } : { ref }];
};

/** Two rows, so that one of them is whole. */
const STATISTICS_SECONDS = 12;

/** By the host's own clock, which may be wrong. */
const statistics = async (send: DriverSend): Promise<Outcome> => {
  const hosts = await ask(send, 'host.get_all');
  if (!hosts.ok) return hosts;
  const [host] = Array.isArray(hosts.value) ? hosts.value : [];
  const told = await ask(send, 'host.get_servertime', { host: String(host) });
  if (!told.ok) return told;
  const now = parseTime(String(told.value));
  if (now === undefined) return refused(fault('not-supported', {}, 'the host does not tell its time'));
  const counted = await send.call('rrd_updates', { start: Math.floor(now / 1000) - STATISTICS_SECONDS }, 'read');
  return counted.ok ? done(counted.value['statistics']) : counted;
};

const STREAMS: Readonly<Record<string, string>> = {
  'volume.download': 'export_raw_vdi',
  'volume.upload': 'import_raw_vdi',
};

const stream: Driver['stream'] = async (send, { procedure, args }) => {
  const own = Object.hasOwn(STREAMS, procedure) ? STREAMS[procedure] : undefined;
  if (own === undefined) return refused(fault('not-supported', {}, `no such transfer: ${procedure}`));
  const uuid = String(args['volume']);
  const vdi = await refOfUuid(send, 'VDI', uuid, 'work');
  if (vdi === undefined) return refused(fault('file-not-found', { path: uuid }, `There is no volume ${uuid}.`));
  return done({ procedure: own, args: { ...args, vdi } });
};

export const driver: Driver = {
  lanes: { read: 1, work: 2 },
  inventory: listEverything,
  dirty,
  read: readRefs,
  // Everything has its event.
  rescan: async () => [],
  execute: executeVerb,
  step: performStep,
  probe: probeHost,
  stream,
  ask: async (send, question) =>
    question === 'stats' ? statistics(send) : refused(fault('not-supported', {}, `no such question: ${question}`)),
  questions: ['stats'],
};
