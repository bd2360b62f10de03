/** A XenAPI client on a host of the product, and what the host itself says: for tests that write through one and read through the other. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { bootSector } from './boot-sector.ts';
import { requireClient, runProgram } from './clients.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { startTransvisor, type Transvisor, type TransvisorOptions } from './transvisor.ts';
import { makeBridge } from './vcsim-estate.ts';
import { openXenApi, openXenPython, type XenEndpoint, type XenTransport } from './xen-clients.ts';
import { newDrive } from './xen-records.ts';

export type XenLane = {
  readonly call: (method: string, ...args: readonly unknown[]) => Promise<unknown>;
  /** As a task, to its end; its result. */
  readonly task: (method: string, ...args: readonly unknown[]) => Promise<unknown>;
  /** The error that the call meets: code and parameters. */
  readonly refusal: (method: string, ...args: readonly unknown[]) => Promise<readonly string[]>;
  /** What clients see of all that was done is brought up. */
  readonly settled: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export const endpointOf = (product: Transvisor): XenEndpoint => {
  const front = product.front('xenapi') as ReturnType<Transvisor['front']> & { readonly fingerprint256: string };
  return { url: front.url, user: front.user, password: front.password, fingerprint: front.fingerprint256 };
};

const POLL_MS = 50;
const TASK_LIMIT_MS = 60_000;

/** Two daemons of one machine may reach for the same VNC port or tap device at once: the later one tries again. */
const patient =
  (call: XenLane['call']): XenLane['call'] =>
  async (method, ...args) => {
    for (let tries = 1; ; tries++) {
      try {
        return await call(method, ...args);
      } catch (error) {
        if (tries === 5 || !/available port|tap device/.test(String(error))) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100 * tries));
      }
    }
  };

/** npm's xen-api: tasks are waited for in the event stream. */
export const xenApiLane = async (endpoint: XenEndpoint, transport: XenTransport): Promise<XenLane> => {
  const xapi = await openXenApi(endpoint, transport);
  return {
    call: patient((method, ...args) => xapi.call(method, ...args)),
    task: patient((method, ...args) => xapi.callAsync(method, ...args)),
    refusal: async (method, ...args) =>
      xapi.call(method, ...args).then(
        (value) => {
          throw new Error(`${method} answered ${JSON.stringify(value)}`);
        },
        (error: { code?: string; params?: string[] }) => {
          if (error.code === undefined) throw error;
          return [error.code, ...(error.params ?? [])];
        },
      ),
    settled: async () => void (await xapi.barrier()),
    close: async () => void (await xapi.disconnect()),
  };
};

