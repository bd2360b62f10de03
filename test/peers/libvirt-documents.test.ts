/** What the from-generic sheets write is what a real libvirt takes, checked by its own schema. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';

const DOCUMENTS = fileURLToPath(new URL('../../fixtures/libvirt/documents/', import.meta.url));

/** libvirt 9.0 has no schema check for volumes: those are made. */
const commandFor = (file: string): readonly string[] => {
  if (file.includes('-volume')) return ['vol-create', 'default', DOCUMENTS + file];
  if (file.includes('-storage')) return ['pool-define', '--validate', DOCUMENTS + file];
  if (file.includes('-network')) return ['net-define', '--validate', DOCUMENTS + file];
  return ['define', '--validate', DOCUMENTS + file];
};

describeWith(LIBVIRT_CLIENTS, 'documents for libvirt', () => {
  let host: Libvirtd;
  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
  });
  afterAll(() => host?.stop());

  test.each(readdirSync(DOCUMENTS).filter((file) => file.endsWith('.changed.xml')))('%s', async (file) => {
    const { code, stderr } = await host.virshResult(commandFor(file));
    expect(stderr.trim()).toBe('');
    expect(code).toBe(0);
    // Variants of one domain come one after the other.
    for (const uuid of (await host.virsh('list', '--all', '--uuid')).trim().split(/\s+/))
      if (uuid !== '') await host.virsh('undefine', uuid, '--nvram');
  });
});
