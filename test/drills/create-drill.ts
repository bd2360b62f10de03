/** One drill: the program is killed with -9 at a chosen moment of a create with three steps and started again; what must hold is checked on the host. */

import { runProgram } from '../peers/clients.ts';
import type { Libvirtd } from '../peers/libvirtd.ts';
import { escapeXml, type RawSoap, rawSoap, textIn } from '../peers/raw-soap.ts';
import type { Transvisor } from '../peers/transvisor.ts';
import { phaseOf } from './phase.ts';
import { createTally, type Tally } from './tally.ts';
import { openWaiter, WaitFault } from './waiter.ts';

export { openWaiter } from './waiter.ts';

export type DrillResult = {
  /** What is on the host in the end: the whole VM, or nothing of it. */
  readonly outcome: 'whole' | 'nothing' | 'broken';
  /** How the client's own request ended. */
  readonly answered: boolean;
  /** How far the journal was when the program died. */
  readonly phase: string;
  readonly recoveredMs: number;
};

export type Drill = {
  readonly host: Libvirtd;
  readonly product: Transvisor;
  readonly datastore: string;
  /** A VM that was there before, by name: it keeps its id. */
  readonly keeper: string;
  /** Absent: what is broken is thrown. */
  readonly tally?: Tally;
};

export const PROMISED = {
  starts: 'it starts again on the same state directory',
  ends: 'every task comes to its end',
  whole: 'the VM is whole (domain and both volumes) or not there at all',
  orphans: 'no volume and no file is left in the pool',
  session: 'the session goes on by its cookie',
  version: 'a version of before the kill leads on, no InvalidCollectorVersion',
  hears: 'the waiting client knows the VM exactly if it is there',
  others: 'other VMs keep their ids',
  same: 'a VM that was made keeps the id a client was told',
  task: 'a task that a client was shown is there, its end as the host has it',
  again: 'what was undone can be made again under its name',
  destroy: 'what was made can be destroyed without a trace',
} as const;

export const createDrillTally = (): Tally => createTally(Object.values(PROMISED));

const RECOVERY_LIMIT_MS = 30_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const disk = (key: number, unit: number, datastore: string): string =>
  `<deviceChange><operation>add</operation><fileOperation>create</fileOperation><device xsi:type="VirtualDisk"><key>${key}</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[${datastore}]</fileName><diskMode>persistent</diskMode><thinProvisioned>true</thinProvisioned></backing><controllerKey>-1</controllerKey><unitNumber>${unit}</unitNumber><capacityInKB>16384</capacityInKB></device></deviceChange>`;

/** Two volumes, then the definition. */
export const createSpec = (name: string, datastore: string): string =>
  `<config><name>${escapeXml(name)}</name><guestId>otherGuest</guestId><files><vmPathName>[${datastore}]</vmPathName></files><numCPUs>1</numCPUs><memoryMB>32</memoryMB><deviceChange><operation>add</operation><device xsi:type="VirtualLsiLogicController"><key>-1</key><busNumber>0</busNumber><sharedBus>noSharing</sharedBus></device></deviceChange>${disk(-2, 0, datastore)}${disk(-3, 1, datastore)}</config><pool type="ResourcePool">ha-root-pool</pool>`;

/** The volumes that libvirt knows after a refresh, and the files that are there, which is more than libvirt tells. */
export const poolOf = async ({ host, datastore }: Pick<Drill, 'host' | 'datastore'>): Promise<readonly string[]> => {
  await host.virsh('pool-refresh', datastore);
  const volumes = (await host.virsh('vol-list', datastore))
    .split('\n')
    .slice(2)
    .flatMap((line) => line.trim().split(/\s+/)[0] || []);
  const { stdout } = await runProgram('find', [host.poolFolder, '-mindepth', '1', '-printf', '%P\n']);
  return [...new Set([...volumes, ...stdout.split('\n').filter((line) => line !== '')])].toSorted();
};

const isSettled = async (soap: RawSoap): Promise<boolean> => {
  const manager = await soap.manager('taskManager');
  const { text, fault } = await soap.call(
    'RetrieveProperties',
    'PropertyCollector',
    await soap.manager('propertyCollector'),
    `<specSet><propSet><type>Task</type><pathSet>info.state</pathSet></propSet><objectSet><obj type="TaskManager">${manager}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>TaskManager</type><path>recentTask</path><skip>false</skip></selectSet></objectSet></specSet>`,
  );
  return fault === undefined && !/>(?:running|queued)</.test(text);
};

