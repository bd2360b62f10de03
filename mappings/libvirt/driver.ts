/** The agent half of libvirt: inventory, what events make dirty, exact re-reads, direct verbs, plan steps, probes and questions. */
import { fault, type Outcome, refused } from '../generic/faults.ts';
import type { NativeRef } from '../generic/ids.ts';
import type { NativeChange, NativeObject } from '../generic/native.ts';
import type { Driver, DriverSend } from '../generic/platform.ts';
import { openConsole } from './driver/console.ts';
import { inParallel } from './driver/conversation.ts';
import { stepArguments } from './driver/definitions.ts';
import { domainFacts, listDomains, readDomain } from './driver/domains.ts';
import { dirtyOf, registerEvents } from './driver/events.ts';
import { listNetworks, readHost, readNetwork } from './driver/host.ts';
import { executeVerb } from './driver/power.ts';
import { probeHost } from './driver/probes.ts';
import { screenshot } from './driver/screenshot.ts';
import { statistics } from './driver/statistics.ts';
import { listPools, readBytes, readPool, readVolume, volumeStream } from './driver/storage.ts';

const BATCH = 256;
/** Calls under way at once; the transport holds them to what the daemon reads. */
const WIDTH = 48;

/** What only reads documents and states, none of which waits for a guest. */
const asListing = (send: DriverSend): DriverSend => ({
  ...send,
  call: (procedure, args, lane) => send.call(procedure, args, lane === 'read' ? 'listing' : lane),
});

async function* inventory(given: DriverSend): AsyncGenerator<NativeObject[]> {
  await registerEvents(given);
  const send = asListing(given);
  const [host, pools, networks] = await Promise.all([readHost(send), listPools(send), listNetworks(send)]);
  const storages = await inParallel(pools, 4, ({ uuid }) => readPool(send, uuid));
  const nets = await inParallel(networks, WIDTH, ({ uuid }) => readNetwork(send, uuid));
  yield [host, ...nets.filter((object) => object !== undefined)];
  for (const objects of storages) for (let n = 0; n < objects.length; n += BATCH) yield objects.slice(n, n + BATCH);
  const domains = [...(await listDomains(send))];
  // The next batch is read while this one is on its way over the link.
  const read = (from: number): Promise<(NativeObject | undefined)[]> =>
    inParallel(domains.slice(from, from + BATCH), WIDTH, ([uuid, facts]) => readDomain(send, uuid, facts));
  let next = read(0);
  for (let n = 0; n < domains.length; n += BATCH) {
    const batch = await next;
    next = read(n + BATCH);
    yield batch.filter((object) => object !== undefined);
  }
}

const put = (object: NativeObject): NativeChange => ({ change: 'put', object });

const readOne = async (send: DriverSend, ref: NativeRef): Promise<NativeChange[]> => {
  const gone: NativeChange = { change: 'gone', ref };
  switch (ref.kind) {
    case 'vm': {
      const facts = await domainFacts(send, ref.native);
      const object = facts && (await readDomain(send, ref.native, facts));
      return [object ? put(object) : gone];
    }
    case 'storage': {
      const objects = await readPool(send, ref.native);
      return objects.length > 0 ? objects.map(put) : [gone];
    }
    case 'volume': {
      const object = await readVolume(send, ref.native);
      return [object ? put(object) : gone];
    }
    case 'network': {
      const object = await readNetwork(send, ref.native);
      return [object ? put(object) : gone];
    }
    case 'host':
      return [put(await readHost(send))];
    default:
      throw new Error(`libvirt has no ${ref.kind} to read`);
  }
};

/** Above this the slow scan re-reads only VMs whose snapshots may have changed silently. */
const RESCAN_ALL = 500;

const rescan = async (send: DriverSend): Promise<NativeRef[]> => {
  const [pools, domains] = await Promise.all([listPools(send), listDomains(send)]);
  const refs: NativeRef[] = pools.map(({ uuid }) => ({ kind: 'storage', native: uuid }));
  for (const [uuid, facts] of domains)
    if (domains.size <= RESCAN_ALL || facts.hasSnapshots) refs.push({ kind: 'vm', native: uuid });
  return refs;
};

const QUESTIONS = ['stats', 'screenshot', 'volume.read'] as const;

const answer = async (
  send: DriverSend,
  question: string,
  args: Readonly<Record<string, unknown>>,
): Promise<Outcome> => {
  if (question === 'stats') return statistics(send, args['natives'] as readonly string[] | undefined);
  if (question === 'volume.read') return readBytes(send, args);
  if (question === 'screenshot') return screenshot(send, String(args['vm']), Number(args['screen'] ?? 0));
  return refused(fault('not-supported', {}, `no such question: ${question}`));
};

export const driver: Driver = {
  lanes: { read: 1, work: 2 },
  inventory,
  dirty: dirtyOf,
  read: async (send, refs) => (await inParallel(refs, WIDTH, (ref) => readOne(send, ref))).flat(),
  rescan,
  execute: executeVerb,
  step: async (send, call) => {
    const args = await stepArguments(send, call);
    return args.ok ? send.call(call.procedure, args.value, 'work') : args;
  },
  probe: probeHost,
  stream: (send, call) =>
    call.procedure === 'console.open' ? openConsole(send, String(call.args['vm'])) : volumeStream(send, call),
  ask: answer,
  questions: QUESTIONS,
};
