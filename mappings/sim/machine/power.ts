/** Power of simulated VMs: start, stop, reset, suspend, pause, resume, and what their guests do when asked nicely. */
import type { GuestFacts, PowerState, Vm } from '../../generic/model.ts';
import {
  drop,
  gone,
  type Procedure,
  put,
  refuse,
  type SimEvent,
  type SimState,
  type Step,
  text,
  took,
  type VmRecord,
  volumeNative,
  wrongState,
} from './state.ts';

/** How long a guest takes to go down. */
export const SHUTDOWN_MS = 2000;

export const vmEvent = (native: string, hint: string): SimEvent => ({ procedure: 'EVENT.vm', args: { native, hint } });

export const withVm = (state: SimState, record: VmRecord): SimState => ({
  ...state,
  vms: put(state.vms, record.native, record),
});

/** An address that stays the same for the same MAC. */
const addressOf = (mac: string): string => {
  const [a = 0, b = 0, c = 0] = mac
    .split(':')
    .slice(3)
    .map((byte) => Number.parseInt(byte, 16) || 0);
  return `10.${a}.${b}.${1 + (c % 254)}`;
};

/** Each VM is taken to run a guest with tools: a simulated one has nothing else to say. */
export const guestOf = (doc: Vm, running: boolean): GuestFacts => ({
  toolsInstalled: true,
  toolsRunning: running,
  hostName: doc.name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 63),
  addresses: running
    ? doc.nics.filter(({ connected }) => connected).map(({ mac }) => ({ mac, address: addressOf(mac), prefix: 8 }))
    : [],
});

/** The same VM in another power state, with what follows from it. */
export const inState = (doc: Vm, powerState: PowerState, nowMs: number): Vm => {
  const { startedMs, ...rest } = doc;
  const up = powerState === 'running' || powerState === 'paused';
  const wasUp = doc.powerState === 'running' || doc.powerState === 'paused';
  return {
    ...rest,
    powerState,
    guest: guestOf(doc, powerState === 'running'),
    ...(up ? { startedMs: wasUp && startedMs !== undefined ? startedMs : nowMs } : {}),
  };
};

const move = (state: SimState, record: VmRecord, powerState: PowerState, nowMs: number, hint: string): Step => {
  const due = state.due.has(record.native) ? drop(state.due, record.native) : state.due;
  // A VM without a kept definition is gone when it stops.
  if (powerState === 'stopped' && !record.doc.permanent) {
    return took({ ...state, due, vms: drop(state.vms, record.native) }, [vmEvent(record.native, 'vm.deleted')]);
  }
  return took({ ...withVm(state, { ...record, doc: inState(record.doc, powerState, nowMs) }), due }, [
    vmEvent(record.native, hint),
  ]);
};

type Act = (state: SimState, record: VmRecord, nowMs: number, args: Readonly<Record<string, unknown>>) => Step;
const onVm =
  (act: Act): Procedure =>
  (state, args, nowMs) => {
    const native = text(args, 'vm');
    const record = state.vms.get(native);
    return record ? act(state, record, nowMs, args) : gone(state, 'vm', native);
  };

/** From these states to that one. */
const from =
  (states: readonly PowerState[], to: PowerState, hint: string): Act =>
  (state, record, nowMs) =>
    states.includes(record.doc.powerState)
      ? move(state, record, to, nowMs, hint)
      : wrongState(state, to, record.doc.powerState);

const start: Act = (state, record, nowMs, { paused }) => {
  const { doc } = record;
  const to = paused === true ? 'paused' : 'running';
  if (doc.powerState === to) return wrongState(state, to, to);
  if (doc.powerState === 'running') return wrongState(state, 'running', doc.powerState);
  if (state.host.maintenance) return refuse(state, 'invalid-state', {}, 'The host is in maintenance mode.');
  if (doc.template) return refuse(state, 'not-supported', {}, 'A template cannot be started.');
  if (doc.powerState === 'paused') return move(state, record, 'running', nowMs, 'vm.resumed');
  if (doc.memoryBytes > state.host.memoryBytes) {
    const members = { requestedBytes: doc.memoryBytes, availableBytes: state.host.memoryBytes };
    return refuse(state, 'insufficient-memory', members, 'The host does not have sufficient memory.');
  }
  for (const { medium } of doc.disks) {
    const { storageName, volumeName } = medium;
    if (storageName !== '' && volumeName !== undefined && !state.volumes.has(volumeNative(storageName, volumeName)))
      return refuse(
        state,
        'file-not-found',
        { path: medium.path ?? volumeName },
        `The volume "${volumeName}" was not found.`,
      );
  }
  return move(state, record, to, nowMs, doc.powerState === 'suspended' ? 'vm.resumed' : 'vm.started');
};

const reset: Act = (state, record, nowMs) => {
  if (record.doc.powerState !== 'running') return wrongState(state, 'running', record.doc.powerState);
  const due = state.due.has(record.native) ? drop(state.due, record.native) : state.due;
  return took({ ...withVm(state, { ...record, doc: { ...record.doc, startedMs: nowMs } }), due }, [
    vmEvent(record.native, 'vm.reset'),
  ]);
};

const tooled =
  (requested: PowerState, act: Act): Act =>
  (state, record, nowMs, args) => {
    if (record.doc.powerState !== 'running') return wrongState(state, requested, record.doc.powerState);
    if (!record.doc.guest.toolsRunning) return refuse(state, 'tools-unavailable', {}, 'The guest does not answer.');
    return act(state, record, nowMs, args);
  };

export const POWER = {
  'VM.start': onVm(start),
  'VM.stop': onVm(from(['running', 'paused', 'suspended'], 'stopped', 'vm.stopped')),
  'VM.reset': onVm(reset),
  'VM.suspend': onVm(from(['running'], 'suspended', 'vm.suspended')),
  'VM.pause': onVm(from(['running'], 'paused', 'vm.paused')),
  'VM.resume': onVm(from(['paused'], 'running', 'vm.resumed')),
  'VM.shutdown': onVm(
    tooled('stopped', (state, { native }, nowMs) =>
      // A second request does not start the guest's way down anew.
      took(state.due.has(native) ? state : { ...state, due: put(state.due, native, nowMs + SHUTDOWN_MS) }),
    ),
  ),
  'VM.reboot': onVm(
    tooled('running', (state, record, nowMs) =>
      took(withVm(state, { ...record, doc: { ...record.doc, startedMs: nowMs } }), [
        vmEvent(record.native, 'vm.guestReboot'),
      ]),
    ),
  ),
} satisfies Record<string, Procedure>;

/** Guests whose time has come are down. */
export const advance = (state: SimState, nowMs: number): { state: SimState; events: SimEvent[] } => {
  const events: SimEvent[] = [];
  let now = state;
  for (const [native, atMs] of state.due) {
    const record = atMs <= nowMs ? now.vms.get(native) : undefined;
    if (atMs > nowMs) continue;
    if (!record) {
      now = { ...now, due: drop(now.due, native) };
      continue;
    }
    const step = move(now, record, 'stopped', nowMs, 'vm.stopped');
    now = step.state;
    events.push(...step.events);
  }
  return { state: now, events };
};

export const wakeAt = (state: SimState): number | undefined => {
  let at: number | undefined;
  for (const atMs of state.due.values()) if (at === undefined || atMs < at) at = atMs;
  return at;
};
