/** A host's documents that cannot be read: what is said of them holds nothing of what stood in them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { govcOn, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { openRelay, type Relay } from './relay.ts';
import { adminPages, newSecretSearch, stateFiles } from './secret-search.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

/** Writes over what passes, byte for byte. */
const bend =
  (...changes: readonly (readonly [string, string])[]) =>
  (bytes: Buffer): void => {
    for (const [is, becomes] of changes) {
      const at = bytes.indexOf(is);
      if (at >= 0) bytes.write(becomes.padEnd(is.length), at);
    }
  };

describeWith(LIBVIRT_CLIENTS, 'broken documents', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let between: Relay;
  let uri: string;
  const { secret, leaks } = newSecretSearch();
  const named = secret('what a name says is one', 'Named-In-Document-5e1f');
  const unnamed = secret('what stands beside what is wrong', 'Unnamed-In-Document-77aa');

  beforeAll(async () => {
    host = await startLibvirtd();
    const path = join(host.root, 'bent.sock');
    between = await openRelay(host.socket, {
      path,
      bend: bend([`token="${named}"/>`, `token=${named} "/>`], [`${unnamed} and`, `${unnamed} &nd`]),
    });
    uri = host.uri.replace(host.socket, path);
    product = await startTransvisor({ host: uri });
  });
  afterAll(async () => {
    await product?.[Symbol.asyncDispose]();
    await between?.[Symbol.asyncDispose]();
    await host?.stop();
  });

  test('are said to be broken, and where', async () => {
    const govc = govcOn(product);
    const define = async (name: string, metadata: string): Promise<void> => {
      const file = join(host.root, `${name}.xml`);
      writeFileSync(
        file,
        `<domain type='test'><name>${name}</name><metadata>${metadata}</metadata><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>`,
      );
      await host.virsh('define', file);
    };
    const LIMIT = { timeout: 20_000, interval: 500 };
    await define('unnamed', `<a:x xmlns:a="urn:x">${unnamed} and</a:x>`);
    const asked = async (): Promise<string> => {
      await govc.result(['vm.info', '-json', 'unnamed']);
      return product.wholeLog();
    };
    await expect.poll(asked, LIMIT).toMatch(/input is not well-formed: [^"]*line \d+/);
    await define('named', `<a:x xmlns:a="urn:x" token="${named}"/>`);
    await expect.poll(() => product.wholeLog(), LIMIT).toMatch(/native document: [^"]* at \d+/);
    // Hops and counts come once a second.
    await new Promise((resolve) => setTimeout(resolve, 1300));
  });
  test('leave the other machines of their host there', async () => {
    await using second = await startTransvisor({ host: uri });
    const machines = async () => (await govcOn(second).result(['ls', 'vm'])).stdout;
    await expect.poll(machines, { timeout: 20_000, interval: 500 }).toMatch(/\/unnamed$/m);
    expect(await machines()).not.toMatch(/\/named$/m);
    const key = (await host.virsh('domuuid', 'named')).trim();
    expect(second.wholeLog()).toContain(`vm ${key} cannot be read`);
    expect(leaks([['the log', second.wholeLog()]])).toEqual([]);
  });
  test('leave nothing in the log', () => {
    expect(leaks([['the log', product.wholeLog()]])).toEqual([]);
  });
  test('leave nothing at the admin endpoint, nor in a support bundle', async () => {
    const pages = await adminPages(product);
    expect(pages.map(([path]) => path)).toContain('/support-bundle');
    // A document is shown to administrators as it is, but for what is named as a secret.
    expect(leaks(pages.filter(([path]) => !path.startsWith('/objects/')))).toEqual([]);
    expect(leaks(pages).filter((leak) => leak.startsWith('what a name says'))).toEqual([]);
  });
  test('leave nothing in the state directory', () => {
    expect(leaks(stateFiles(product))).toEqual([]);
  });
});
