/** What others do beside us: virsh on the same host shows up in a waiting client, elements we do not know stay, direct power goes on without the server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { govcOn, LIBVIRT_CLIENTS, requireClient } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { rawSoap, textsIn } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const small = (name: string, inner = ''): string =>
  `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os><devices>${inner}</devices></domain>`;

/** What no front of ours speaks of; libvirt keeps it, in its own order. */
const UNKNOWN = `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<name>strange</name><genid>6d7f2a0c-5c8f-4c45-9d7c-b7d1c3d0a111</genid><title>strange</title><description>of its own</description>
<metadata><a:one xmlns:a='http://a.example/1' k='v'><a:two><![CDATA[1 < 2]]></a:two></a:one><b:three xmlns:b='http://b.example/'>x<!-- kept --></b:three></metadata>
<maxMemory slots='4' unit='MiB'>512</maxMemory><memory unit='MiB'>64</memory><memoryBacking><nosharepages/><locked/></memoryBacking>
<vcpu placement='static' cpuset='0-1'>2</vcpu><iothreads>2</iothreads>
<blkiotune><weight>200</weight></blkiotune><memtune><hard_limit unit='MiB'>2048</hard_limit></memtune>
<cputune><shares>2000</shares><period>100000</period><quota>50000</quota></cputune><resource><partition>/machine/strange</partition></resource>
<sysinfo type='smbios'><bios><entry name='vendor'>Someone</entry></bios></sysinfo>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/><bootmenu enable='yes' timeout='3000'/><smbios mode='sysinfo'/><bios useserial='no' rebootTimeout='7'/></os>
<features><acpi/><apic eoi='on'/><pae/><vmport state='off'/></features>
<cpu mode='custom' match='exact' check='none'><model fallback='allow'>qemu64</model><numa><cell id='0' cpus='0-1' memory='64' unit='MiB'/></numa></cpu>
<clock offset='variable' adjustment='120' basis='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='pit' tickpolicy='delay'/></clock>
<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>preserve</on_crash><pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>
<devices>
<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' io='threads' iothread='1'/><source file='/nowhere/d.img'/><target dev='vda' bus='virtio'/><iotune><total_bytes_sec>1000000</total_bytes_sec></iotune><serial>DISK-1</serial></disk>
<controller type='virtio-serial' index='0'/><channel type='unix'><target type='virtio' name='org.example.0'/></channel>
<watchdog model='i6300esb' action='reset'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng><panic model='isa'/>
<sound model='ich6'/><input type='tablet' bus='usb'/><redirdev bus='usb' type='spicevmc'/><smartcard mode='passthrough' type='spicevmc'/>
<vsock model='virtio'><cid auto='no' address='77'/></vsock><graphics type='spice' autoport='yes'><image compression='off'/></graphics><memballoon model='virtio'><stats period='5'/></memballoon>
</devices>
<qemu:commandline><qemu:arg value='-name'/><qemu:arg value='strange'/><qemu:env name='A' value='b'/></qemu:commandline>
</domain>`;

const leasesOf = async ({ admin }: Transvisor): Promise<number> => {
  const response = await fetch(`${admin.url}/metrics`, { headers: { authorization: `Bearer ${admin.token}` } });
  return Number(/^transvisor_leases (\d+)$/m.exec(await response.text())?.[1]);
};

