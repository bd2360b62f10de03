/** Bad input gets the API's own fault and changes nothing on the host: virsh sees the same before and after. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashPassword } from '../../runtime/accounts.ts';
import { type Govc, govcOn, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { createSpec, disk, MALFORMED } from './malformed.ts';
import { envelope, escapeXml, type RawSoap, rawSoap } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const READER = { user: 'reader', password: 'only-looks' };
const NAMES = ['plain', 'other', 'running'];

describeWith([...LIBVIRT_CLIENTS, 'govc'], 'bad input', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let soap: RawSoap;
  let govc: Govc;
  const moid: Record<string, string> = {};

  /** All that libvirt knows of domains, volumes and networks. */
  const state = async (): Promise<string> => {
    const parts = [
      await host.virsh('list', '--all', '--title'),
      await host.virsh('net-list', '--all'),
      await host.virsh('vol-list', 'default'),
      await host.virsh('pool-list', '--all'),
    ];
    for (const name of NAMES)
      parts.push(
        await host.virsh('dumpxml', name, '--inactive'),
        await host.virsh('snapshot-list', name),
        await host.virsh('dominfo', name),
      );
    // CPU time of a running guest goes on.
    return parts.join('\n').replaceAll(/^CPU time:.*$/gm, '');
  };
  /** The act's answer, once the host is found unchanged. */
  const unchanged = async <T>(act: () => Promise<T>): Promise<T> => {
    const before = await state();
    const result = await act();
    await host.virsh('pool-refresh', 'default');
    expect(await state()).toBe(before);
    return result;
  };

  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    for (const name of NAMES) {
      const file = join(host.root, `${name}.xml`);
      writeFileSync(
        file,
        `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os><devices><controller type='scsi' index='0' model='lsilogic'/></devices></domain>`,
      );
      await host.virsh('define', file);
    }
    await host.virsh('start', 'running');
    product = await startTransvisor({
      host: host.uri,
      config: `[[account]]\nname = "${READER.user}"\nrole = "read-only"\nhash = "${await hashPassword(READER.password)}"\n`,
    });
    soap = rawSoap(product);
    expect((await soap.logIn()).fault).toBeUndefined();
    for (const name of NAMES) moid[name] = await soap.vm(name);
    govc = govcOn(product, { GOVC_DATASTORE: 'default' });
  });
  afterAll(async () => {
    soap?.close();
    await product?.[Symbol.asyncDispose]();
    await host?.stop();
  });

  const vm = (name: string): string => moid[name] ?? '';
  const onVm = (method: string, name: string, inner = ''): Promise<string | undefined> =>
    soap.run(method, 'VirtualMachine', vm(name), inner);
  const create = (name: string, inner = ''): Promise<string | undefined> =>
    soap.run('CreateVM_Task', 'Folder', 'ha-folder-vm', createSpec(name, inner));
  /** The program still answers a well-formed question at once. */
  const answers = async (): Promise<void> => {
    const begun = Date.now();
    expect((await soap.call('CurrentTime', 'ServiceInstance', 'ServiceInstance')).fault).toBeUndefined();
    expect(Date.now() - begun).toBeLessThan(2000);
  };

  test('a wrong password', async () => {
    const other = rawSoap(product);
    expect((await other.logIn('root', 'wrong')).fault).toBe('InvalidLogin');
    expect((await other.logIn('nobody', 'wrong')).fault).toBe('InvalidLogin');
    expect((await other.logIn('', '')).fault).toBe('InvalidLogin');
    expect((await other.call('PowerOnVM_Task', 'VirtualMachine', vm('plain'))).fault).toBe('NotAuthenticated');
    other.close();
  });

  test('no session, one that was ended, and one nobody gave out', async () => {
    const other = rawSoap(product);
    await unchanged(async () => {
      expect((await other.call('PowerOnVM_Task', 'VirtualMachine', vm('plain'))).fault).toBe('NotAuthenticated');
      const { cookie } = await other.logIn();
      expect((await other.call('CurrentTime', 'ServiceInstance', 'ServiceInstance')).fault).toBeUndefined();
      expect(
        (await other.call('Logout', 'SessionManager', await other.manager('sessionManager'))).fault,
      ).toBeUndefined();
      const headers = { Cookie: cookie ?? '' };
      const body = envelope(
        `<PowerOnVM_Task xmlns="urn:vim25"><_this type="VirtualMachine">${vm('plain')}</_this></PowerOnVM_Task>`,
      );
      expect((await other.post(body, headers)).fault).toBe('NotAuthenticated');
      expect(
        (await other.post(body, { Cookie: 'vmware_soap_session="00000000-dead-beef-0000-000000000000"' })).fault,
      ).toBe('NotAuthenticated');
    });
    other.close();
  });

  test('a session that an administrator terminates', async () => {
    const other = rawSoap(product);
    const { text } = await other.logIn();
    const key = /<key>([^<]*)<\/key>/.exec(text)?.[1] ?? '';
    expect(
      (
        await soap.call(
          'TerminateSession',
          'SessionManager',
          await soap.manager('sessionManager'),
          `<sessionId>${escapeXml(key)}</sessionId>`,
        )
      ).fault,
    ).toBeUndefined();
    expect((await other.call('PowerOnVM_Task', 'VirtualMachine', vm('plain'))).fault).toBe('NotAuthenticated');
    other.close();
  });

  for (const [name, body] of Object.entries(MALFORMED)) {
    test(`malformed XML: ${name}`, async () => {
      const answer = await unchanged(() => soap.post(body));
      expect(answer.status).toBe(500);
      expect(answer.fault, answer.text.slice(0, 500)).toBeDefined();
      expect(answer.text).not.toContain('root:');
      expect(answer.text).not.toContain('aaaaaaaaaaaaaaaaaaaa');
      await answers();
    });
  }

  test('a request of 200 MB', async () => {
    const body = Buffer.alloc(200 * 1024 * 1024, 0x61);
    const result = await soap.post(body).then(
      ({ status, fault }) => ({ status, fault }),
      // Cut off while it is still being sent: as good an answer to one who does not stop.
      (error: NodeJS.ErrnoException) => ({ status: 0, fault: error.code }),
    );
    expect([0, 400, 413, 500]).toContain(result.status);
    await answers();
  });

  test('a method that is not in the API', async () => {
    const answer = await soap.call('FrobnicateVM_Task', 'VirtualMachine', vm('plain'));
    expect(answer.status).toBe(500);
    expect(answer.fault).toMatch(/^(MethodNotFound|InvalidRequest|NotImplemented)$/);
  });

  test('a method of another object', async () => {
    const answer = await unchanged(() => soap.call('PowerOnVM_Task', 'Folder', 'ha-folder-vm'));
    expect(answer.fault).toMatch(/^(MethodNotFound|InvalidRequest|InvalidArgument|InvalidType|ManagedObjectNotFound)$/);
  });

  test('an object that is not there', async () => {
    const found: Record<string, string | undefined> = {};
    const ids = ['999999', 'vm-1', '../../etc/passwd', '-1', '1e3', 'ha-host', '<x>'];
    for (const id of ids) found[id] = (await soap.call('PowerOnVM_Task', 'VirtualMachine', id)).fault;
    expect(found).toEqual(Object.fromEntries(ids.map((id) => [id, 'ManagedObjectNotFound'])));
    expect((await soap.call('PowerOnVM_Task', 'VirtualMachine', '')).fault).toMatch(
      /^(ManagedObjectNotFound|InvalidRequest)$/,
    );
    await expect(soap.read('VirtualMachine', '999999', 'name')).rejects.toThrow('ManagedObjectNotFound');
  });

  test('a power state that does not allow it', async () => {
    await unchanged(async () => {
      expect(await onVm('PowerOnVM_Task', 'running')).toBe('InvalidPowerState');
      expect(await onVm('PowerOffVM_Task', 'plain')).toBe('InvalidPowerState');
      expect(await onVm('SuspendVM_Task', 'plain')).toBe('InvalidPowerState');
      expect(await onVm('ResetVM_Task', 'plain')).toBe('InvalidPowerState');
      expect(await onVm('Destroy_Task', 'running')).toBe('InvalidPowerState');
      expect(await onVm('UnregisterVM', 'running')).toBe('InvalidPowerState');
      expect(await onVm('ShutdownGuest', 'plain')).toMatch(/^(InvalidPowerState|ToolsUnavailable)$/);
    });
  });

  test('a name that is taken', async () => {
    await unchanged(async () => {
      expect(await create('plain')).toMatch(/^(DuplicateName|AlreadyExists)$/);
      expect(await onVm('Rename_Task', 'plain', '<newName>other</newName>')).toBe('DuplicateName');
      expect(await onVm('ReconfigVM_Task', 'running', '<spec><name>other</name></spec>')).toBe('DuplicateName');
    });
  });

  test('a disk of 1 PB', async () => {
    await unchanged(async () => {
      expect(await create('huge-disk', disk('1099511627776'))).toMatch(
        /^(NoDiskSpace|InvalidDeviceSpec|InvalidArgument|FileTooLarge|InvalidVmConfig)$/,
      );
      expect(await onVm('ReconfigVM_Task', 'plain', `<spec>${disk('1099511627776')}</spec>`)).toMatch(
        /^(NoDiskSpace|InvalidDeviceSpec|InvalidArgument|FileTooLarge|InvalidVmConfig)$/,
      );
    });
  });

  test('10,000 CPUs, and numbers that are none', async () => {
    await unchanged(async () => {
      const fault =
        /^(InvalidArgument|InvalidVmConfig|InsufficientCpuResourcesFault|NotEnoughCpus|NumVirtualCpusExceedsLimit|NumVirtualCpusNotSupported)$/;
      expect(await onVm('ReconfigVM_Task', 'plain', '<spec><numCPUs>10000</numCPUs></spec>')).toMatch(fault);
      const spec = createSpec('many-cpus').replace('<numCPUs>1<', '<numCPUs>10000<');
      expect(await soap.run('CreateVM_Task', 'Folder', 'ha-folder-vm', spec)).toMatch(fault);
    });
    await unchanged(async () => {
      for (const wrong of [
        '<numCPUs>0</numCPUs>',
        '<numCPUs>-1</numCPUs>',
        '<memoryMB>0</memoryMB>',
        '<memoryMB>-4</memoryMB>',
        '<memoryMB>9223372036854775807</memoryMB>',
      ]) {
        expect(await onVm('ReconfigVM_Task', 'plain', `<spec>${wrong}</spec>`), wrong).toMatch(
          /^(InvalidArgument|InvalidVmConfig|InsufficientMemoryResourcesFault|InsufficientResourcesFault|MemorySizeNotSupported|NumVirtualCpusNotSupported|GenericVmConfigFault)$/,
        );
      }
      for (const wrong of [
        '<numCPUs>two</numCPUs>',
        '<numCPUs>99999999999999999999</numCPUs>',
        '<memoryMB>1.5</memoryMB>',
        '<nonsense>1</nonsense>',
      ]) {
        expect(await onVm('ReconfigVM_Task', 'plain', `<spec>${wrong}</spec>`), wrong).toMatch(
          /^(InvalidRequest|InvalidArgument|InvalidVmConfig)$/,
        );
      }
    });
  });

  test('a path out of the datastore', async () => {
    const files = join(host.root, 'secret.txt');
    writeFileSync(files, 'the secret');
    await unchanged(async () => {
      for (const path of [
        '[default] ../secret.txt',
        '[default] a/../../secret.txt',
        '[nowhere] x/x.vmdk',
        'no datastore',
      ]) {
        expect(await create('escapes', disk('1024', path)), path).toMatch(
          /^(InvalidDatastorePath|InvalidDatastore|FileFault|FileNotFound|InvalidArgument|InvalidDeviceSpec|InvalidName|CannotCreateFile)$/,
        );
      }
      const manager = await soap.manager('fileManager');
      for (const name of ['[default] ../secret.txt', '[default] x/../../secret.txt']) {
        expect(
          await soap.run(
            'DeleteDatastoreFile_Task',
            'FileManager',
            manager,
            `<name>${name}</name><datacenter type="Datacenter">ha-datacenter</datacenter>`,
          ),
          name,
        ).toMatch(/^(InvalidDatastorePath|FileNotFound|InvalidArgument|FileFault)$/);
        expect(
          await soap.run(
            'MakeDirectory',
            'FileManager',
            manager,
            `<name>${name}</name><datacenter type="Datacenter">ha-datacenter</datacenter>`,
          ),
          name,
        ).toMatch(/^(InvalidDatastorePath|FileNotFound|InvalidArgument|FileFault|CannotCreateFile)$/);
      }
      for (const path of [
        '/folder/../secret.txt',
        '/folder/%2e%2e/secret.txt',
        '/folder/..%2fsecret.txt',
        '/folder//etc/passwd',
        '/folder/a/%2e%2e/%2e%2e/secret.txt',
      ]) {
        const answer = await soap.get(`${path}?dcPath=ha-datacenter&dsName=default`);
        expect([400, 403, 404], `${path}: ${answer.text.slice(0, 200)}`).toContain(answer.status);
        expect(answer.text).not.toContain('secret');
      }
    });
  });

  const STRANGE = [`it's "quoted"`, '<b>&amp;</b>', 'Zürich 東京 🙂', `'; drop table vms; --`, 'a b  c'];
  for (const name of STRANGE) {
    test(`a VM may be called ${name}`, async () => {
      const before = await state();
      expect(await create(name)).toBeUndefined();
      expect(await host.virsh('list', '--all', '--title')).toContain(name);
      // The API writes these two so, in names and in paths.
      const shown = name.replaceAll('%', '%25').replaceAll('/', '%2f');
      const id = await soap.vm(shown);
      const inner = (await soap.read('VirtualMachine', id, 'name')).get('name')?.replaceAll('&quot;', '"');
      expect(inner).toBe(shown.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'));
      expect(await soap.run('Destroy_Task', 'VirtualMachine', id)).toBeUndefined();
      await host.virsh('pool-refresh', 'default');
      expect(await state()).toBe(before);
    });
  }

  test('names that cannot be: empty, with ../ as a path, with control characters, too long', async () => {
    await unchanged(async () => {
      for (const name of ['', 'x'.repeat(5000), 'tab\tand\nline']) {
        expect(await create(name), JSON.stringify(name.slice(0, 20))).toMatch(
          /^(InvalidName|InvalidArgument|InvalidVmConfig|InvalidRequest)$/,
        );
        expect(
          await onVm('Rename_Task', 'plain', `<newName>${escapeXml(name)}</newName>`),
          JSON.stringify(name.slice(0, 20)),
        ).toMatch(/^(InvalidName|InvalidArgument|InvalidVmConfig|InvalidRequest)$/);
      }
    });
    // The API escapes a slash in a name; either way no file may land outside of the pool.
    const before = await state();
    const fault = await create('../../outside', disk('1024'));
    if (fault === undefined) {
      const name = (await host.virsh('list', '--all', '--title')).split('\n').find((line) => line.includes('outside'));
      expect(name).toBeDefined();
      const { stdout } = await govc.result(['find', '-type', 'm', '/', '-name', '*outside*']);
      const path = stdout.trim().split('\n')[0] ?? '';
      await govc('vm.destroy', path);
    } else expect(fault).toMatch(/^(InvalidName|InvalidArgument|InvalidDatastorePath)$/);
    await host.virsh('pool-refresh', 'default');
    expect(await state()).toBe(before);
  });

  test("a read-only user's every change", async () => {
    const reader = rawSoap({ url: product.url, ...READER });
    expect((await reader.logIn()).fault).toBeUndefined();
    expect((await reader.read('VirtualMachine', vm('plain'), 'name')).get('name')).toBe('plain');
    const dc = '<datacenter type="Datacenter">ha-datacenter</datacenter>';
    const fm = await reader.manager('fileManager');
    const disks = await reader.manager('virtualDiskManager');
    const changes: readonly [method: string, type: string, id: string, inner?: string][] = [
      ...['PowerOnVM_Task', 'Destroy_Task', 'UnregisterVM', 'RemoveAllSnapshots_Task', 'MarkAsTemplate'].map(
        (method): [string, string, string] => [method, 'VirtualMachine', vm('plain')],
      ),
      ...['PowerOffVM_Task', 'SuspendVM_Task', 'ResetVM_Task', 'ShutdownGuest', 'RebootGuest', 'StandbyGuest'].map(
        (method): [string, string, string] => [method, 'VirtualMachine', vm('running')],
      ),
      ['ReconfigVM_Task', 'VirtualMachine', vm('plain'), '<spec><memoryMB>48</memoryMB></spec>'],
      ['Rename_Task', 'VirtualMachine', vm('plain'), '<newName>renamed</newName>'],
      [
        'CreateSnapshot_Task',
        'VirtualMachine',
        vm('plain'),
        '<name>s</name><memory>false</memory><quiesce>false</quiesce>',
      ],
      [
        'CloneVM_Task',
        'VirtualMachine',
        vm('plain'),
        '<folder type="Folder">ha-folder-vm</folder><name>c</name><spec><location/><powerOn>false</powerOn><template>false</template></spec>',
      ],
      ['CreateVM_Task', 'Folder', 'ha-folder-vm', createSpec('by-the-reader')],
      [
        'RegisterVM_Task',
        'Folder',
        'ha-folder-vm',
        '<path>[default] plain/plain.vmx</path><asTemplate>false</asTemplate>',
      ],
      ['MakeDirectory', 'FileManager', fm, `<name>[default] by-the-reader</name>${dc}`],
      ['DeleteDatastoreFile_Task', 'FileManager', fm, `<name>[default] x</name>${dc}`],
      [
        'MoveDatastoreFile_Task',
        'FileManager',
        fm,
        `<sourceName>[default] x</sourceName><sourceDatacenter type="Datacenter">ha-datacenter</sourceDatacenter><destinationName>[default] y</destinationName>`,
      ],
      [
        'CreateVirtualDisk_Task',
        'VirtualDiskManager',
        disks,
        `<name>[default] r.vmdk</name>${dc}<spec xsi:type="FileBackedVirtualDiskSpec"><diskType>thin</diskType><adapterType>lsiLogic</adapterType><capacityKb>1024</capacityKb></spec>`,
      ],
      ['DeleteVirtualDisk_Task', 'VirtualDiskManager', disks, `<name>[default] r.vmdk</name>${dc}`],
    ];
    await unchanged(async () => {
      for (const [method, type, id, inner] of changes)
        expect(await reader.run(method, type, id, inner), method).toMatch(
          /^(NoPermission|NotSupported|RestrictedVersion)$/,
        );
    });
    reader.close();
  });

  test('the program has not ended, and its log holds no password', async () => {
    expect(product.alive()).toBe(true);
    expect(product.log()).not.toContain(product.password);
    await answers();
  });
});