/** How long a create takes in a program that was just started, as the drills' is: the kills are spread over it. */
export const measureCreate = async (drill: Drill, name: string): Promise<number> => {
  const { product, datastore } = drill;
  await product.kill9();
  await product.restart();
  const soap = rawSoap(product);
  await soap.logIn();
  // Warmed up as far as in a drill.
  await soap.vm(drill.keeper);
  await (await openWaiter(soap)).catchUp();
  await poolOf(drill);
  const begun = performance.now();
  const fault = await soap.run('CreateVM_Task', 'Folder', 'ha-folder-vm', createSpec(name, datastore));
  const ms = performance.now() - begun;
  if (fault !== undefined) throw new Error(`a create that nobody disturbs fails with ${fault}`);
  const destroyed = await soap.run('Destroy_Task', 'VirtualMachine', await soap.vm(name));
  if (destroyed !== undefined) throw new Error(`${name} cannot be destroyed: ${destroyed}`);
  soap.close();
  return ms;
};

export const runCreateDrill = async (drill: Drill, name: string, killAfterMs: number): Promise<DrillResult> => {
  const { host, product, datastore, keeper } = drill;
  let phase = 'not killed yet';
  const says = (why: string): string => `${name}, killed after ${killAfterMs.toFixed(0)} ms (${phase}): ${why}`;
  let isBroken = false;
  const check = (promised: keyof typeof PROMISED, kept: boolean, seen: string): boolean => {
    if (drill.tally === undefined && !kept)
      throw new Error(`${PROMISED[promised]}: ${says(seen)}\n${product.log().slice(-3000)}`);
    drill.tally?.note(PROMISED[promised], kept, kept ? seen : says(seen));
    isBroken ||= !kept;
    return kept;
  };
  const soap = rawSoap(product);
  const login = await soap.logIn();
  if (login.fault !== undefined) throw new Error(says(`no log-in: ${login.fault}`));
  const keeperId = await soap.vm(keeper);
  const waiter = await openWaiter(soap);
  await waiter.catchUp();
  const before = await poolOf(drill);

  let task: string | undefined;
  let refused: string | undefined;
  let dead = false;
  // Cut off by the kill, both: that is no news. A refusal is.
  const asked = soap.call('CreateVM_Task', 'Folder', 'ha-folder-vm', createSpec(name, datastore)).then(
    ({ fault, text }) => {
      if (fault !== undefined) refused = text.slice(-500);
      task = /<returnval[^>]*type="Task"[^>]*>([^<]*)</.exec(text)?.[1];
    },
    () => {},
  );
  const waiting = (async () => {
    while (!dead) await waiter.wait(20);
  })().catch((error: unknown) => {
    if (error instanceof WaitFault) refused = error.message;
  });
  await sleep(killAfterMs);
  dead = true;
  await product.kill9();
  await Promise.all([asked, waiting]);
  phase = phaseOf(product.state, name);
  if (refused !== undefined) throw new Error(says(`refused before the kill: ${refused}`));
  const reached = waiter.version();
  const toldId = [...waiter.vms].find(([, vm]) => vm.name === name)?.[0];

  const begun = performance.now();
  try {
    await product.restart();
    check('starts', true, 'ready');
  } catch (error) {
    check('starts', false, String(error));
    throw error;
  }
  const end = Date.now() + RECOVERY_LIMIT_MS;
  let settled = false;
  while (!settled && Date.now() < end) {
    await sleep(50);
    settled = await isSettled(soap).catch(() => false);
  }
  const recoveredMs = performance.now() - begun;
  check('ends', settled, settled ? 'ended' : `tasks still run after ${RECOVERY_LIMIT_MS} ms`);
  const user = await soap
    .read('SessionManager', await soap.manager('sessionManager'), 'currentSession')
    .then((read) => textIn(read.get('currentSession') ?? '', 'userName') ?? 'nobody', String);
  check('session', user === product.user, user === product.user ? 'no log-in needed' : user);

  // The host: the whole VM or nothing of it.
  const isDefined = (await host.virshResult(['dominfo', name])).code === 0;
  const after = await poolOf(drill);
  const fresh = after.filter((file) => !before.includes(file));
  const lost = before.filter((file) => !after.includes(file));
  if (isDefined) {
    const files = [...(await host.virsh('dumpxml', name, '--inactive')).matchAll(/<source file='([^']*)'/g)].map(
      ([, file = '']) => file.slice(host.poolFolder.length + 1),
    );
    const isWhole = files.length === 2 && fresh.join() === files.toSorted().join();
    check(
      'whole',
      isWhole,
      isWhole ? 'whole or nothing' : `half-made: disks ${files.join(', ')}; in the pool ${fresh.join(', ')}`,
    );
  } else
    check('whole', fresh.length === 0, fresh.length === 0 ? 'whole or nothing' : `no domain, but ${fresh.join(', ')}`);
  check(
    'orphans',
    (isDefined || fresh.length === 0) && lost.length === 0,
    lost.length === 0 && (isDefined || fresh.length === 0)
      ? 'none'
      : `too many: ${fresh.join(', ')}; gone: ${lost.join(', ')}`,
  );

  // The same ids, the same session, and a version that leads on.
  const keeperNow = await soap.vm(keeper).catch(String);
  check(
    'others',
    keeperNow === keeperId,
    keeperNow === keeperId ? 'the same' : `${keeper} was ${keeperId}, is ${keeperNow}`,
  );
  const knows = (): string | undefined => [...waiter.vms].find(([, vm]) => vm.name === name)?.[0];
  try {
    for (let n = 0; n < 5 && (knows() !== undefined) !== isDefined; n += 1) await waiter.wait(1);
    await waiter.catchUp();
    check('version', true, 'leads on');
    check(
      'hears',
      (knows() !== undefined) === isDefined && waiter.vms.get(keeperId)?.name === keeper,
      `${isDefined ? 'there' : 'not there'}, client knows ${knows() ?? 'none'}`,
    );
  } catch (error) {
    check('version', false, `${reached}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const id = isDefined ? await soap.vm(name).catch(String) : undefined;
  if (isDefined && toldId !== undefined)
    check('same', id === toldId, id === toldId ? 'the same' : `told ${toldId}, is ${id}`);
  if (task !== undefined) {
    const told = await soap
      .taskEnd(task)
      .catch((error: unknown) => ({ state: String(error), fault: undefined, text: '' }));
    const agrees = told.state === (isDefined ? 'success' : 'error') && (!isDefined || told.text.includes(`>${id}<`));
    check(
      'task',
      agrees,
      agrees
        ? 'ends as the host has it'
        : `${isDefined ? 'the VM is there' : 'no VM'}, but the task says ${told.state} ${told.text.slice(0, 600)}`,
    );
  }
  if (!isDefined) {
    const fault = await soap.run('CreateVM_Task', 'Folder', 'ha-folder-vm', createSpec(name, datastore)).catch(String);
    check('again', fault === undefined, fault ?? 'made');
    if (fault !== undefined) return { outcome: 'broken', answered: task !== undefined, phase, recoveredMs };
  }
  const fault = await soap.run('Destroy_Task', 'VirtualMachine', await soap.vm(name)).catch(String);
  const left = (await poolOf(drill)).filter((file) => !before.includes(file));
  check(
    'destroy',
    fault === undefined && left.length === 0,
    fault ?? (left.length === 0 ? 'nothing left' : `left: ${left.join(', ')}`),
  );
  await soap.call('Logout', 'SessionManager', await soap.manager('sessionManager'));
  soap.close();
  return {
    outcome: isBroken ? 'broken' : isDefined ? 'whole' : 'nothing',
    answered: task !== undefined,
    phase,
    recoveredMs,
  };
};

/** What the host has beside what it had: looked at once more after all drills, when the last late call has ended. */
export const leftOnHost = async (drill: Drill): Promise<string> => {
  const domains = (await drill.host.virsh('list', '--all', '--name'))
    .split('\n')
    .filter((name) => name.startsWith('drill-'));
  return [...domains, ...(await poolOf(drill))].join(', ');
};
