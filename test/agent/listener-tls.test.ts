/** TLS of a front: modern versions and suites unless it is told otherwise, and a certificate that becomes another under its clients. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type FrontTls, openListener } from '../../agent/listener.ts';
import { watchKeyPair } from '../../runtime/key-pair-files.ts';
import { type Log, silentLog } from '../../runtime/log.ts';
import { fingerprints, type KeyPair, makeCa, makeLeaf } from '../../runtime/tls.ts';

let ca: KeyPair;
let pair: KeyPair;
beforeAll(() => {
  ca = makeCa(Date.now());
  pair = makeLeaf(ca, ['127.0.0.1'], Date.now());
});
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});
const open = async (tls: FrontTls): Promise<number> => {
  const listener = await openListener({ address: '127.0.0.1', port: 0, tls, log: silentLog });
  opened.push(() => listener.close());
  return listener.port;
};
const dial = (port: number, options: ConnectionOptions = {}): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    opened.push(() => socket.destroy());
    socket.on('error', reject);
    socket.once('secureConnect', () => resolve(socket));
  });
/** What they agree on, or that they do not. */
const agreed = async (port: number, options: ConnectionOptions): Promise<string> => {
  try {
    const socket = await dial(port, options);
    return `${socket.getProtocol()} ${socket.getCipher().name}`;
  } catch {
    return 'refused';
  }
};
const only = (
  version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3',
  ciphers = 'ALL:@SECLEVEL=0',
): ConnectionOptions => ({
  minVersion: version,
  maxVersion: version,
  ciphers,
});

describe('by default', () => {
  test('TLS 1.2 and 1.3 are spoken, with forward secrecy', async () => {
    const port = await open(pair);
    expect(await agreed(port, only('TLSv1.3'))).toMatch(/^TLSv1\.3 TLS_/);
    expect(await agreed(port, only('TLSv1.2'))).toMatch(/^TLSv1\.2 ECDHE-RSA-.*(GCM|POLY1305)/);
  });

  test.each([
    ['TLS 1.1', only('TLSv1.1')],
    ['TLS 1.0', only('TLSv1')],
    ['a key that is exchanged by RSA', only('TLSv1.2', 'AES128-GCM-SHA256:AES256-SHA:@SECLEVEL=0')],
    ['CBC', only('TLSv1.2', 'ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384:@SECLEVEL=0')],
    ['no authentication', only('TLSv1.2', 'aNULL:@SECLEVEL=0')],
  ])('%s is refused', async (_, options) => {
    expect(await agreed(await open(pair), options)).toBe('refused');
  });
});

describe('told so', () => {
  test('a front speaks TLS 1.0 with suites of its time, and newer with newer clients', async () => {
    const port = await open({ ...pair, minVersion: 'TLSv1' });
    expect(await agreed(port, only('TLSv1'))).toMatch(/^TLSv1 ECDHE-RSA-AES\d+-SHA$/);
    expect(await agreed(port, only('TLSv1.1', 'AES128-SHA:@SECLEVEL=0'))).toBe('TLSv1.1 AES128-SHA');
    expect(await agreed(port, {})).toMatch(/^TLSv1\.3 /);
  });

  test('it speaks TLS 1.1 and not 1.0', async () => {
    const port = await open({ ...pair, minVersion: 'TLSv1.1' });
    expect(await agreed(port, only('TLSv1.1'))).toMatch(/^TLSv1\.1 /);
    expect(await agreed(port, only('TLSv1'))).toBe('refused');
  });

  test('it speaks TLS 1.3 alone', async () => {
    const port = await open({ ...pair, minVersion: 'TLSv1.3' });
    expect(await agreed(port, only('TLSv1.2'))).toBe('refused');
    expect(await agreed(port, only('TLSv1.3'))).toMatch(/^TLSv1\.3 /);
  });

  test('it speaks the suites that it is given', async () => {
    const port = await open({ ...pair, ciphers: 'AES256-SHA:@SECLEVEL=0' });
    expect(await agreed(port, only('TLSv1.2'))).toBe('TLSv1.2 AES256-SHA');
  });
});

describe('a certificate in files', () => {
  const folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), 'tv-'));
    opened.push(() => rmSync(made, { recursive: true, force: true }));
    return made;
  };
  const shown = async (port: number): Promise<string> =>
    (await dial(port)).getPeerX509Certificate()?.fingerprint256 ?? '';
  const print = ({ certificate }: KeyPair): string => fingerprints(certificate).sha256;

  test('that are replaced is shown to the next clients, those before stay', async () => {
    const [certificate, key] = ['a.crt', 'a.key'].map((name) => join(folder(), name)) as [string, string];
    const lines: string[] = [];
    const log: Log = { ...silentLog, warn: (_, text) => void lines.push(text) };
    const write = (file: string, text: string): void => writeFileSync(file, text);
    write(certificate, pair.certificate);
    write(key, pair.key);
    const files = watchKeyPair(certificate, key, log);
    let renewed = (): void => {};
    const port = await open({
      get certificate() {
        return files.certificate;
      },
      get key() {
        return files.key;
      },
      onRenewed: (listener) => {
        renewed = listener;
        return () => {};
      },
    });
    const before = await dial(port);
    expect(await shown(port)).toBe(print(pair));
    expect(files.refresh()).toBe(false);

    // Half a renewal changes nothing.
    const next = makeLeaf(ca, ['127.0.0.1'], Date.now());
    write(certificate, next.certificate);
    expect(files.refresh()).toBe(false);
    expect(lines.join()).toContain('do not fit together; those read before stay');
    expect(await shown(port)).toBe(print(pair));

    write(key, next.key);
    expect(files.refresh()).toBe(true);
    renewed();
    expect(await shown(port)).toBe(print(next));
    expect(before.destroyed).toBe(false);
  });

  test('comes with those of its issuers', async () => {
    const at = folder();
    writeFileSync(join(at, 'chain.crt'), pair.certificate + ca.certificate);
    writeFileSync(join(at, 'a.key'), pair.key);
    const port = await open(watchKeyPair(join(at, 'chain.crt'), join(at, 'a.key'), silentLog));
    const chain = (await dial(port)).getPeerX509Certificate();
    expect([chain?.fingerprint256, chain?.issuerCertificate?.fingerprint256]).toEqual([print(pair), print(ca)]);
  });

  test.each([
    ['missing', undefined, 'no such file'],
    ['no certificate', 'nothing', 'holds no certificate'],
  ])('%s: is told at once', (_, text, says) => {
    const at = folder();
    if (text !== undefined) writeFileSync(join(at, 'a.crt'), text);
    writeFileSync(join(at, 'a.key'), pair.key);
    expect(() => watchKeyPair(join(at, 'a.crt'), join(at, 'a.key'), silentLog)).toThrow(says);
  });

  test('of another key is told at once', () => {
    const at = folder();
    writeFileSync(join(at, 'a.crt'), pair.certificate);
    writeFileSync(join(at, 'a.key'), ca.key);
    expect(() => watchKeyPair(join(at, 'a.crt'), join(at, 'a.key'), silentLog)).toThrow('is not the key of');
    writeFileSync(join(at, 'a.key'), 'nothing');
    expect(() => watchKeyPair(join(at, 'a.crt'), join(at, 'a.key'), silentLog)).toThrow('holds no private key');
  });
});
