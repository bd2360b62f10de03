/** A job runner on real storage with a host that can be scripted, simulated, cut off and crashed. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { command } from '../../../mappings/generic/commands.ts';
import { done, fault, type Outcome, refused } from '../../../mappings/generic/faults.ts';
import type { HubId } from '../../../mappings/generic/ids.ts';
import type { NativeCall, NativeChange, NativeObject } from '../../../mappings/generic/native.ts';
import type { FollowUp, Plan, Probe, ProbeAnswer, Step } from '../../../mappings/generic/plan.ts';
import type { Platform } from '../../../mappings/generic/platform.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { silentLog } from '../../../runtime/log.ts';
import type { Renderer } from '../../../transform-server/engine/renderer.ts';
import { createEvents } from '../../../transform-server/events/events.ts';
import { createIds } from '../../../transform-server/ids/ids.ts';
import type { HostsGateway, HostWriter, WriterApi } from '../../../transform-server/jobs/gateway.ts';
import { createJobs, type Jobs, type JobsOptions } from '../../../transform-server/jobs/jobs.ts';
import type { JobMeta } from '../../../transform-server/jobs/records.ts';
import type { Timing } from '../../../transform-server/jobs/timing.ts';
import { type DirectoryStorage, openStorage } from '../../../transform-server/storage/storage.ts';
import { createStore } from '../../../transform-server/store/memory.ts';
import type { Store } from '../../../transform-server/store/store.ts';
import { createVersions } from '../../../transform-server/store/versions.ts';

export const TIMING: Timing = {
  pollMs: 2,
  pollMostMs: 5,
  settleMs: 40,
  retryMs: 2,
  retries: 3,
  giveUpMs: 80,
  barrierMs: 60,
  keepMs: 600_000,
};

export const META: JobMeta = {
  user: 'root',
  front: 'f',
  method: 'CreateVM_Task',
  nativeTarget: { type: 'Folder', id: 'vm' },
  operation: 'op',
  exchange: '',
};

export const NEVER = new Promise<never>(() => {});

export const call = (procedure: string, args: Record<string, unknown> = {}): NativeCall => ({ procedure, args });
export const makeStep = (what: string, kind: Step['kind'], more: Partial<Step> = {}): Step => ({
  name: what,
  kind,
  call: call('make', { what }),
  probe: { probe: 'exists', args: { what } },
  ...(kind === 'compensatable' ? { undo: call('remove', { what }) } : {}),
  ...more,
});
export const THREE: readonly Step[] = [
  makeStep('volume', 'compensatable'),
  makeStep('domain', 'pivot'),
  makeStep('running', 'forward-only'),
];
export const planOf = (host: HubId, steps: readonly Step[] = THREE, more: Partial<Plan> = {}): Plan => ({
  host,
  queue: 'q',
  steps,
  touches: [{ kind: 'vm', native: 'new' }],
  makes: { kind: 'vm', native: 'new' },
  ...more,
});

/** A host that does what steps say, remembers step ids as an agent does, and can be late. */
export class SimulatedHost {
  readonly effects = new Set<string>();
  readonly sends: string[] = [];
  remembered = new Map<string, Outcome<Record<string, unknown>>>();
  /** An effect comes this long after its call: when the call was lost, after recovery has looked. */
  lateMs = 0;
  /** By procedure and what: the fault it answers, so many times. */
  faults = new Map<string, { times: number; kind: 'no-disk-space' | 'host-communication' }>();
  pending = 0;

  async step(id: string, { procedure, args }: NativeCall): Promise<Outcome<Record<string, unknown>>> {
    const known = this.remembered.get(id);
    if (known) return known;
    this.sends.push(id);
    const what = String(args['what']);
    const failing = this.faults.get(`${procedure} ${what}`);
    if (failing && failing.times > 0) {
      failing.times -= 1;
      return failing.kind === 'no-disk-space'
        ? refused(fault('no-disk-space', { storage: 's' }, 'disk full'))
        : refused(fault('host-communication', {}, 'lost'));
    }
    if (procedure === 'make' && this.effects.has(what)) throw new Error(`made twice: ${what}`);
    const act = (): void => void (procedure === 'make' ? this.effects.add(what) : this.effects.delete(what));
    if (this.lateMs > 0) {
      const late = this.lateMs;
      this.lateMs = 0;
      setTimeout(act, late);
    } else act();
    const outcome = done({ name: `made-${what}` });
    this.remembered.set(id, outcome);
    return outcome;
  }

