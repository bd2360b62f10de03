/** What the running product says of everything it shows, judged by pyVmomi's own type tables and by the members each type requires. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { escapeXml, type RawSoap, rawSoap } from './raw-soap.ts';
import { requiredMembersOf } from './required-members.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { readBackWithPyVmomi } from './vim25-read-back.ts';

const OBJECTS_MOST = 500;

type Said = readonly [what: string, xml: string];

/** Every reference to a managed object in a text. */
const referencesIn = (xml: string): readonly string[] =>
  [
    ...xml.matchAll(
      /<\w+(?: xsi:type="ManagedObjectReference")? type="(\w+)"(?: xsi:type="ManagedObjectReference")?>([^<]+)</g,
    ),
  ].map(([, type = '', id = '']) => `${type}:${id}`);

const all = (type: string, id: string): string =>
  `<specSet><propSet><type>${type}</type><all>true</all></propSet><objectSet><obj type="${type}">${escapeXml(id)}</obj></objectSet></specSet><options/>`;

const textOfReference = (properties: ReadonlyMap<string, string>, path: string): string => properties.get(path) ?? '';

const nicAndDisk = (datastore: string, network: string): string =>
  `<deviceChange><operation>add</operation><device xsi:type="VirtualLsiLogicController"><key>-100</key><busNumber>0</busNumber><sharedBus>noSharing</sharedBus></device></deviceChange>` +
  `<deviceChange><operation>add</operation><fileOperation>create</fileOperation><device xsi:type="VirtualDisk"><key>-101</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[${datastore}]</fileName><diskMode>persistent</diskMode><thinProvisioned>true</thinProvisioned></backing><controllerKey>-100</controllerKey><unitNumber>0</unitNumber><capacityInKB>4096</capacityInKB></device></deviceChange>` +
  `<deviceChange><operation>add</operation><device xsi:type="VirtualE1000"><key>-102</key><backing xsi:type="VirtualEthernetCardNetworkBackingInfo"><deviceName>${network}</deviceName></backing></device></deviceChange>` +
  `<deviceChange><operation>add</operation><device xsi:type="VirtualCdrom"><key>-103</key><backing xsi:type="VirtualCdromRemotePassthroughBackingInfo"><deviceName></deviceName><exclusive>false</exclusive></backing><controllerKey>200</controllerKey></device></deviceChange>` +
  '<extraConfig><key>a.b</key><value xsi:type="xsd:string">c</value></extraConfig>';

describeWith([...LIBVIRT_CLIENTS, 'pyvmomi'], 'the schema judges every answer', () => {
  test('its complaints are heard: a missing member, a wrong order, an unknown one, an Any without type', () => {
    const reply = (inner: string): string =>
      `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body><FetchResponse xmlns="urn:vim25">${inner}</FetchResponse></e:Body></e:Envelope>`;
    const option = (inner: string): readonly string[] =>
      requiredMembersOf(reply(`<returnval xsi:type="OptionValue">${inner}</returnval>`));
    expect(option('<key>a</key><value xsi:type="xsd:string">b</value>')).toEqual([]);
    expect(option('<value xsi:type="xsd:string">b</value>')).toHaveLength(1);
    expect(option('<value xsi:type="xsd:string">b</value><key>a</key>')).toHaveLength(1);
    expect(option('<key>a</key><value>b</value>')).toHaveLength(1);
    expect(option('<key>a</key><more/><value xsi:type="xsd:string">b</value>')).toHaveLength(1);
    expect(requiredMembersOf(reply('<returnval>x</returnval>'))).toHaveLength(1);
  });
});

