/** libvirt's own client and protocol through a gate: what is no management protocol of ours passes untouched, large files both ways. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS, virshOn } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { freePort, type Product, stack, startProduct, temporary, vmsBy } from './gate-product.ts';
import { startLibvirtd } from './libvirtd.ts';

const MIB = 1024 * 1024;

describeWith([...LIBVIRT_CLIENTS, 'govc'], 'a libvirt daemon behind a gate', () => {
  let product: Product;
  let gate: string;
  beforeAll(async () => {
    const tcpPort = await freePort();
    const libvirtd = stack.use(await startLibvirtd({ qemu: true, tcpPort }));
    await libvirtd.virsh('vol-create-as', 'default', 'disk', String(24 * MIB), '--format', 'raw');
    product = await startProduct(`
[[gate]]
name = "all"
listen = "127.0.0.1"
port = 0
passthrough = true
to = "127.0.0.1:${tcpPort}"
[[front]]
platform = "vim25"
host = "one"
gate = "all"
`);
    gate = product.urls[0]?.host ?? '';
  });
  const virsh = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await virshOn(`qemu+tcp://${gate}/system`, args);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };

  test('is reached by virsh, while govc on the same port reaches the front', async () => {
    expect(await virsh('vol-list', 'default')).toContain('disk');
    expect(await vmsBy(`https://${gate}/sdk`, {})).toBe(1);
    await expect.poll(product.log).toMatch(/gate all: passed through to 127\.0\.0\.1:\d+, \d+ bytes there, \d+ back/);
  });

  test('takes and gives files as they are', async () => {
    const folder = temporary();
    const content = randomBytes(24 * MIB);
    writeFileSync(join(folder, 'up'), content);
    await virsh('vol-upload', '--pool', 'default', 'disk', join(folder, 'up'));
    await virsh('vol-download', '--pool', 'default', 'disk', join(folder, 'down'));
    expect(readFileSync(join(folder, 'down')).equals(content)).toBe(true);
  });
});
