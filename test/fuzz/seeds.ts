/** Requests to bend: those recorded from real clients and generated ones, all with ids that live on the fuzzed host. */
import { readdirSync, readFileSync } from 'node:fs';
import { envelope, escapeXml } from '../peers/raw-soap.ts';
import type { Dice } from './dice.ts';
import type { Estate } from './estate.ts';
import { isLeaf, type Node, nodesOf, parseTree, textOf } from './tree.ts';

const RECORDED = new URL('../../fixtures/vim25/requests/', import.meta.url);

type Make = (estate: Estate, dice: Dice) => Node;
export type Seeds = readonly (readonly [weight: number, make: Make])[];

const recorded = (): Seeds =>
  readdirSync(RECORDED)
    .filter((file) => file.endsWith('.xml'))
    .map((file) => {
      const tree = parseTree(readFileSync(new URL(file, RECORDED), 'utf8').replaceAll('{operation}', 'abc'));
      // Ends of sessions and bad logins cost a key derivation each.
      const weight = /Login|Logout/.test(file) ? 0.05 : 0.6;
      return [weight, (estate, dice) => enliven(structuredClone(tree), estate, dice)] as const;
    });

/** Ids, datastores and users of the recording become those of the estate; users stay strangers. */
const enliven = (root: Node, estate: Estate, dice: Dice): Node => {
  for (const { node } of nodesOf(root)) {
    if (!isLeaf(node)) continue;
    const type = node.attributes.find(([name]) => name === 'type')?.[1];
    const ids = type === undefined ? [] : estate.ids(type);
    if (ids.length > 0) node.children = [dice.pick(ids)];
    else if (/^\[\w+\]/.test(textOf(node))) node.children = [textOf(node).replace(/^\[\w+\]/, `[${estate.datastore}]`)];
    else if (node.name === 'userName') node.children = [`stranger-${dice.below(1e9)}`];
    else if (node.name === 'operationID') node.children = [`op-${dice.below(1e6)}`];
  }
  return root;
};

type Generated = readonly [
  weight: number,
  method: string,
  type: string,
  inner?: (estate: Estate, dice: Dice) => string,
];

const nameOf = (dice: Dice): string => `fuzzed-${dice.below(1e6)}`;
const ref = (element: string, type: string, estate: Estate, dice: Dice): string =>
  `<${element} type="${type}">${escapeXml(estate.ids(type).length > 0 ? dice.pick(estate.ids(type)) : 'gone')}</${element}>`;
const change = (operation: string, device: string, inner: string, more = ''): string =>
  `<deviceChange><operation>${operation}</operation>${more}<device xsi:type="${device}">${inner}</device></deviceChange>`;
const scsi = change(
  'add',
  'VirtualLsiLogicController',
  '<key>-100</key><busNumber>0</busNumber><sharedBus>noSharing</sharedBus>',
);
const nic = change(
  'add',
  'VirtualE1000',
  '<key>-7</key><backing xsi:type="VirtualEthernetCardNetworkBackingInfo"><deviceName>default</deviceName></backing>',
);
const cdrom = change(
  'add',
  'VirtualCdrom',
  '<key>-9</key><backing xsi:type="VirtualCdromRemotePassthroughBackingInfo"><deviceName></deviceName><exclusive>false</exclusive></backing><controllerKey>200</controllerKey>',
);
const disk = (estate: Estate, key = '-100'): string =>
  change(
    'add',
    'VirtualDisk',
    `<key>-101</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[${estate.datastore}]</fileName><diskMode>persistent</diskMode><thinProvisioned>true</thinProvisioned></backing><controllerKey>${key}</controllerKey><unitNumber>0</unitNumber><capacityInKB>1024</capacityInKB>`,
    '<fileOperation>create</fileOperation>',
  );
const createSpec = (estate: Estate, dice: Dice): string =>
  `<config><name>${nameOf(dice)}</name><annotation>made to be bent</annotation><guestId>otherGuest</guestId><files><vmPathName>[${estate.datastore}]</vmPathName></files><numCPUs>1</numCPUs><memoryMB>64</memoryMB>${dice.chance(0.5) ? scsi + disk(estate) : ''}${dice.chance(0.4) ? nic : ''}${dice.chance(0.3) ? cdrom : ''}${dice.chance(0.3) ? '<extraConfig><key>a.b</key><value xsi:type="xsd:string">c</value></extraConfig>' : ''}</config><pool type="ResourcePool">ha-root-pool</pool>`;