  probe({ args }: Probe): Outcome<ProbeAnswer> {
    return done(this.effects.has(String(args['what'])) ? 'done' : 'not-done');
  }
}

export const vmObject = (native: string): NativeObject => ({
  kind: 'vm',
  native,
  parts: { domain: '<d/>' },
  facts: {},
});

export interface Rig {
  readonly jobs: Jobs;
  readonly store: Store;
  readonly storage: DirectoryStorage;
  readonly host: HubId;
  readonly gateway: HostsGateway;
  readonly log: string[];
  start(plan: Plan, then?: FollowUp): ReturnType<Jobs['start']>;
  run(plan: Plan, then?: FollowUp): ReturnType<Jobs['run']>;
}

export interface RigOptions {
  readonly directory?: string;
  readonly agent: WriterApi;
  readonly writer?: () => HostWriter | undefined;
  readonly connected?: () => Promise<void>;
  readonly wrapStorage?: (storage: DirectoryStorage) => DirectoryStorage;
  readonly timing?: Partial<Timing>;
  readonly plan?: () => Promise<Outcome<Plan>>;
  readonly follow?: JobsOptions['follow'];
}

export const scratch = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'jobs-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

/** What is on disk now, as a process that was killed leaves it. */
export const copyOfDisk = (directory: string): string => {
  const copy = scratch();
  cpSync(directory, copy, { recursive: true });
  return copy;
};

export const createRig = (options: RigOptions): Rig => {
  const directory = options.directory ?? scratch();
  const opened = openStorage(directory);
  onTestFinished(() => opened.close());
  const storage = options.wrapStorage?.(opened) ?? opened;
  const clock = systemClock;
  const ids = createIds(storage, clock.now);
  const versions = createVersions(storage, (bytes) => new Uint8Array(bytes).fill(7));
  const store = createStore(ids, versions);
  const host = ids.mint(undefined, 'host', 'h');
  const log: string[] = [];
  const writer: HostWriter = { agent: options.agent, epoch: 1 };
  let next: Plan | undefined;
  const gateway: HostsGateway = {
    writer: options.writer ?? (() => writer),
    connected: options.connected ?? (async () => {}),
    commit: async (_, changes) => {
      const objects = changes.flatMap((change: NativeChange) => (change.change === 'put' ? [change.object] : []));
      store.put(host, objects, (object) => ({ name: object.native, relations: [], owns: [] }));
      log.push(`commit ${objects.map((object) => object.native).join(' ')}`);
    },
  };
  const platform = {
    name: 'p',
    host: { plan: options.plan ?? (async () => (next ? done(next) : refused(fault('not-supported', {}, 'no plan')))) },
  } as unknown as Platform;
  const renderer = { generic: async () => {} } as unknown as Renderer;
  const jobs = createJobs({
    storage,
    store,
    hosts: gateway,
    platformOf: () => platform,
    renderer,
    events: createEvents(storage, versions, clock.now),
    clock,
    ids,
    log: silentLog,
    timing: { ...TIMING, ...options.timing },
    ...(options.follow && { follow: options.follow }),
  });
  const wanted = (plan: Plan) => {
    next = plan;
    return command('vm.create', host, host, { vm: {} as never, disks: [] });
  };
  return {
    jobs,
    store,
    storage,
    host,
    gateway,
    log,
    start: (plan, then) => jobs.start(wanted(plan), META, then),
    run: (plan, then) => jobs.run(wanted(plan), META, then),
  };
};

/** An agent in front of a simulated host. `cut` decides, before and after each call, whether the caller still lives. */
export const agentOf = (host: SimulatedHost, cut: (point: string) => Promise<void> = async () => {}): WriterApi => {
  const around = async <T>(name: string, act: () => T | Promise<T>): Promise<T> => {
    await cut(`before ${name}`);
    const answer = await act();
    await cut(`after ${name}`);
    return answer;
  };
  return {
    acquire: () => around('acquire', () => done(undefined)),
    release: () => around('release', () => {}),
    step: (_, __, id, native) => around(`step ${id}`, () => host.step(id, native)),
    probe: (_, __, probe) => around('probe', () => host.probe(probe)),
    read: (_, refs) =>
      around('read', () => done(refs.map(({ native }): NativeChange => ({ change: 'put', object: vmObject(native) })))),
  };
};