for (const driver of ['test', 'qemu'] as const) {
  describeWith([...LIBVIRT_CLIENTS, 'pyvmomi'], `what is shown of a host with libvirt's ${driver} driver`, () => {
    let host: Libvirtd;
    let product: Transvisor;
    let soap: RawSoap;
    let datastore = '';
    let vm = '';
    let running = '';

    beforeAll(async () => {
      host = await startLibvirtd({ qemu: driver === 'qemu' });
      product = await startTransvisor({ host: host.uri });
      soap = rawSoap(product);
      expect((await soap.logIn()).fault).toBeUndefined();
      datastore = driver === 'qemu' ? 'default' : 'default-pool';
      const spec = `<name>judged</name><annotation>a note</annotation><guestId>otherGuest</guestId><files><vmPathName>[${datastore}]</vmPathName></files><numCPUs>2</numCPUs><memoryMB>32</memoryMB>${nicAndDisk(datastore, driver === 'qemu' ? 'lan' : 'default')}`;
      expect(
        await run(
          'CreateVM_Task',
          'Folder',
          'ha-folder-vm',
          `<config>${spec}</config><pool type="ResourcePool">ha-root-pool</pool>`,
        ),
      ).toBe('');
      vm = await soap.vm('judged');
      const pool = await soap.call(
        'CreateResourcePool',
        'ResourcePool',
        'ha-root-pool',
        '<name>child</name><spec><cpuAllocation><reservation>5</reservation></cpuAllocation><memoryAllocation><shares><shares>7</shares><level>custom</level></shares></memoryAllocation></spec>',
      );
      expect(pool.fault).toBeUndefined();
      const moved = `<list type="VirtualMachine">${vm}</list>`;
      const child = /<returnval[^>]*>([^<]*)</.exec(pool.text)?.[1] ?? '';
      expect((await soap.call('MoveIntoResourcePool', 'ResourcePool', child, moved)).fault).toBeUndefined();
      const snapshot = '<name>first</name><description>d</description><memory>false</memory><quiesce>false</quiesce>';
      expect(await run('CreateSnapshot_Task', 'VirtualMachine', vm, snapshot)).toBe('');
      // The harness' network has no bridge behind it: on QEMU only a VM without a NIC can run.
      const runs = `<config><name>runs</name><guestId>otherGuest</guestId><files><vmPathName>[${datastore}]</vmPathName></files><numCPUs>1</numCPUs><memoryMB>32</memoryMB></config><pool type="ResourcePool">ha-root-pool</pool>`;
      expect(await run('CreateVM_Task', 'Folder', 'ha-folder-vm', runs)).toBe('');
      running = await soap.vm('runs');
      expect(await run('PowerOnVM_Task', 'VirtualMachine', running)).toBe('');
      // Tasks with errors of several kinds.
      expect(await run('PowerOnVM_Task', 'VirtualMachine', running)).toBe('InvalidPowerState');
      expect(await run('Destroy_Task', 'VirtualMachine', running)).toBe('InvalidPowerState');
      expect(
        await run(
          'DeleteVirtualDisk_Task',
          'VirtualDiskManager',
          await soap.manager('virtualDiskManager'),
          `<name>[${datastore}] none.vmdk</name>`,
        ),
      ).toBe('FileNotFound');
    });
    afterAll(async () => {
      soap?.close();
      await product?.[Symbol.asyncDispose]();
      await host?.stop();
    });

    const run = async (...args: Parameters<RawSoap['run']>): Promise<string> => (await soap.run(...args)) ?? '';

    const judge = async (said: readonly Said[]): Promise<readonly string[]> => {
      const theirs = await readBackWithPyVmomi(said.map(([, xml]) => xml));
      return [
        ...new Set(
          said.flatMap(([what, xml], at) =>
            [...(theirs[at] ?? []), ...requiredMembersOf(xml)].map((problem) => `${what}: ${problem}`),
          ),
        ),
      ];
    };
    const answersOf = async (
      calls: readonly (readonly [method: string, type: string, id: string, inner?: string])[],
    ): Promise<readonly Said[]> => {
      const said: Said[] = [];
      for (const [method, type, id, inner = ''] of calls)
        said.push([method, (await soap.call(method, type, id, inner)).text]);
      return said;
    };

    test('every property of every managed object that can be reached', async () => {
      const seen = new Set(['ServiceInstance:ServiceInstance']);
      const said: Said[] = [];
      const missing: string[] = [];
      const collector = await soap.manager('propertyCollector');
      for (const object of seen) {
        if (seen.size > OBJECTS_MOST) throw new Error('the inventory has no end');
        const cut = object.indexOf(':');
        const [type, id] = [object.slice(0, cut), object.slice(cut + 1)];
        const { text, fault } = await soap.call('RetrievePropertiesEx', 'PropertyCollector', collector, all(type, id));
        said.push([object, text]);
        // A task may have been a search's that is over; all else that is shown must be there.
        if (fault !== undefined) missing.push(`${object}: ${fault}: ${text.slice(0, 300)}`);
        for (const [, path = ''] of text.matchAll(/<missingSet><path>([^<]*)</g))
          missing.push(`${object}: ${path} is missing`);
        for (const reference of referencesIn(text)) seen.add(reference);
      }
      const types = new Set([...seen].map((object) => object.slice(0, object.indexOf(':'))));
      expect([...types]).toEqual(
        expect.arrayContaining([
          'VirtualMachine',
          'VirtualMachineSnapshot',
          'Task',
          'Datastore',
          'Network',
          'HostSystem',
          'ResourcePool',
          'HostCertificateManager',
          'HostFirewallSystem',
          'Folder',
          'HostDatastoreBrowser',
          'EnvironmentBrowser',
        ]),
      );
      expect(missing).toEqual([]);
      expect(await judge(said)).toEqual([]);
    });

    test('updates: the first, a change, and what is gone', async () => {
      const collector = await soap.manager('propertyCollector');
      const view = await soap.call(
        'CreateContainerView',
        'ViewManager',
        await soap.manager('viewManager'),
        '<container type="Folder">ha-folder-root</container><recursive>true</recursive>',
      );
      const id = /<returnval type="ContainerView">([^<]+)</.exec(view.text)?.[1] ?? '';
      const spec = `<spec><propSet><type>ManagedEntity</type><all>true</all></propSet><propSet><type>VirtualMachine</type><all>true</all></propSet><objectSet><obj type="ContainerView">${id}</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path></selectSet></objectSet></spec><partialUpdates>true</partialUpdates>`;
      const said: Said[] = [
        ['CreateContainerView', view.text],
        ...(await answersOf([['CreateFilter', 'PropertyCollector', collector, spec]])),
      ];
      let version = '';
      const updates = async (what: string): Promise<string> => {
        const { text } = await soap.call(
          'WaitForUpdatesEx',
          'PropertyCollector',
          collector,
          `<version>${version}</version><options><maxWaitSeconds>10</maxWaitSeconds></options>`,
        );
        version = /<version>([^<]*)</.exec(text)?.[1] ?? version;
        said.push([what, text]);
        return text;
      };
      const until = async (what: string, pattern: RegExp): Promise<void> => {
        for (let round = 0; round < 20; round++) if (pattern.test(await updates(what))) return;
        throw new Error(`no update with ${pattern}`);
      };
      await until('first', /<kind>enter</);
      expect(
        await run(
          'CreateVM_Task',
          'Folder',
          'ha-folder-vm',
          `<config><name>passing</name><guestId>otherGuest</guestId><files><vmPathName>[${datastore}]</vmPathName></files><numCPUs>1</numCPUs><memoryMB>32</memoryMB></config><pool type="ResourcePool">ha-root-pool</pool>`,
        ),
      ).toBe('');
      await until('enter', /<kind>enter</);
      const passing = await soap.vm('passing');
      expect(
        await run(
          'ReconfigVM_Task',
          'VirtualMachine',
          passing,
          '<spec><annotation>other</annotation><memoryMB>64</memoryMB></spec>',
        ),
      ).toBe('');
      await until('modify', /<kind>modify<[\s\S]*annotation/);
      expect(await run('Destroy_Task', 'VirtualMachine', passing)).toBe('');
      await until('leave', /<kind>leave</);
      expect(await judge(said)).toEqual([]);
    });

    test('events, performance, catalogues, search, browser, sessions', async () => {
      const manager = async (name: string): Promise<string> => soap.manager(name);
      const events = await manager('eventManager');
      const search = await manager('searchIndex');
      const perf = await manager('perfManager');
      const browser = textOfReference(
        await soap.read('VirtualMachine', vm, 'environmentBrowser'),
        'environmentBrowser',
      );
      const datastoreId =
        /<ManagedObjectReference[^>]*>([^<]+)</.exec(
          (await soap.read('Datacenter', 'ha-datacenter', 'datastore')).get('datastore') ?? '',
        )?.[1] ?? '';
      const files = textOfReference(await soap.read('Datastore', datastoreId, 'browser'), 'browser');
      const entity = `<entity type="VirtualMachine">${running}</entity>`;
      const counter =
        /<counterId>(\d+)</.exec(
          (
            await soap.call(
              'QueryAvailablePerfMetric',
              'PerformanceManager',
              perf,
              `${entity}<intervalId>20</intervalId>`,
            )
          ).text,
        )?.[1] ?? '1';
      const said = await answersOf([
        ['RetrieveServiceContent', 'ServiceInstance', 'ServiceInstance'],
        ['CurrentTime', 'ServiceInstance', 'ServiceInstance'],
        ['QueryEvents', 'EventManager', events, '<filter/>'],
        ['RetrieveArgumentDescription', 'EventManager', events, '<eventTypeId>VmPoweredOnEvent</eventTypeId>'],
        ['CreateCollectorForEvents', 'EventManager', events, '<filter/>'],
        ['QueryPerfProviderSummary', 'PerformanceManager', perf, entity],
        ['QueryAvailablePerfMetric', 'PerformanceManager', perf, `${entity}<intervalId>20</intervalId>`],
        ['QueryPerfCounter', 'PerformanceManager', perf, `<counterId>${counter}</counterId>`],
        ['QueryPerfCounterByLevel', 'PerformanceManager', perf, '<level>4</level>'],
        [
          'QueryPerf',
          'PerformanceManager',
          perf,
          `<querySpec>${entity}<maxSample>1</maxSample><intervalId>20</intervalId></querySpec>`,
        ],
        ['QueryConfigOption', 'EnvironmentBrowser', browser],
        ['QueryConfigOptionEx', 'EnvironmentBrowser', browser],
        ['QueryConfigOptionDescriptor', 'EnvironmentBrowser', browser],
        ['QueryConfigTarget', 'EnvironmentBrowser', browser],
        ['QueryTargetCapabilities', 'EnvironmentBrowser', browser],
        ['QueryOptions', 'OptionManager', await manager('setting')],
        ['FindByInventoryPath', 'SearchIndex', search, '<inventoryPath>ha-datacenter/vm/judged</inventoryPath>'],
        ['FindChild', 'SearchIndex', search, '<entity type="Folder">ha-folder-root</entity><name>ha-datacenter</name>'],
        ['FindAllByDnsName', 'SearchIndex', search, '<dnsName>none</dnsName><vmSearch>true</vmSearch>'],
        [
          'RetrieveEntityPermissions',
          'AuthorizationManager',
          await manager('authorizationManager'),
          '<entity type="Folder">ha-folder-root</entity><inherited>true</inherited>',
        ],
        ['RetrieveAllPermissions', 'AuthorizationManager', await manager('authorizationManager')],
        [
          'DecodeLicense',
          'LicenseManager',
          await manager('licenseManager'),
          '<licenseKey>00000-00000-00000-00000-00000</licenseKey>',
        ],
        ['AcquireCloneTicket', 'SessionManager', await manager('sessionManager')],
        ['AcquireTicket', 'VirtualMachine', running, '<ticketType>vnc</ticketType>'],
        ['Fetch', 'VirtualMachine', vm, '<prop>config.hardware.device</prop>'],
        ['Fetch', 'VirtualMachine', vm, '<prop>config.extraConfig["a.b"].value</prop>'],
        ['Fetch', 'VirtualMachine', vm, '<prop>runtime.powerState</prop>'],
        // Faults.
        ['Fetch', 'VirtualMachine', vm, '<prop>config.nonsense</prop>'],
        ['PowerOffVM_Task', 'VirtualMachine', 'gone'],
        ['MigrateVM_Task', 'VirtualMachine', vm, '<priority>defaultPriority</priority>'],
        ['CreateVM_Task', 'Folder', 'ha-folder-vm', '<config/><pool type="ResourcePool">ha-root-pool</pool>'],
        ['ReconfigVM_Task', 'VirtualMachine', vm, '<spec><numCPUs>10000</numCPUs></spec>'],
        ['RenameSnapshot', 'VirtualMachineSnapshot', 'snapshot-999999', '<name>x</name>'],
        ['WaitForUpdatesEx', 'PropertyCollector', await manager('propertyCollector'), '<version>nonsense</version>'],
        ['NoSuchMethod', 'VirtualMachine', vm],
      ]);
      const spec =
        '<searchSpec><query xsi:type="VmConfigFileQuery"/><query xsi:type="VmDiskFileQuery"><details><diskType>true</diskType><capacityKb>true</capacityKb><hardwareVersion>true</hardwareVersion></details></query><query xsi:type="FolderFileQuery"/><details><fileType>true</fileType><fileSize>true</fileSize><modification>true</modification><fileOwner>true</fileOwner></details></searchSpec>';
      const task =
        /<returnval type="Task">([^<]+)</.exec(
          (
            await soap.call(
              'SearchDatastoreSubFolders_Task',
              'HostDatastoreBrowser',
              files,
              `<datastorePath>[${datastore}]</datastorePath>${spec}`,
            )
          ).text,
        )?.[1] ?? '';
      expect((await soap.taskEnd(task)).state).toBe('success');
      const found = await answersOf([
        ['RetrievePropertiesEx', 'PropertyCollector', await manager('propertyCollector'), all('Task', task)],
      ]);
      expect(found[0]?.[1]).toContain('judged');
      expect(said.find(([what]) => what === 'QueryEvents')?.[1]).toContain('VmPoweredOnEvent');
      expect(await judge([...said, ...found])).toEqual([]);
    });
  });
}