/** XenAPI.py: tasks are asked for again and again. */
export const pythonLane = async (endpoint: XenEndpoint): Promise<XenLane> => {
  const python = await openXenPython(endpoint);
  await python.login();
  const task = async (method: string, ...args: readonly unknown[]): Promise<unknown> => {
    const ref = await python.call(`Async.${method}`, ...args);
    const untilMs = Date.now() + TASK_LIMIT_MS;
    for (;;) {
      const status = await python.call('task.get_status', ref);
      if (status === 'success') break;
      if (status !== 'pending')
        throw new Error(`${method}: ${status} ${JSON.stringify(await python.call('task.get_error_info', ref))}`);
      if (Date.now() > untilMs) throw new Error(`${method} did not end in time`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const result = String(await python.call('task.get_result', ref));
    await python.call('task.destroy', ref);
    return result.replace(/^<value>|<\/value>$/g, '');
  };
  return {
    call: patient(python.call),
    task: patient(task),
    refusal: async (method, ...args) => {
      const { failure, ...rest } = await python.ask(method, ...args);
      if (failure === undefined) throw new Error(`${method} answered ${JSON.stringify(rest)}`);
      return failure;
    },
    settled: async () => {},
    close: python.close,
  };
};

export type XenLaneKind = {
  readonly open: (at: XenEndpoint) => Promise<XenLane>;
  /** How sizes are sent. */
  readonly numbers: (size: number) => string | number;
};

export const XEN_LANES = {
  'xen-api': { open: (at) => xenApiLane(at, 'json-rpc'), numbers: Number },
  // Its integers have 32 bits: sizes are sent as text.
  'XenAPI.py': { open: pythonLane, numbers: String },
} as const satisfies Readonly<Record<string, XenLaneKind>>;

/** A client that logs in anew for each test of the block, and when it is told to. */
export const laneForEach = (
  { open }: XenLaneKind,
  product: () => Transvisor,
): XenLane & { readonly reopen: () => Promise<void> } => {
  let lane: XenLane | undefined;
  const opened = (): XenLane => {
    if (lane === undefined) throw new Error('no client is logged in');
    return lane;
  };
  const reopen = async (): Promise<void> => {
    lane = await open(endpointOf(product()));
  };
  const close = async (): Promise<void> => {
    const closing = lane;
    lane = undefined;
    await closing?.close();
  };
  beforeEach(reopen);
  afterEach(close);
  return {
    call: (...words) => opened().call(...words),
    task: (...words) => opened().task(...words),
    refusal: (...words) => opened().refusal(...words),
    settled: () => opened().settled(),
    close,
    reopen,
  };
};

/** A machine of the template that is off, with the disk in it. */
export const machineWith = async (
  { call }: XenLane,
  name: string,
  vdi: string,
): Promise<{ readonly vm: string; readonly vbd: string; readonly uuid: string }> => {
  const [template] = (await call('VM.get_by_name_label', 'Other install media')) as string[];
  const vm = String(await call('VM.clone', template, name));
  await call('VM.provision', vm);
  const vbd = String(await call('VBD.create', newDrive(vm, vdi, { bootable: true })));
  return { vm, vbd, uuid: String(await call('VM.get_uuid', vm)) };
};

// ---- hosts ----

export type Seen = {
  readonly state: string;
  readonly name: string;
  readonly memoryMiB: number;
  readonly memoryMaxMiB: number;
  readonly cpus: number;
  readonly cpuMax: number;
  readonly disks: readonly string[];
  readonly macs: readonly string[];
  readonly snapshots: readonly string[];
};

export type XenHostUnderTest = {
  readonly options: Pick<TransvisorOptions, 'host' | 'options' | 'twoProcesses'>;
  /** As the host's own client sees the machine; absent where there is none. */
  readonly seen?: (uuid: string) => Promise<Seen>;
  /** Names of machines and volumes that are there. */
  readonly left?: () => Promise<readonly string[]>;
  /** Puts a guest that obeys the power button on the volume. */
  readonly install?: (volume: string) => Promise<void>;
  readonly stop: () => Promise<void>;
};

export const simulated = async (): Promise<XenHostUnderTest> => ({
  options: { host: 'sim:///default' },
  stop: async () => {},
});

const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((found) => found[1] ?? '');
/** Lines that are not empty. */
export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

const seenBy =
  (host: Libvirtd) =>
  async (uuid: string): Promise<Seen> => {
    const live = await host.virsh('dumpxml', uuid);
    const stored = await host.virsh('dumpxml', uuid, '--inactive');
    const state = (await host.virsh('domstate', uuid)).trim();
    const saved = /Managed save:\s+yes/.test(await host.virsh('dominfo', uuid));
    const cpuMax = Number(/<vcpu[^>]*>(\d+)</.exec(live)?.[1]);
    return {
      state: saved ? 'saved' : state,
      name: /<title>([^<]*)</.exec(stored)?.[1] ?? /<name>([^<]*)</.exec(stored)?.[1] ?? '',
      memoryMiB: Number(/<currentMemory unit='KiB'>(\d+)</.exec(stored)?.[1]) / 1024,
      memoryMaxMiB: Number(/<memory unit='KiB'>(\d+)</.exec(stored)?.[1]) / 1024,
      cpus: Number(/<vcpu[^>]*current='(\d+)'/.exec(live)?.[1] ?? cpuMax),
      cpuMax,
      disks: all(live, /<target dev='([^']+)' bus=/g),
      macs: all(live, /<mac address='([^']+)'/g),
      snapshots: linesOf(await host.virsh('snapshot-list', uuid, '--name')),
    };
  };

/** A real libvirtd with QEMU, on a network that a machine can be in. */
export const libvirtQemu = async (): Promise<XenHostUnderTest> => {
  const host = await startLibvirtd({ qemu: true });
  const bridge = await makeBridge();
  const file = join(host.root, 'network.xml');
  writeFileSync(
    file,
    `<network><name>VM Network</name><forward mode='bridge'/><bridge name='${bridge.name}'/></network>`,
  );
  await host.virsh(`net-define ${file}; net-start 'VM Network'; net-destroy lan; net-undefine lan`);
  return {
    options: { host: host.uri },
    seen: seenBy(host),
    left: async () => [
      ...linesOf(await host.virsh('list', '--all', '--name')),
      ...linesOf(await host.virsh('vol-list', 'default'))
        .slice(2)
        .map((line) => line.split(/\s+/)[0] ?? ''),
    ],
    install: async (volume) => {
      const [raw, image] = [join(host.root, 'guest.raw'), join(host.root, 'guest.qcow2')];
      writeFileSync(raw, Buffer.concat([bootSector(), Buffer.alloc(1024 * 1024 - 512)]));
      const { code, stderr } = await runProgram(requireClient('qemu-img'), [
        'convert',
        '-f',
        'raw',
        '-O',
        'qcow2',
        raw,
        image,
      ]);
      if (code !== 0) throw new Error(`no image could be made: ${stderr}`);
      await host.virsh('vol-upload', '--pool', 'default', volume, image);
    },
    stop: async () => {
      await host.stop();
      await bridge.remove();
    },
  };
};

/** The same, managed by a server and an agent apart. */
export const libvirtQemuApart = async (): Promise<XenHostUnderTest> => {
  const host = await libvirtQemu();
  return { ...host, options: { ...host.options, twoProcesses: true } };
};

export const productOn = ({ options }: XenHostUnderTest): Promise<Transvisor> =>
  startTransvisor({ ...options, fronts: ['xenapi', 'vim25'] });
