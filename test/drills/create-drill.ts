/** One drill: the program is killed with -9 at a chosen moment of a create with three steps and started again; what must hold is checked on the host. */
import type { Libvirtd } from '../peers/libvirtd.ts';
import { escapeXml, type RawSoap, rawSoap, textIn } from '../peers/raw-soap.ts';
import type { Transvisor } from '../peers/transvisor.ts';

export type DrillResult = {
  /** What is on the host in the end: the whole VM, or nothing of it. */
  readonly outcome: 'whole' | 'nothing';
  /** How the client's own request ended. */
  readonly answered: boolean;
  readonly recoveredMs: number;
};

export type Drill = {
  readonly host: Libvirtd;
  readonly product: Transvisor;
  readonly datastore: string;
  /** A VM that was there before, by name: it keeps its id. */
  readonly keeper: string;
};

const RECOVERY_LIMIT_MS = 30_000;

const disk = (key: number, unit: number): string =>
  `<deviceChange><operation>add</operation><fileOperation>create</fileOperation><device xsi:type="VirtualDisk"><key>${key}</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName></fileName><diskMode>persistent</diskMode><thinProvisioned>true</thinProvisioned></backing><controllerKey>-1</controllerKey><unitNumber>${unit}</unitNumber><capacityInKB>16384</capacityInKB></device></deviceChange>`;

/** Two volumes, then the definition. */
const createSpec = (name: string, datastore: string): string =>
  `<config><name>${escapeXml(name)}</name><guestId>otherGuest</guestId><files><vmPathName>[${datastore}]</vmPathName></files><numCPUs>1</numCPUs><memoryMB>32</memoryMB><deviceChange><operation>add</operation><device xsi:type="VirtualLsiLogicController"><key>-1</key><busNumber>0</busNumber><sharedBus>noSharing</sharedBus></device></deviceChange>${disk(-2, 0).replace('<fileName></fileName>', `<fileName>[${datastore}]</fileName>`)}${disk(-3, 1).replace('<fileName></fileName>', `<fileName>[${datastore}]</fileName>`)}</config><pool type="ResourcePool">ha-root-pool</pool>`;

const volumesOf = async ({ host, datastore }: Drill, name: string): Promise<readonly string[]> => {
  await host.virsh('pool-refresh', datastore);
  return (await host.virsh('vol-list', datastore)).split('\n').map((line) => line.trim()).filter((line) => line.startsWith(name));
};

/** A waiting client: a filter on all VMs' names and power states, and the version it has come to. */
export const openWaiter = async (soap: RawSoap): Promise<{ wait: (seconds: number) => Promise<string>; version: () => string }> => {
  const made = await soap.call('CreateContainerView', 'ViewManager', await soap.manager('viewManager'), `<container type="Folder">${await soap.manager('rootFolder')}</container><type>VirtualMachine</type><recursive>true</recursive>`);
  const view = textIn(made.text, 'returnval') ?? '';
  const collector = textIn((await soap.call('CreatePropertyCollector', 'PropertyCollector', await soap.manager('propertyCollector'))).text, 'returnval') ?? '';
  const filter = await soap.call('CreateFilter', 'PropertyCollector', collector, `<spec><propSet><type>VirtualMachine</type><pathSet>name</pathSet><pathSet>runtime.powerState</pathSet></propSet><objectSet><obj type="ContainerView">${escapeXml(view)}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet></spec><partialUpdates>false</partialUpdates>`);
  if (filter.fault !== undefined) throw new Error(`no filter: ${filter.text.slice(-600)}`);
  let version = '';
  return {
    version: () => version,
    wait: async (seconds) => {
      const answer = await soap.call('WaitForUpdatesEx', 'PropertyCollector', collector, `<version>${version}</version><options><maxWaitSeconds>${seconds}</maxWaitSeconds></options>`);
      if (answer.fault !== undefined) throw new Error(`the wait ended with ${answer.fault}: ${answer.text.slice(-400)}`);
      version = textIn(answer.text, 'version') ?? version;
      return answer.text;
    },
  };
};