const SPECS: readonly ((estate: Estate, dice: Dice) => string)[] = [
  (_, dice) => `<numCPUs>${1 + dice.below(4)}</numCPUs>`,
  (_, dice) => `<memoryMB>${32 * (1 + dice.below(64))}</memoryMB>`,
  (_, dice) => `<annotation>note ${dice.below(1e6)}</annotation>`,
  (_, dice) => `<name>${nameOf(dice)}</name>`,
  (_, dice) =>
    `<extraConfig><key>k${dice.below(5)}</key><value xsi:type="xsd:string">v${dice.below(99)}</value></extraConfig>`,
  () => nic,
  () => cdrom,
  (estate) => scsi + disk(estate),
  () => change('remove', 'VirtualE1000', '<key>4000</key>'),
  () =>
    change(
      'remove',
      'VirtualDisk',
      '<key>2000</key><capacityInKB>1024</capacityInKB>',
      '<fileOperation>destroy</fileOperation>',
    ),
  () => '<bootOptions><bootOrder xsi:type="VirtualMachineBootOptionsBootableCdromDevice"></bootOrder></bootOptions>',
  () => '<cpuAllocation><shares><shares>2000</shares><level>custom</level></shares></cpuAllocation>',
];
const PROPERTIES: Readonly<Record<string, readonly string[]>> = {
  VirtualMachine: [
    'name',
    'summary',
    'config',
    'runtime.powerState',
    'config.hardware.device',
    'snapshot',
    'guest',
    'layoutEx',
    'parent',
    'config.extraConfig["a.b"].value',
  ],
  HostSystem: ['name', 'summary', 'config', 'hardware', 'vm', 'datastore'],
  Datastore: ['name', 'summary', 'info', 'vm', 'browser'],
  Network: ['name', 'summary', 'host'],
  Task: ['info', 'info.state'],
  Folder: ['name', 'childEntity'],
};
const spec = (estate: Estate, dice: Dice): string => {
  const type = dice.pick(Object.keys(PROPERTIES));
  const paths = dice.chance(0.2)
    ? '<all>true</all>'
    : `<all>false</all><pathSet>${dice.pick(PROPERTIES[type] ?? [])}</pathSet><pathSet>${dice.pick(PROPERTIES[type] ?? [])}</pathSet>`;
  if (type !== 'VirtualMachine' || dice.chance(0.7)) {
    return `<propSet><type>${type}</type>${paths}</propSet><objectSet>${ref('obj', type, estate, dice)}</objectSet>`;
  }
  const walk =
    '<selectSet xsi:type="TraversalSpec"><name>walk</name><type>Folder</type><path>childEntity</path><skip>false</skip><selectSet><name>walk</name></selectSet><selectSet xsi:type="TraversalSpec"><type>Datacenter</type><path>vmFolder</path><selectSet><name>walk</name></selectSet></selectSet></selectSet>';
  return `<propSet><type>${type}</type>${paths}</propSet><objectSet><obj type="Folder">ha-folder-root</obj><skip>false</skip>${walk}</objectSet>`;
};
const diskPath = (estate: Estate, dice: Dice): string => `[${estate.datastore}] fuzz-${dice.below(20)}.vmdk`;

