/** Proves the harness itself: what every other peer test stands on starts, behaves and leaves nothing behind. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootGuestXml, READY_TEXT, writeBootDisk } from './boot-sector.ts';
import { govcOn, LIBVIRT_CLIENTS, python, startVcsim, virshOn } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { domainName, domainUuid, writeNodeXml } from './node-xml.ts';

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

describeWith(LIBVIRT_CLIENTS, 'a private libvirtd', () => {
  let host: Libvirtd;
  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true, tcpPort: await freePort() });
  });
  afterAll(async () => {
    await host?.stop();
  });

  const defineGuest = async (name: string): Promise<string> => {
    const disk = join(host.poolFolder, `${name}.img`);
    const serialLog = join(host.root, `${name}.serial`);
    const xml = join(host.root, `${name}.xml`);
    writeBootDisk(disk);
    writeFileSync(xml, bootGuestXml({ name, disk, serialLog }));
    await host.virsh('define', xml);
    return serialLog;
  };
  const state = async (name: string): Promise<string> => (await host.virsh('domstate', name)).trim();

  test('has its own UUID, a pool and a network', async () => {
    expect(await host.virsh('capabilities')).toContain(host.hostUuid);
    expect(await host.virsh('pool-info', 'default')).toMatch(/State:\s+running/);
    expect(await host.virsh('net-info', 'lan')).toMatch(/Active:\s+yes/);
  });

  test('answers on TCP as on the unix socket', async () => {
    const over = await virshOn(String(host.tcpUri), ['pool-list', '--name']);
    expect(over.stderr).toBe('');
    expect(over.stdout.trim()).toBe('default');
  });

  test('boots the boot sector in QEMU, and the guest obeys the ACPI power button', async () => {
    const serial = await defineGuest('button');
    await host.virsh('start', 'button');
    await expect.poll(() => textOf(serial), { timeout: 20_000, interval: 20 }).toContain(READY_TEXT);
    expect(await host.processes()).toContain('qemu-system-x86');
    await host.virsh('shutdown', 'button', '--mode', 'acpi');
    await expect.poll(() => state('button'), { timeout: 20_000, interval: 50 }).toBe('shut off');
    await host.virsh('undefine', 'button');
  });

  test('reboots the guest by its power button', async () => {
    const serial = await defineGuest('again');
    await host.virsh('start', 'again');
    await expect.poll(() => textOf(serial), { timeout: 20_000, interval: 20 }).toContain(READY_TEXT);
    await host.virsh('reboot', 'again', '--mode', 'acpi');
    await expect
      .poll(() => textOf(serial).split(READY_TEXT).length - 1, { timeout: 20_000, interval: 20 })
      .toBeGreaterThanOrEqual(2);
    expect(await state('again')).toBe('running');
    await host.virsh('destroy', 'again');
    await host.virsh('undefine', 'again');
  });

  test('killed with -9 and started again it still has its running guest', async () => {
    const serial = await defineGuest('survivor');
    await host.virsh('start', 'survivor');
    await expect.poll(() => textOf(serial), { timeout: 20_000, interval: 20 }).toContain(READY_TEXT);
    const before = host.pid();
    await host.kill9();
    expect((await host.virshResult(['list'])).code).not.toBe(0);
    expect(await host.processes()).toContain('qemu-system-x86');
    await host.restart();
    expect(host.pid()).not.toBe(before);
    expect(await state('survivor')).toBe('running');
    await host.restart();
    expect(await state('survivor')).toBe('running');
    // One that is destroyed while the daemon takes it back ends twice, the second time with a complaint.
    await host.virsh('domblkerror', 'survivor');
    const begun = Date.now();
    await host.virsh('destroy', 'survivor');
    // Below a subreaper; without one this takes 1.6 s.
    expect(Date.now() - begun).toBeLessThan(1500);
    await host.virsh('undefine', 'survivor');
  });

  test('serves the test driver, with an estate of our own', async () => {
    expect((await host.virshResult(['list', '--name'], host.testUri())).stdout.trim()).toBe('test');
    const file = join(host.root, 'node.xml');
    writeNodeXml(file, 1200, { volumes: true });
    const uri = host.testUri(file);
    const all = (await host.virshResult(['list', '--all', '--name'], uri)).stdout.trim().split('\n');
    expect(all).toHaveLength(1200);
    expect((await host.virshResult(['list', '--name'], uri)).stdout.trim().split('\n')).toHaveLength(900);
    const { stdout: xml } = await host.virshResult(['dumpxml', domainName(7)], uri);
    expect(xml).toContain(domainUuid(7));
    expect(xml.match(/<disk /g)).toHaveLength(2);
    expect(xml.match(/<interface /g)).toHaveLength(2);
    expect(xml).toContain('<estate:cost>7</estate:cost>');
    const volumes = await host.virshResult(['vol-list', 'default-pool'], uri);
    expect(volumes.stdout.trim().split('\n')).toHaveLength(2400);
  });

  test('two of them at once are two hosts', async () => {
    await using other = await startLibvirtd({ qemu: true });
    expect(await other.virsh('capabilities')).not.toContain(host.hostUuid);
    await defineGuest('mine');
    expect(await other.virsh('list', '--all', '--name')).not.toContain('mine');
    await host.virsh('undefine', 'mine');
  });

  test('leaves no process and no file behind, even with a guest running', async () => {
    const other = await startLibvirtd({ qemu: true });
    const disk = join(other.poolFolder, 'g.img');
    writeBootDisk(disk);
    writeFileSync(
      join(other.root, 'g.xml'),
      bootGuestXml({ name: 'g', disk, serialLog: join(other.root, 'g.serial') }),
    );
    await other.virsh('create', join(other.root, 'g.xml'));
    expect(await other.processes()).toContain('qemu-system-x86');
    const daemon = other.pid();
    await other.stop();
    expect(existsSync(other.root)).toBe(false);
    expect(existsSync(`/proc/${daemon}`)).toBe(false);
    expect(await other.processes()).toEqual([]);
  });

  test('leaves nothing behind even when the test itself is killed with -9', async () => {
    const program = fileURLToPath(new URL('libvirtd.ts', import.meta.url));
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { startLibvirtd } = await import(${JSON.stringify(program)});
         const host = await startLibvirtd();
         console.log(host.root, host.pid());
         setInterval(() => {}, 1000);`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const said = await new Promise<string>((resolve) =>
      child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    const [root = '', daemon = ''] = said.trim().split(' ');
    expect(existsSync(root)).toBe(true);
    expect(existsSync(`/proc/${daemon}`)).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(() => existsSync(root) || existsSync(`/proc/${daemon}`), { timeout: 10_000 }).toBe(false);
  });
});

describeWith(['govc', 'vcsim'], 'vcsim', () => {
  test('answers govc as an ESXi host', async () => {
    await using vcsim = await startVcsim(['-esx', '-vm', '3']);
    const govc = govcOn(vcsim);
    expect(await govc('about')).toContain('HostAgent');
    expect((await govc('ls', 'vm')).trim().split('\n')).toHaveLength(3);
    expect((await govc.result(['vm.info', '-no-such-flag'])).code).not.toBe(0);
  });
});

describeWith(['pyvmomi', 'vcsim'], 'pyVmomi', () => {
  test('logs in to vcsim and reads its clock', async () => {
    await using vcsim = await startVcsim(['-esx']);
    const program = `
import ssl, sys
from pyVim.connect import SmartConnect, Disconnect
si = SmartConnect(host=sys.argv[1], port=int(sys.argv[2]), user=sys.argv[3], pwd=sys.argv[4], disableSslCertValidation=True)
print(si.CurrentTime().year, si.content.about.apiType)
Disconnect(si)
`;
    const { hostname, port } = new URL(vcsim.url);
    const output = await python(program, [hostname, port, vcsim.user, vcsim.password]);
    expect(output.stderr).toBe('');
    expect(output.stdout).toMatch(/^20\d\d HostAgent/);
  });
});
