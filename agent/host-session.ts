/** One host: its connections, the first listing, then events to changes; commands, steps and probes to native calls. */
import type { Verb } from '../mappings/generic/commands.ts';
import { fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { NativeRef } from '../mappings/generic/ids.ts';
import type { NativeCall, NativeChange } from '../mappings/generic/native.ts';
import type { Probe, ProbeAnswer } from '../mappings/generic/plan.ts';
import type { Driver, DriverSend, HostStream } from '../mappings/generic/platform.ts';
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import { LinkDown } from '../runtime/link.ts';
import type { Log } from '../runtime/log.ts';
import type { ServerApi } from '../runtime/protocol.ts';
import { createDirtyObjects } from './dirty-objects.ts';
import { type Dialer, HostLost, type Lanes, lostFault, openLanes } from './lanes.ts';
import { createObjectReader } from './object-reader.ts';
import type { ServerPort } from './server-port.ts';

/** Told of each call to the host, and then of its outcome. */
export type CallWatch = (
  procedure: string,
  args: Readonly<Record<string, unknown>>,
) => (outcome: Outcome<Record<string, unknown>>) => void;

const watched = (send: DriverSend, watch: CallWatch | undefined): DriverSend =>
  watch === undefined
    ? send
    : {
        ...send,
        call: async (procedure, args, lane) => {
          const ended = watch(procedure, args);
          const outcome = await send.call(procedure, args, lane);
          ended(outcome);
          return outcome;
        },
      };

export interface HostSession {
  readonly name: string;
  readonly connected: boolean;
  /** Resolved by the first complete listing that the server committed. */
  readonly listed: Promise<void>;
  execute(verb: Verb, native: string, watch?: CallWatch): Promise<Outcome<{ touches: NativeRef[] }>>;
  step(id: string, call: NativeCall): Promise<Outcome<Record<string, unknown>>>;
  probe(probe: Probe): Promise<Outcome<ProbeAnswer>>;
  read(refs: readonly NativeRef[]): Promise<Outcome<NativeChange[]>>;
  ask(question: string, args: Readonly<Record<string, unknown>>): Promise<Outcome>;
  stream(
    call: NativeCall,
    direction: 'download' | 'upload' | 'both',
  ): Promise<Outcome<{ stream: HostStream; close(): void }>>;
  /** Re-reads these and resolves when the server has committed them, or after a bounded wait. */
  settle(refs: readonly NativeRef[]): Promise<void>;
  /** Objects to re-read soon, as if the host had said so. */
  mark(refs: readonly NativeRef[]): void;
  /** Another agent tells the server of the host from now on; streams under way go on. */
  rest(): void;
  close(): Promise<void>;
}

export interface HostSessionOptions {
  readonly name: string;
  readonly driver: Driver;
  readonly dialer: Dialer;
  readonly server: ServerPort;
  readonly clock: Clock;
  readonly log: Log;
}

export const createHostSession = (options: HostSessionOptions): HostSession => {
  const { name, driver, dialer, server, clock, log } = options;
  let lanes: Lanes | undefined;
  let stopped = false;
  let resting = false;
  let retryMs: number = LIMITS.hostReconnectFirstMs;
  let cancelRetry = (): void => {};
  let syncing = false;
  let syncAgain = false;
  /** Read connections on which the driver has registered for events once already. */
  let registered: Lanes | undefined;
  const steps = new Map<string, Promise<Outcome<Record<string, unknown>>>>();
  const { promise: listed, resolve: markListed } = Promise.withResolvers<void>();

  const identity = (): { id: Parameters<ServerApi['list']>[0]; epoch: number } | undefined => server.hello?.hosts[name];
  const tell = (connected: boolean, text: string): void => {
    const self = identity();
    if (self !== undefined) server.api?.hostState(self.id, self.epoch, { connected, text }).catch(() => {}); // told again by the next listing
  };

  /** A lost connection is a fault of the host; anything else thrown is our own bug and goes on. */
  const guarded = async <T>(act: (open: Lanes) => Promise<Outcome<T>>): Promise<Outcome<T>> => {
    if (lanes === undefined) return lostFault(name);
    try {
      return await act(lanes);
    } catch (error) {
      if (error instanceof HostLost) return lostFault(name);
      throw error;
    }
  };
  const objects = createObjectReader((refs) => {
    if (lanes === undefined) return Promise.reject(new HostLost(`the connection to ${name} is lost`));
    return driver.read(lanes.send, refs);
  });

  const dirty = createDirtyObjects({
    pass: objects.pass,
    commit: async (changes) => {
      const self = identity();
      if (self === undefined || server.api === undefined) throw new LinkDown('the transform server is away');
      await server.api.changes(self.id, self.epoch, changes);
    },
    failed: (error) => {
      if (error instanceof HostLost || error instanceof LinkDown) return; // a listing follows
      log.error({ host: name, error }, 'changes could not be read or committed; the host is listed again');
      clock.after(retryMs, synchronise);
    },
  });

  /** Lists everything; what events say meanwhile is read after it. */
  const list = async (open: Lanes, api: ServerApi): Promise<void> => {
    const self = identity();
    if (self === undefined) return;
    dirty.hold();
    if (registered === open) {
      const renewed = await open.renewRead();
      if (!renewed.ok) throw new HostLost(renewed.fault.text);
    }
    registered = open;
    const startedMs = clock.now();
    const count = await objects.list(driver.inventory(open.send), (batch) =>
      api.list(self.id, self.epoch, batch, false),
    );
    await api.list(self.id, self.epoch, [], true);
    if (lanes !== open || server.api !== api) return;
    tell(true, 'connected');
    dirty.go();
    markListed();
    retryMs = LIMITS.hostReconnectFirstMs;
    log.info({ host: name, count, ms: clock.now() - startedMs }, 'host listed');
  };

  const synchronise = (): void => {
    if (stopped || resting || lanes === undefined || server.api === undefined) return;
    if (syncing) {
      syncAgain = true;
      return;
    }
    syncing = true;
    const [open, api] = [lanes, server.api];
    list(open, api)
      .catch((error: unknown) => {
        if (error instanceof HostLost || error instanceof LinkDown) return;
        log.error({ host: name, error }, 'the host could not be listed');
        retryMs = Math.min(retryMs * 2, LIMITS.hostReconnectMostMs);
        clock.after(retryMs, synchronise);
      })
      .finally(() => {
        syncing = false;
        const again = syncAgain || lanes !== open || server.api !== api;
        syncAgain = false;
        if (again) synchronise();
      });
  };

  const retry = (why: string, refusedLogin = false): void => {
    if (stopped) return;
    log.warn({ host: name }, `host away: ${why}`);
    tell(false, why);
    const first = refusedLogin ? LIMITS.hostLoginRetryFirstMs : LIMITS.hostReconnectFirstMs;
    const most = refusedLogin ? LIMITS.hostLoginRetryMostMs : LIMITS.hostReconnectMostMs;
    retryMs = Math.min(Math.max(retryMs, first), most);
    cancelRetry = clock.after(retryMs, () => void connect());
    retryMs = Math.min(retryMs * 2, most);
  };
  const connect = async (): Promise<void> => {
    let opened: Outcome<Lanes>;
    try {
      const onEvent = (event: Parameters<Driver['dirty']>[0]): void => {
        const marks = driver.dirty(event);
        if (marks.length > 0) dirty.add(marks);
      };
      opened = await openLanes({ dialer, host: name, counts: driver.lanes, clock, log, onEvent });
    } catch (error) {
      log.error({ host: name, error }, 'host: opening failed');
      retry(error instanceof Error ? error.message : String(error));
      return;
    }
    if (!opened.ok) return retry(opened.fault.text, opened.fault.kind === 'invalid-login');
    const open = opened.value;
    if (stopped) return void (await open.close());
    lanes = open;
    synchronise();
    const why = await open.lost;
    if (lanes === open) lanes = undefined;
    dirty.hold();
    await open.close();
    retry(why);
  };

  const rescan = async (): Promise<void> => {
    if (lanes === undefined || server.api === undefined || syncing) return;
    try {
      const refs = await driver.rescan(lanes.send);
      dirty.add(refs.map((ref) => ({ ref })));
    } catch (error) {
      if (!(error instanceof HostLost)) log.error({ host: name, error }, 'rescan failed');
    }
  };
  let rescanning = false;
  const stopRescan = clock.every(LIMITS.hostRescanMs, () => {
    if (rescanning) return;
    rescanning = true;
    void rescan().finally(() => {
      rescanning = false;
    });
  });
  server.onUp(() => synchronise());
  server.onDown(() => dirty.hold());
  void connect();

  return {
    name,
    get connected() {
      return lanes !== undefined;
    },
    listed,
    execute: (verb, native, watch) => guarded((open) => driver.execute(watched(open.send, watch), verb, native)),
    step: (id, call) => {
      const known = steps.get(id);
      if (known !== undefined) return known;
      const outcome = guarded((open) => driver.step(open.send, call));
      steps.set(id, outcome);
      // A step that was never sent may be asked for again.
      outcome.catch(() => steps.delete(id));
      if (steps.size > LIMITS.stepsRemembered) steps.delete(steps.keys().next().value ?? '');
      return outcome;
    },
    probe: (probe) => guarded((open) => driver.probe(open.send, probe)),
    read: (refs) => guarded(async () => ({ ok: true, value: await objects.read(refs) })),
    ask: (question, args) =>
      driver.questions.includes(question)
        ? guarded((open) => driver.ask(open.send, question, args))
        : Promise.resolve(refused(fault('not-supported', {}, `the host is not asked "${question}"`))),
    stream: (call, direction) =>
      guarded(async (open) => {
        const native = await driver.stream(open.send, call);
        return native.ok ? open.stream(native.value.procedure, native.value.args, direction) : native;
      }),
    settle: async (refs) => {
      const self = identity();
      const api = server.api;
      if (refs.length === 0 || self === undefined || api === undefined) return;
      const commit = async (): Promise<void> => {
        try {
          await (await objects.pass(refs, (changes) => api.changes(self.id, self.epoch, changes))).committed;
        } catch (error) {
          // Either side is away: a listing follows.
          if (!(error instanceof HostLost) && !(error instanceof LinkDown)) throw error;
        }
      };
      let forget = (): void => {};
      const late = new Promise<void>((resolve) => {
        forget = clock.after(LIMITS.readAfterWriteMs, resolve);
      });
      await Promise.race([commit(), late]).finally(forget);
    },
    mark: (refs) => dirty.add(refs.map((ref) => ({ ref }))),
    rest: () => {
      resting = true;
      stopRescan();
      dirty.hold();
    },
    close: async () => {
      stopped = true;
      stopRescan();
      cancelRetry();
      dirty.hold();
      await lanes?.close();
    },
  };
};
