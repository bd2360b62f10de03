/** Fronts of a configuration that are found at one place: they get a gate, show one certificate, and must agree on it. */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadFronts } from '../../cli/fronts.ts';
import { gatesOf } from '../../cli/gates.ts';
import { withSharedPlaces } from '../../cli/shared-places.ts';
import { checkConfig, parseConfig } from '../../runtime/config.ts';
import { silentLog } from '../../runtime/log.ts';
import { makeCa, makeLeaf, saveKeyPair } from '../../runtime/tls.ts';
import { temporaryFolder } from '../temporary.ts';

const HOSTS = '[[host]]\nname = "one"\nuri = "sim:///one"\n[[host]]\nname = "two"\nuri = "sim:///two"\n';
const front = (platform: string, ...keys: readonly string[]): string =>
  `[[front]]\nplatform = "${platform}"\n${keys.join('\n')}\n`;

const loaded = async (text: string) => {
  const config = withSharedPlaces({
    ...checkConfig(parseConfig(`${text}${HOSTS}`, 'c.toml')),
    state: temporaryFolder(),
  });
  const fronts = await loadFronts(config, [], new Map(), silentLog);
  return { fronts, gates: gatesOf(config, fronts, new Map()) };
};
const namesOf = (pem: string): string[] =>
  (new X509Certificate(pem).subjectAltName ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));

describe('fronts that name the same', () => {
  test('address and port share a gate there', async () => {
    const { fronts, gates } = await loaded(
      `listen = "127.0.0.1"\n`.concat(
        front('vim25', 'port = 4430'),
        front('xenapi', 'port = 4430'),
        front('vim25', 'host = "two"', 'port = 4431'),
      ),
    );
    expect(gates).toMatchObject([{ name: '127.0.0.1:4430', listen: ['127.0.0.1'], port: 4430 }]);
    expect(fronts.map(({ gate, port }) => gate?.name ?? port)).toEqual(['127.0.0.1:4430', '127.0.0.1:4430', 4431]);
    expect(fronts[0]?.tls).toBe(fronts[1]?.tls);
  });
  test('socket of a service manager share it', async () => {
    const { gates } = await loaded(front('vim25', 'socket = "s"') + front('xenapi', 'socket = "s"'));
    expect(gates).toMatchObject([{ handed: { name: 's' } }]);
  });
  test('port, where it is any free one, or at other addresses, share nothing', async () => {
    const { gates } = await loaded(
      front('vim25', 'port = 0') +
        front('xenapi', 'port = 0') +
        front('vim25', 'host = "two"', 'port = 4430', 'listen = "127.0.0.2"') +
        front('xenapi', 'host = "two"', 'port = 4430', 'listen = "127.0.0.3"'),
    );
    expect(gates).toEqual([]);
  });
  test('address and port, and speak the same API, are a mistake', async () => {
    await expect(loaded(front('vim25', 'port = 4430') + front('vim25', 'host = "two"', 'port = 4430'))).rejects.toThrow(
      '"vim25@one" and "vim25@two" are both at all other addresses, and speak the same API',
    );
  });
});

const GATE = '[[gate]]\nname = "g"\nport = 4430\n';
const at = (...places: readonly string[]): string => `gate = "g"\nat = ${JSON.stringify(places)}`;

describe('the certificate at a place in common', () => {
  test('names all places of those who show it, and nobody else’s', async () => {
    const { fronts } = await loaded(
      GATE +
        front('vim25', at('192.0.2.1', 'a.example')) +
        front('xenapi', at('192.0.2.1', 'b.example')) +
        front('vim25', 'host = "two"', at('192.0.2.2')),
    );
    const [vim, xen, other] = fronts.map(({ tls }) => tls);
    expect(xen).toBe(vim);
    expect(namesOf(vim?.certificate ?? '').toSorted()).toEqual(['192.0.2.1', 'a.example', 'b.example']);
    expect(namesOf(other?.certificate ?? '')).toEqual(['192.0.2.2']);
  });
  test('is that of the files which one of them names; two must name the same', async () => {
    const folder = temporaryFolder();
    for (const name of ['x', 'y']) saveKeyPair(join(folder, name), makeLeaf(makeCa(Date.now()), [name], Date.now()));
    const files = (name: string): string =>
      `certificateFile = "${join(folder, name)}.crt"\nkeyFile = "${join(folder, name)}.key"`;
    const both = (first: string, second: string) =>
      loaded(GATE + front('vim25', at('192.0.2.1'), first) + front('xenapi', at('192.0.2.1'), second));
    const { fronts } = await both('', files('x'));
    expect(fronts.map(({ tls }) => namesOf(tls?.certificate ?? ''))).toEqual([['x'], ['x']]);
    await both(files('x'), files('x'));
    await expect(both(files('x'), files('y'))).rejects.toThrow('has another certificateFile');
    await expect(both('tlsMinVersion = "TLSv1"', 'tlsMinVersion = "TLSv1.3"')).rejects.toThrow('another tlsMinVersion');
  });
});
