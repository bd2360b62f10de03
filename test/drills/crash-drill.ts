/** libvirtd killed with -9 and started again under load, so many times: prints each round and a table of what was promised; what was broken out. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Libvirtd } from '../peers/libvirtd.ts';
import { type RawSoap, rawSoap } from '../peers/raw-soap.ts';
import { startTransvisor, type Transvisor } from '../peers/transvisor.ts';
import { startLoad } from './crash-load.ts';
import { random } from './random.ts';
import { createTally } from './tally.ts';
import { openWaiter, type Waiter } from './waiter.ts';

const PROMISED = {
  alive: 'no program of ours ends or starts anew',
  faults: 'every fault says that the host is away, or the VM in another state or busy',
  back: 'the host is connected again',
  ids: 'the inventory comes back with the same ids',
  states: 'every VM is as virsh says',
  news: 'what was defined while the host was away is there',
  waiter: 'the waiting client goes on from its version and knows the same',
  commands: 'power commands reach the new daemon',
} as const;

/** The API's words for a host that is away; and what a switch answers whose predecessor's outcome the host alone knew, or still works on (libvirt waits 30 s for it, then says so). */
const ALLOWED =
  /^(?:read|power) (?:success|HostNotConnected|HostCommunication|HostNotReachable)$|^power (?:InvalidPowerState|TaskInProgress|ResourceInUse)$/;
const GUESTS = 4;
const IDLE = 40;
const BACK_LIMIT_MS = 30_000;
const AGREE_LIMIT_MS = 20_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const domain = (name: string): string =>
  `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os></domain>`;

const until = async (limitMs: number, holds: () => Promise<boolean>): Promise<boolean> => {
  const end = Date.now() + limitMs;
  for (;;) {
    if (await holds()) return true;
    if (Date.now() > end) return false;
    await sleep(100);
  }
};

const isConnected = async ({ admin }: Transvisor): Promise<boolean> => {
  const answer = await fetch(`${admin.url}/healthz`).catch(() => undefined);
  const health = (await answer?.json()) as { hosts?: { connected: boolean; listed: boolean }[] } | undefined;
  return health?.hosts?.every(({ connected, listed }) => connected && listed) ?? false;
};