const settled = async (soap: RawSoap): Promise<boolean> => {
  const { text, fault } = await soap.call('RetrieveProperties', 'PropertyCollector', await soap.manager('propertyCollector'), `<specSet><propSet><type>Task</type><pathSet>info.state</pathSet></propSet><objectSet><obj type="TaskManager">${await soap.manager('taskManager')}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>TaskManager</type><path>recentTask</path><skip>false</skip></selectSet></objectSet></specSet>`);
  return fault === undefined && !/>(?:running|queued)</.test(text);
};

export const runCreateDrill = async (drill: Drill, name: string, killAfterMs: number): Promise<DrillResult> => {
  const { host, product, datastore, keeper } = drill;
  const soap = rawSoap(product);
  const fail = (why: string): never => {
    throw new Error(`${name}, killed after ${killAfterMs.toFixed(0)} ms: ${why}\n${product.log().slice(-3000)}`);
  };
  const login = await soap.logIn();
  if (login.fault !== undefined) fail(`no log-in: ${login.fault}`);
  const keeperId = await soap.vm(keeper);
  const waiter = await openWaiter(soap);
  while (/<truncated>true</.test(await waiter.wait(0)));
  const reached = waiter.version();

  let answered = false;
  const asked = soap.call('CreateVM_Task', 'Folder', 'ha-folder-vm', createSpec(name, datastore)).then(
    ({ fault, text }) => {
      if (fault !== undefined) fail(`the create was refused: ${text.slice(-500)}`);
      answered = true;
    },
    (error: unknown) => {
      if (error instanceof Error && error.message.startsWith(name)) throw error;
      // Cut off by the kill.
    },
  );
  await new Promise((resolve) => setTimeout(resolve, killAfterMs));
  await product.kill9();
  await asked;
  const begun = performance.now();
  await product.restart();

  const end = Date.now() + RECOVERY_LIMIT_MS;
  while (!(await settled(soap).catch(() => false))) {
    if (Date.now() > end) fail('the jobs do not settle');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const recoveredMs = performance.now() - begun;

  // The host: the whole VM or nothing of it.
  const defined = (await host.virshResult(['dominfo', name])).code === 0;
  let volumes = await volumesOf(drill, name);
  if (!defined && volumes.length > 0) {
    // A libvirt call goes on after its client died: what it still makes must go as well, within the recovery's patience.
    while (volumes.length > 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      volumes = await volumesOf(drill, name);
    }
  }
  if (!defined && volumes.length > 0) fail(`orphan volumes: ${volumes.join(', ')}`);
  if (defined) {
    const xml = await host.virsh('dumpxml', name, '--inactive');
    const files = [...xml.matchAll(/<source file='([^']*)'/g)].map(([, file = '']) => file);
    if (files.length !== 2 || volumes.length !== 2) fail(`a half-made VM: disks ${files.join(', ')}; volumes ${volumes.join(', ')}`);
  }
  // The same ids, the same session, and a version that leads on.
  if ((await soap.vm(keeper)) !== keeperId) fail(`${keeper} has another id`);
  const text = await waiter.wait(defined ? 5 : 0);
  if (defined && !text.includes(`>${name}<`)) {
    const more = await waiter.wait(5);
    if (!more.includes(`>${name}<`)) fail(`the waiting client at version ${reached} did not hear of the VM: ${text.slice(-300)} ${more.slice(-300)}`);
  }
  if (defined) {
    const fault = await soap.run('Destroy_Task', 'VirtualMachine', await soap.vm(name));
    if (fault !== undefined) fail(`it cannot be destroyed: ${fault}`);
    const left = await volumesOf(drill, name);
    if (left.length > 0) fail(`left after destroy: ${left.join(', ')}`);
  }
  await soap.call('Logout', 'SessionManager', await soap.manager('sessionManager'));
  soap.close();
  return { outcome: defined ? 'whole' : 'nothing', answered, recoveredMs };
};
