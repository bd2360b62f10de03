/** What a scan tells of the fixtures' documents, and that it tells it fast. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { scan } from '../../../mappings/libvirt/scan.ts';
import { parseNative } from '../../golden-pairs.ts';

const native = (name: string) =>
  parseNative(readFileSync(new URL(`../../../fixtures/libvirt/documents/${name}.native.xml`, import.meta.url), 'utf8'));

describe('scan', () => {
  test('names a domain by its title, and what it uses by the aliases of those objects', () => {
    const found = scan(native('domain-many-unknown'));
    expect(found.name).toBe('Bücher & Straße „Lager“');
    expect(found.relations).toEqual([
      { to: 'storage', native: 'dir:/srv/pool' },
      { to: 'volume', native: 'path:/srv/pool/bücher%2fa.vmdk' },
      { to: 'volume', native: 'path:/srv/pool/b.img' },
      { to: 'network', native: 'name:lan' },
      { to: 'network', native: 'bridge:br7' },
    ]);
    expect(found.owns.map(({ kind, match, slot }) => `${kind} ${match} ${slot}`)).toEqual([
      'disk /srv/pool/bücher%2fa.vmdk vda',
      'disk /srv/pool/b.img sda',
      'nic 52:54:00:ab:cd:01 0',
      'nic 00:50:56:00:00:02 1',
    ]);
  });

  test('every relation of a domain has its alias at the other end', () => {
    const wanted = scan(native('domain-running-snapshot')).relations.map(({ to, native: name }) => `${to} ${name}`);
    const told = [native('storage-dir'), native('volume-10-tib')].flatMap(
      (object) => scan(object).aliases?.map((one) => `${object.kind} ${one}`) ?? [],
    );
    for (const one of wanted) expect(told).toContain(one);
  });

  test('a volume named by its pool', () => {
    const text = `<domain><name>v</name><devices><disk type='volume' device='disk'><source pool='p' volume='a/b'/><target dev='vda'/></disk></devices></domain>`;
    const found = scan({ kind: 'vm', native: 'u', parts: { domain: text }, facts: {} });
    expect(found.relations).toEqual([
      { to: 'storage', native: 'name:p' },
      { to: 'volume', native: 'volume:p/a/b' },
    ]);
  });

  test('elements of other namespaces are not the domain’s own', () => {
    const text = `<domain><metadata><x:y xmlns:x='u'><title>no</title><name>no</name><devices><disk device='disk'><source file='/no'/><target dev='vda'/></disk></devices></x:y></metadata><name>yes</name></domain>`;
    expect(scan({ kind: 'vm', native: 'u', parts: { domain: text }, facts: {} })).toMatchObject({
      name: 'yes',
      relations: [],
      owns: [],
    });
  });

  test('is fast: tens of microseconds a domain', () => {
    const object = native('domain-test-driver');
    for (let n = 0; n < 2000; n++) scan(object);
    const start = performance.now();
    for (let n = 0; n < 2000; n++) scan(object);
    // Measured 8 µs; the machine of a test may be busy with others.
    expect((performance.now() - start) / 2000).toBeLessThan(0.1);
  });
});