/** Resident MiB of all programs. */
const resident = (product: Transvisor): number =>
  product
    .pids()
    .reduce(
      (sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
      0,
    ) / 1024;

/** A start that died with the daemon leaves its guest paused: no guest ever ran a turn, and the API's word for it is suspended. */
const POWER: Readonly<Record<string, string>> = { running: 'poweredOn', paused: 'suspended', 'shut off': 'poweredOff' };

/** name to poweredOn, poweredOff or suspended, as virsh has it. */
const statesOf = async (host: Libvirtd): Promise<ReadonlyMap<string, string>> =>
  new Map(
    [...(await host.virsh('list', '--all')).matchAll(/^ *(?:\d+|-) +(\S+) +(\S.*?) *$/gm)].map(
      ([, name = '', state = '']) => [name, POWER[state] ?? state] as const,
    ),
  );

const readAll = async (soap: RawSoap, vms: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> => {
  const states = new Map<string, string>();
  for (const [name, vm] of vms) {
    const read = await soap
      .read('VirtualMachine', vm, 'name', 'runtime.powerState')
      .catch(() => new Map<string, string>());
    states.set(read.get('name') ?? `no ${name}`, read.get('runtime.powerState') ?? 'unknown');
  }
  return states;
};

const textOf = (states: ReadonlyMap<string, string>): string =>
  [...states]
    .map(([name, state]) => `${name}=${state}`)
    .toSorted()
    .join(' ');

/** What one has and the other has not. */
const differences = (ours: string, theirs: string): string => {
  const [a, b] = [ours.split(' '), theirs.split(' ')];
  return `ours ${a.filter((one) => !b.includes(one)).join(' ')}; virsh ${b.filter((one) => !a.includes(one)).join(' ')}`;
};

export const crashDrills = async (options: {
  readonly host: Libvirtd;
  readonly crashes: number;
  readonly seed: number;
  readonly twoProcesses: boolean;
  readonly say: (line: string) => void;
}): Promise<readonly string[]> => {
  const { host, crashes, seed, twoProcesses, say } = options;
  const next = random(seed);
  const tally = createTally(Object.values(PROMISED));
  const note = (promised: keyof typeof PROMISED, kept: boolean, seen: string): void =>
    tally.note(PROMISED[promised], kept, seen);
  const define = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) writeFileSync(join(host.root, `${name}.xml`), domain(name));
    await host.virsh(names.map((name) => `define ${host.root}/${name}.xml`).join('; '));
  };
  const guests = Array.from({ length: GUESTS }, (_, n) => `guest-${n}`);
  await define(...guests, ...Array.from({ length: IDLE }, (_, n) => `idle-${n}`));
  await using product = await startTransvisor({ host: host.uri, twoProcesses });
  const soap = rawSoap(product);
  await soap.logIn();
  const vms = new Map<string, string>();
  for (const name of (await statesOf(host)).keys()) vms.set(name, await soap.vm(name));
  const waiter = await openWaiter(soap);
  await waiter.catchUp();
  let waiting = true;
  let waitFault: string | undefined;
  const follow = async (one: Waiter): Promise<void> => {
    while (waiting) await one.wait(1);
  };
  const following = follow(waiter).catch((error: unknown) => {
    waitFault = error instanceof Error ? error.message : String(error);
  });
  const pids = product.pids().join();
  const load = await startLoad(product, new Map(guests.map((name) => [name, vms.get(name) ?? ''])));
  await until(BACK_LIMIT_MS, async () => load.switched() >= GUESTS);
  say(`${vms.size} VMs, ${GUESTS} of them switched on and off all the time; ${resident(product).toFixed(0)} MiB`);

  for (let n = 1; n <= crashes; n += 1) {
    await sleep(300 + next() * 1000);
    await host.kill9();
    const awayMs = next() * 2500;
    await sleep(awayMs);
    await host.restart();
    const newcomer = `newcomer-${n}`;
    await define(newcomer);
    const begun = performance.now();
    const isBack = await until(BACK_LIMIT_MS, () => isConnected(product));
    const backMs = performance.now() - begun;
    note('back', isBack, isBack ? `after ${backMs.toFixed(0)} ms` : `not in ${BACK_LIMIT_MS} ms`);
    const there = await until(AGREE_LIMIT_MS, async () => (await soap.vm(newcomer).catch(() => '')) !== '');
    note('news', there, there ? 'there' : `no ${newcomer}`);
    if (there) vms.set(newcomer, await soap.vm(newcomer));
    const switched = load.switched();
    const goesOn = await until(AGREE_LIMIT_MS, async () => load.switched() >= switched + GUESTS);
    note('commands', goesOn, goesOn ? `${load.switched()} commands in all` : 'none succeeded any more');
    note('alive', product.alive() && product.pids().join() === pids, `pid ${product.pids().join(' ')}`);
    say(
      `${String(n).padStart(3)}: killed, away for ${awayMs.toFixed(0).padStart(4)} ms, connected again after ${backMs.toFixed(0)} ms, ${load.switched()} power commands so far, ${resident(product).toFixed(0)} MiB`,
    );
  }
  await load.stop();

  let ours = '';
  let theirs = '';
  const agrees = await until(AGREE_LIMIT_MS, async () => {
    theirs = textOf(await statesOf(host));
    ours = textOf(await readAll(soap, vms));
    return ours === theirs;
  });
  note('states', agrees, agrees ? `${vms.size} VMs agree` : differences(ours, theirs));
  for (const [name, vm] of vms) {
    const now = await soap.vm(name).catch(String);
    note('ids', now === vm, now === vm ? 'the same' : `${name} was ${vm}, is ${now}`);
  }
  const heard = (): string => textOf(new Map([...waiter.vms.values()].map(({ name, power }) => [name, power])));
  const knows = await until(AGREE_LIMIT_MS, async () => heard() === theirs);
  waiting = false;
  await following;
  note(
    'waiter',
    waitFault === undefined && knows,
    waitFault ?? (knows ? 'no fault, the same states' : differences(heard(), theirs)),
  );
  for (const [what, count] of load.outcomes) note('faults', ALLOWED.test(what), `${count} times ${what}`);
  soap.close();
  say(`calls under load: ${[...load.outcomes].map(([what, count]) => `${count} ${what}`).join(', ')}`);
  for (const line of tally.table()) say(line);
  return tally.broken();
};