const GENERATED: readonly Generated[] = [
  // Direct commands: each that keeps its VM is a call to the driver.
  [8, 'PowerOnVM_Task', 'VirtualMachine'],
  [8, 'PowerOffVM_Task', 'VirtualMachine'],
  [3, 'SuspendVM_Task', 'VirtualMachine'],
  [3, 'ResetVM_Task', 'VirtualMachine'],
  [2, 'ShutdownGuest', 'VirtualMachine'],
  [2, 'StandbyGuest', 'VirtualMachine'],
  [1, 'RefreshDatastore', 'Datastore'],
  // Plans.
  [6, 'CreateVM_Task', 'Folder', createSpec],
  [10, 'ReconfigVM_Task', 'VirtualMachine', (estate, dice) => `<spec>${dice.pick(SPECS)(estate, dice)}</spec>`],
  [3, 'Destroy_Task', 'VirtualMachine'],
  [3, 'Rename_Task', 'VirtualMachine', (_, dice) => `<newName>${nameOf(dice)}</newName>`],
  [
    4,
    'CreateSnapshot_Task',
    'VirtualMachine',
    (_, dice) =>
      `<name>s${dice.below(9)}</name><description>d</description><memory>false</memory><quiesce>false</quiesce>`,
  ],
  [2, 'RevertToCurrentSnapshot_Task', 'VirtualMachine'],
  [2, 'RemoveAllSnapshots_Task', 'VirtualMachine'],
  [1, 'RemoveSnapshot_Task', 'VirtualMachineSnapshot', () => '<removeChildren>true</removeChildren>'],
  [1, 'RevertToSnapshot_Task', 'VirtualMachineSnapshot'],
  [1, 'RenameSnapshot', 'VirtualMachineSnapshot', (_, dice) => `<name>s${dice.below(9)}</name>`],
  [1, 'UnregisterVM', 'VirtualMachine'],
  [1, 'MarkAsTemplate', 'VirtualMachine'],
  [1, 'MarkAsVirtualMachine', 'VirtualMachine', () => '<pool type="ResourcePool">ha-root-pool</pool>'],
  [
    1,
    'CloneVM_Task',
    'VirtualMachine',
    (_, dice) =>
      `<folder type="Folder">ha-folder-vm</folder><name>${nameOf(dice)}</name><spec><location/><powerOn>false</powerOn><template>false</template></spec>`,
  ],
  [
    0.5,
    'RegisterVM_Task',
    'Folder',
    (estate, dice) =>
      `<path>[${estate.datastore}] ${nameOf(dice)}/x.vmx</path><asTemplate>false</asTemplate><pool type="ResourcePool">ha-root-pool</pool>`,
  ],
  [0.5, 'CreateScreenshot_Task', 'VirtualMachine'],
  [
    2,
    'CreateVirtualDisk_Task',
    'VirtualDiskManager',
    (estate, dice) =>
      `<name>${diskPath(estate, dice)}</name><spec xsi:type="FileBackedVirtualDiskSpec"><diskType>thin</diskType><adapterType>lsiLogic</adapterType><capacityKb>1024</capacityKb></spec>`,
  ],
  [2, 'DeleteVirtualDisk_Task', 'VirtualDiskManager', (estate, dice) => `<name>${diskPath(estate, dice)}</name>`],
  [
    0.5,
    'CopyVirtualDisk_Task',
    'VirtualDiskManager',
    (estate, dice) =>
      `<sourceName>${diskPath(estate, dice)}</sourceName><destName>${diskPath(estate, dice)}</destName>`,
  ],
  [
    0.5,
    'ExtendVirtualDisk_Task',
    'VirtualDiskManager',
    (estate, dice) => `<name>${diskPath(estate, dice)}</name><newCapacityKb>4096</newCapacityKb>`,
  ],
  [
    0.5,
    'MoveVirtualDisk_Task',
    'VirtualDiskManager',
    (estate, dice) =>
      `<sourceName>${diskPath(estate, dice)}</sourceName><destName>${diskPath(estate, dice)}</destName>`,
  ],
  [
    1,
    'SearchDatastore_Task',
    'HostDatastoreBrowser',
    (estate) =>
      `<datastorePath>[${estate.datastore}]</datastorePath><searchSpec><query xsi:type="VmDiskFileQuery"/><matchPattern>*.vmdk</matchPattern></searchSpec>`,
  ],
  [
    1,
    'SearchDatastoreSubFolders_Task',
    'HostDatastoreBrowser',
    (estate) => `<datastorePath>[${estate.datastore}]</datastorePath>`,
  ],
  [
    0.5,
    'MakeDirectory',
    'FileManager',
    (estate, dice) =>
      `<name>[${estate.datastore}] d${dice.below(9)}</name><createParentDirectories>true</createParentDirectories>`,
  ],
  [
    0.5,
    'DeleteDatastoreFile_Task',
    'FileManager',
    (estate, dice) => `<name>[${estate.datastore}] d${dice.below(9)}</name>`,
  ],
  [
    0.3,
    'AddPortGroup',
    'HostNetworkSystem',
    (_, dice) =>
      `<portgrp><name>p${dice.below(9)}</name><vlanId>0</vlanId><vswitchName>default</vswitchName><policy/></portgrp>`,
  ],
  [
    0.3,
    'ReconfigureAutostart',
    'HostAutoStartManager',
    (estate, dice) =>
      `<spec><powerInfo>${ref('key', 'VirtualMachine', estate, dice)}<startOrder>1</startOrder><startDelay>0</startDelay><waitForHeartbeat>no</waitForHeartbeat><startAction>powerOn</startAction><stopDelay>0</stopDelay><stopAction>none</stopAction></powerInfo></spec>`,
  ],
  // What only reads.
  [
    8,
    'RetrievePropertiesEx',
    'PropertyCollector',
    (estate, dice) =>
      `<specSet>${spec(estate, dice)}</specSet><options><maxObjects>${dice.pick([1, 5, 100])}</maxObjects></options>`,
  ],
  [4, 'RetrieveProperties', 'PropertyCollector', (estate, dice) => `<specSet>${spec(estate, dice)}</specSet>`],
  [
    1,
    'CreateFilter',
    'PropertyCollector',
    (estate, dice) => `<spec>${spec(estate, dice)}</spec><partialUpdates>${dice.chance(0.5)}</partialUpdates>`,
  ],
  [
    2,
    'WaitForUpdatesEx',
    'PropertyCollector',
    () =>
      '<version></version><options><maxWaitSeconds>0</maxWaitSeconds><maxObjectUpdates>10</maxObjectUpdates></options>',
  ],
  [1, 'CheckForUpdates', 'PropertyCollector', () => '<version></version>'],
  [
    1,
    'CreateContainerView',
    'ViewManager',
    () => '<container type="Folder">ha-folder-root</container><type>VirtualMachine</type><recursive>true</recursive>',
  ],
  [1, 'CreateListView', 'ViewManager', (estate, dice) => ref('obj', 'VirtualMachine', estate, dice)],
  [
    2,
    'FindByInventoryPath',
    'SearchIndex',
    (_, dice) => `<inventoryPath>ha-datacenter/vm/fuzzed-${dice.below(50)}</inventoryPath>`,
  ],
  [
    1,
    'FindByUuid',
    'SearchIndex',
    () =>
      '<uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><vmSearch>true</vmSearch><instanceUuid>false</instanceUuid>',
  ],
  [1, 'FindChild', 'SearchIndex', (estate, dice) => `${ref('entity', 'Folder', estate, dice)}<name>vm</name>`],
  [
    1,
    'QueryEvents',
    'EventManager',
    (estate, dice) =>
      `<filter><entity>${ref('entity', 'VirtualMachine', estate, dice)}<recursion>self</recursion></entity><maxCount>20</maxCount></filter>`,
  ],
  [
    1,
    'QueryPerf',
    'PerformanceManager',
    (estate, dice) =>
      `<querySpec>${ref('entity', 'VirtualMachine', estate, dice)}<maxSample>1</maxSample><metricId><counterId>2</counterId><instance></instance></metricId><intervalId>20</intervalId></querySpec>`,
  ],
  [1, 'Fetch', 'VirtualMachine', (_, dice) => `<prop>${dice.pick(PROPERTIES['VirtualMachine'] ?? [])}</prop>`],
  [0.5, 'CancelTask', 'Task'],
  [0.5, 'QueryConfigOption', 'EnvironmentBrowser'],
  [0.5, 'QueryOptions', 'OptionManager', () => '<name>Config.</name>'],
  [0.5, 'CurrentTime', 'ServiceInstance'],
  [0.3, 'SessionIsActive', 'SessionManager', () => '<sessionID>x</sessionID><userName>root</userName>'],
  [0.1, 'AcquireCloneTicket', 'SessionManager'],
  [0.5, 'MigrateVM_Task', 'VirtualMachine', () => '<priority>defaultPriority</priority>'],
  [0.5, 'CreateFolder', 'Folder', (_, dice) => `<name>f${dice.below(9)}</name>`],
];

const generated = ([weight, method, type, inner]: Generated): Seeds[number] => [
  weight,
  (estate, dice) => {
    const ids = estate.ids(type);
    const id = ids.length > 0 ? dice.pick(ids) : 'gone';
    return parseTree(
      envelope(
        `<${method} xmlns="urn:vim25"><_this type="${type}">${escapeXml(id)}</_this>${inner?.(estate, dice) ?? ''}</${method}>`,
      ),
    );
  },
];

export const loadSeeds = (): Seeds => [...recorded(), ...GENERATED.map(generated)];
