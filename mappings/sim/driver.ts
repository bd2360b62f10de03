/** The agent half of the simulated host: inventory, what events make dirty, exact re-reads, direct verbs, plan steps, probes and questions. */
import type { Verb } from '../generic/commands.ts';
import { done, fault, type Outcome, refused } from '../generic/faults.ts';
import type { NativeRef } from '../generic/ids.ts';
import type { NativeChange, NativeObject } from '../generic/native.ts';
import type { Driver, DriverSend } from '../generic/platform.ts';
import { HOST_NATIVE } from './machine/reading.ts';
import type { ProcedureName } from './machine.ts';

const BATCH = 256;

const ask = (
  send: DriverSend,
  procedure: ProcedureName,
  args: Readonly<Record<string, unknown>>,
  lane: 'read' | 'work' = 'read',
) => send.call(procedure, args, lane);

/** A read of our own machine is never refused: a refusal is a lost conversation, which a listing follows. */
const value = async (outcome: Promise<Outcome<Record<string, unknown>>>): Promise<Record<string, unknown>> => {
  const read = await outcome;
  if (!read.ok) throw new Error(`the simulated host refused a read: ${read.fault.text}`);
  return read.value;
};

const readOne = async (send: DriverSend, { kind, native }: NativeRef): Promise<NativeObject | undefined> =>
  ((await value(ask(send, 'OBJECT.get', { kind, native })))['object'] as NativeObject | null) ?? undefined;

async function* inventory(send: DriverSend): AsyncGenerator<NativeObject[]> {
  const host = await readOne(send, { kind: 'host', native: HOST_NATIVE });
  if (host) yield [host];
  for (const kind of ['network', 'storage', 'volume', 'vm'] as const) {
    const natives = (await value(ask(send, 'OBJECT.list', { kind })))['natives'] as string[];
    for (let n = 0; n < natives.length; n += BATCH)
      yield (await value(ask(send, 'OBJECT.getMany', { kind, natives: natives.slice(n, n + BATCH) })))[
        'objects'
      ] as NativeObject[];
  }
}

const dirty: Driver['dirty'] = ({ procedure, args }) => {
  const native = String(args['native']);
  const hint = String(args['hint']);
  switch (procedure) {
    case 'EVENT.vm':
      return [{ ref: { kind: 'vm', native }, hint }];
    case 'EVENT.storage':
      return [{ ref: { kind: 'storage', native }, hint }];
    case 'EVENT.network':
      return [{ ref: { kind: 'network', native }, hint }];
    case 'EVENT.volume':
      // A storage says how full it is.
      return [
        { ref: { kind: 'volume', native } },
        { ref: { kind: 'storage', native: native.slice(0, native.indexOf('/')) } },
      ];
    default:
      return [];
  }
};

const read = async (send: DriverSend, refs: readonly NativeRef[]): Promise<NativeChange[]> => {
  const objects = await Promise.all(refs.map((ref) => readOne(send, ref)));
  return refs.map((ref, n): NativeChange => {
    const object = objects[n];
    return object ? { change: 'put', object } : { change: 'gone', ref };
  });
};

const DIRECT: Partial<Record<Verb, ProcedureName>> = {
  'vm.start': 'VM.start',
  'vm.stop': 'VM.stop',
  'vm.reset': 'VM.reset',
  'vm.suspend': 'VM.suspend',
  'vm.pause': 'VM.pause',
  'vm.resume': 'VM.resume',
  'vm.shutdownGuest': 'VM.shutdown',
  'vm.rebootGuest': 'VM.reboot',
};

const execute: Driver['execute'] = async (send, verb, native) => {
  if (verb === 'storage.refresh') {
    const refreshed = await ask(send, 'STORAGE.refresh', { storage: native }, 'work');
    return refreshed.ok ? done({ touches: [{ kind: 'storage', native }] }) : refreshed;
  }
  const procedure = DIRECT[verb];
  if (!procedure) throw new Error(`${verb} is no direct verb of this driver`);
  const outcome = await ask(send, procedure, { vm: native }, 'work');
  return outcome.ok ? done({ touches: [{ kind: 'vm', native }] }) : outcome;
};

const STREAMS: Readonly<Record<string, ProcedureName>> = {
  'volume.download': 'VOLUME.read',
  'volume.upload': 'VOLUME.write',
};

const stream: Driver['stream'] = async (_send, { procedure, args }) => {
  if (procedure === 'console.open') return done({ procedure: 'VM.screen', args: { vm: args['vm'] } });
  const own = Object.hasOwn(STREAMS, procedure) ? STREAMS[procedure] : undefined;
  if (own === undefined) return refused(fault('not-supported', {}, `no such transfer: ${procedure}`));
  return done({
    procedure: own,
    args: { volume: args['volume'], offset: args['offsetBytes'] ?? 0, length: args['lengthBytes'] ?? -1 },
  });
};

const QUESTIONS = ['stats', 'screenshot'] as const;

const answer: Driver['ask'] = async (send, question, args) => {
  if (question === 'stats')
    return ask(send, 'STATS.sample', args['natives'] === undefined ? {} : { natives: args['natives'] });
  if (question === 'screenshot') return ask(send, 'VM.screenshot', { vm: args['vm'] });
  return refused(fault('not-supported', {}, `no such question: ${question}`));
};

export const driver: Driver = {
  lanes: { read: 1, work: 2 },
  inventory,
  dirty,
  read,
  // Everything has its event.
  rescan: async () => [],
  execute,
  step: (send, call) => send.call(call.procedure, call.args, 'work'),
  probe: async (send, { probe, args }) => {
    if (probe === 'stopped') {
      const vm = await readOne(send, { kind: 'vm', native: String(args['vm']) });
      return done(vm === undefined || vm.facts['state'] === 'stopped' ? 'done' : 'not-done');
    }
    if (probe !== 'mark') throw new Error(`the simulated host knows no probe "${probe}"`);
    const outcome = await ask(send, 'MARK.seen', { mark: args['mark'] }, 'work');
    return outcome.ok ? done(outcome.value['seen'] === true ? 'done' : 'not-done') : outcome;
  },
  stream,
  ask: answer,
  questions: QUESTIONS,
};
