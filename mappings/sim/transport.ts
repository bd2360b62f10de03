/** A URI in, conversations with one simulated host out. Its state lives as long as what `connect` gave back; all conversations share it. */
import { fault, type Outcome, refused } from '../generic/faults.ts';
import type { Endpoint, HostTransport } from '../generic/platform.ts';
import { fixture } from './fixture.ts';
import type { SimEvent, SimState } from './machine/state.ts';
import { advance, step, wakeAt } from './machine.ts';
import { openScreen } from './rfb.ts';
import { openStream, type SimStream } from './stream.ts';
import { parseUri, type SimUri } from './uri.ts';

interface Listener {
  told(events: readonly SimEvent[]): void;
  woken(): void;
}

/** The machine's state and who listens. It begins at the first tick: only then the time is known. */
const createWorld = ({ name, vms }: SimUri) => {
  let state: SimState | undefined;
  const listeners = new Set<Listener>();
  const tell = (events: readonly SimEvent[]): void => {
    if (events.length > 0) for (const listener of [...listeners]) listener.told(events);
  };
  const begun = (nowMs: number): SimState => {
    state ??= fixture(name, vms, nowMs);
    return state;
  };
  return {
    listeners,
    call: (
      procedure: string,
      args: Readonly<Record<string, unknown>>,
      nowMs: number,
    ): Outcome<Record<string, unknown>> => {
      const made = step(begun(nowMs), { procedure, args }, nowMs);
      state = made.state;
      tell(made.events);
      return made.reply;
    },
    tick: (nowMs: number): void => {
      const passed = advance(begun(nowMs), nowMs);
      state = passed.state;
      tell(passed.events);
    },
    wakeAt: (): number | undefined => (state ? wakeAt(state) : undefined),
  };
};
type World = ReturnType<typeof createWorld>;

interface Queued {
  readonly procedure: string;
  readonly args: Readonly<Record<string, unknown>>;
  resolve(outcome: Outcome<Record<string, unknown>>): void;
}

const QUEUE_MAX = 100_000;
/** The one stream that goes both ways. */
const SCREEN = 'VM.screen';

const openTransport = (world: World): HostTransport => {
  const heard: ((event: { procedure: string; args: Readonly<Record<string, unknown>> }) => void)[] = [];
  const streams = new Set<SimStream>();
  let queue: Queued[] = [];
  let wake = (): void => {};
  let over: ReturnType<typeof fault> | undefined;
  let tickedMs = 0;

  const listener: Listener = {
    told: (events) => {
      for (const event of events) for (const listen of heard) listen(event);
    },
    woken: () => wake(),
  };
  world.listeners.add(listener);

  return {
    ready: Promise.resolve({ ok: true, value: undefined }),
    receive: () => {
      throw new Error('a simulated host sends no bytes');
    },
    drain: () => [],
    paused: () => false,
    call: (procedure, args) => {
      if (over) return Promise.resolve(refused(over));
      if (queue.length >= QUEUE_MAX) return Promise.resolve(refused(fault('busy', {}, `${QUEUE_MAX} calls wait`)));
      return new Promise((resolve) => {
        queue.push({ procedure, args, resolve });
        wake();
      });
    },
    stream: (procedure, args, direction) => {
      const made =
        procedure === SCREEN && direction === 'both'
          ? openScreen(args['vm'], () => wake())
          : openStream(procedure, args, direction, () => wake());
      if (over) made.lost(over);
      else {
        streams.add(made);
        void made.stream.finished.then(() => streams.delete(made));
        wake();
      }
      return made.stream;
    },
    // Calls and streams wait for the tick, which brings the time: mappings have no clock.
    tick: (nowMs) => {
      tickedMs = nowMs;
      world.tick(nowMs);
      const waiting = queue;
      queue = [];
      for (const { procedure, args, resolve } of waiting) resolve(world.call(procedure, args, nowMs));
      for (const stream of streams) stream.pump((procedure, args) => world.call(procedure, args, nowMs));
    },
    wakeAt: () => {
      for (const { eager } of streams) if (eager) return tickedMs;
      return world.wakeAt();
    },
    onEvent: (listen) => {
      heard.push(listen);
    },
    onOutput: (listen) => {
      wake = listen;
    },
    closed: (reason) => {
      if (over) return;
      over = fault('host-communication', {}, reason);
      world.listeners.delete(listener);
      for (const { resolve } of queue.splice(0)) resolve(refused(over));
      for (const stream of streams) stream.lost(over);
      // This conversation may have been the one that kept the time.
      for (const other of world.listeners) other.woken();
    },
  };
};

export const connect = (uri: string): Outcome<{ endpoint: Endpoint; open(): HostTransport }> => {
  const parsed = parseUri(uri);
  if (!parsed.ok) return parsed;
  const world = createWorld(parsed.value);
  return {
    ok: true,
    value: { endpoint: { kind: 'embedded', path: `sim:///${parsed.value.name}` }, open: () => openTransport(world) },
  };
};