describeWith([...LIBVIRT_CLIENTS, 'govc'], 'beside others on the same host', () => {
  let host: Libvirtd;
  const define = async (name: string, xml: string): Promise<void> => {
    const file = join(host.root, `${name}.xml`);
    writeFileSync(file, xml);
    await host.virsh('define', file);
  };
  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    await define('alone', small('alone'));
    await define('untouched', small('untouched'));
    await define('strange', UNKNOWN);
  });
  afterAll(async () => {
    await host?.stop();
  });

  test('a VM created, changed and deleted with virsh shows up in a waiting govc object.collect', async () => {
    await using product = await startTransvisor({ host: host.uri });
    const govc = govcOn(product);
    const child: ChildProcess = spawn(
      requireClient('govc'),
      ['object.collect', '-n=-1', '-type', 'm', '/', 'name', 'runtime.powerState', 'config.hardware.memoryMB'],
      { env: { ...process.env, ...govc.env }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let said = '';
    const note = (chunk: Buffer): void => {
      said += chunk.toString('utf8');
    };
    child.stdout?.on('data', note);
    child.stderr?.on('data', note);
    try {
      const hears = (pattern: RegExp): Promise<void> =>
        expect.poll(() => said, { timeout: 10_000, interval: 20 }).toMatch(pattern);
      await hears(/name\s+string\s+alone/);
      expect(said).not.toContain('guest-beside');
      await define('guest-beside', small('guest-beside'));
      await hears(/name\s+string\s+guest-beside/);
      const moid = /(VirtualMachine:\S+)\s+name\s+string\s+guest-beside/.exec(said)?.[1] ?? '';
      said = '';
      // As virsh edit does; libvirt has no event for setmem and its like on a stopped domain: those are seen by the slow scan.
      const uuid = (await host.virsh('domuuid', 'guest-beside')).trim();
      await define(
        'guest-beside',
        small('guest-beside').replace('</name>', `</name><uuid>${uuid}</uuid>`).replace('>32<', '>48<'),
      );
      await hears(new RegExp(`${moid}\\s+config.hardware.memoryMB\\s+\\S+\\s+48`));
      await host.virsh('start', 'guest-beside');
      await hears(new RegExp(`${moid}\\s+runtime.powerState\\s+\\S+\\s+poweredOn`));
      await host.virsh('destroy', 'guest-beside');
      await hears(new RegExp(`${moid}\\s+runtime.powerState\\s+\\S+\\s+poweredOff`));
      await host.virsh('undefine', 'guest-beside');
      // govc prints nothing for an object that leaves: the list says it, while the same wait goes on.
      await expect
        .poll(() => govc('find', '-type', 'm', '/'), { timeout: 10_000, interval: 50 })
        .not.toContain('guest-beside');
      expect(child.exitCode).toBeNull();
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('a domain with twenty unknown elements keeps them all, in order, through a reconfigure', async () => {
    await using product = await startTransvisor({ host: host.uri });
    const govc = govcOn(product);
    const before = await host.virsh('dumpxml', 'strange', '--inactive');
    /** Without our own metadata element, the one thing that may be new. */
    const others = async (): Promise<string> =>
      (await host.virsh('dumpxml', 'strange', '--inactive')).replace(
        / *<transvisor:vm [\s\S]*?<\/transvisor:vm>\n/,
        '',
      );
    await govc('vm.change', '-vm', 'strange', '-annotation', 'seen by us');
    const described = before.replace('<description>of its own</description>', '<description>seen by us</description>');
    expect(await others()).toBe(described);
    await govc('vm.change', '-vm', 'strange', '-e', 'guestinfo.colour=blue');
    expect(await host.virsh('dumpxml', 'strange', '--inactive')).toContain('blue');
    expect(await others()).toBe(described);
    // A new definition: hardware changes cannot be told in words.
    await govc('vm.network.add', '-vm', 'strange', '-net', 'lan', '-net.adapter', 'e1000');
    const withCard = await others();
    const card = / {4}<interface [\s\S]*?<\/interface>\n/.exec(withCard)?.[0] ?? '';
    expect(card).toContain("<source network='lan'/>");
    // A sheet writes a CDATA section as the text it is.
    expect(withCard.replace(card, '')).toBe(described.replace('<![CDATA[1 < 2]]>', '1 &lt; 2'));
  });

  test('direct power of a VM never commanded before, with the server stopped; after it starts again the task is there, once', async () => {
    await using product: Transvisor = await startTransvisor({ host: host.uri, twoProcesses: true });
    const soap = rawSoap(product);
    expect((await soap.logIn()).fault).toBeUndefined();
    const vm = await soap.vm('untouched');
    const tasksOf = async (): Promise<readonly string[]> => {
      const recent = (await soap.read('VirtualMachine', vm, 'recentTask')).get('recentTask') ?? '';
      return textsIn(recent, 'ManagedObjectReference');
    };
    // The agent acts alone on a VM it holds a lease on: it gets them all soon after the listing.
    await expect.poll(() => leasesOf(product), { timeout: 10_000, interval: 20 }).toBe(3);
    const known = await tasksOf();
    expect(known).toEqual([]);
    await product.stop('server');
    const begun = Date.now();
    const power = await soap.call('PowerOnVM_Task', 'VirtualMachine', vm);
    expect(power.fault, power.text).toBeUndefined();
    expect(Date.now() - begun).toBeLessThan(2000);
    const task = /<returnval[^>]*type="Task"[^>]*>([^<]*)</.exec(power.text)?.[1] ?? '';
    expect(task).not.toBe('');
    await expect
      .poll(async () => (await host.virsh('domstate', 'untouched')).trim(), { timeout: 10_000 })
      .toBe('running');
    // A read needs the server: the API's own fault, at once.
    const read = Date.now();
    await expect(soap.read('Task', task, 'info')).rejects.toThrow(/HostCommunication|HostNotConnected/);
    expect(Date.now() - read).toBeLessThan(2000);
    expect((await soap.call('CurrentTime', 'ServiceInstance', 'ServiceInstance')).fault).toBeUndefined();

    await product.restart('server');
    await expect
      .poll(async () => soap.read('Task', task, 'info').then(() => 'there', String), { timeout: 20_000, interval: 100 })
      .toBe('there');
    const end = await soap.taskEnd(task);
    expect(end.state).toBe('success');
    expect(end.text).toContain('PowerOn');
    const fresh = (await tasksOf()).filter((one) => !known.includes(one));
    expect(fresh).toEqual([task]);
    const events = await soap.call(
      'QueryEvents',
      'EventManager',
      await soap.manager('eventManager'),
      `<filter><entity><entity type="VirtualMachine">${vm}</entity><recursion>self</recursion></entity></filter>`,
    );
    expect(events.text.match(/xsi:type="VmPoweredOnEvent"/g)).toHaveLength(1);
    // The new link is told of every VM anew: the next outage is stood as well.
    await expect.poll(() => leasesOf(product), { timeout: 10_000, interval: 20 }).toBe(3);
    await product.stop('server');
    const off = await soap.call('PowerOffVM_Task', 'VirtualMachine', vm);
    expect(off.fault, off.text).toBeUndefined();
    await expect
      .poll(async () => (await host.virsh('domstate', 'untouched')).trim(), { timeout: 10_000 })
      .toBe('shut off');
    soap.close();
  });
});
