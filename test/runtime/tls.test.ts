/** Certificates: a client that knows only the CA trusts the leaf, on a real TLS connection, and nothing else. */
import { statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { fingerprints, loadOrMakeCa, loadOrMakeLeaf, makeCa, makeLeaf } from '../../runtime/tls.ts';
import { temporaryFolder } from '../temporary.ts';

const now = Date.now();

const handshake = async (
  leaf: { certificate: string; key: string },
  ca: string,
  name: string,
): Promise<{ error?: string; print?: string }> => {
  const server = createServer({ cert: leaf.certificate, key: leaf.key }, (socket) => socket.end());
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  try {
    return await new Promise((resolve) => {
      const { port } = server.address() as AddressInfo;
      const socket: TLSSocket = connect(
        { host: '127.0.0.1', port, ca, servername: /^\d/.test(name) ? '' : name },
        () => {
          resolve({ print: socket.getPeerCertificate().fingerprint });
          socket.destroy();
        },
      );
      socket.on('error', (error) => resolve({ error: error.message }));
    });
  } finally {
    server.close();
  }
};

describe('certificates', () => {
  const ca = makeCa(now);
  const leaf = makeLeaf(ca, ['box.example', '127.0.0.1', '::1'], now);

  test('a leaf is trusted by its name and its address through the CA', async () => {
    const { sha1, sha256 } = fingerprints(leaf.certificate);
    expect(await handshake(leaf, ca.certificate, 'box.example')).toEqual({ print: sha1 });
    expect(await handshake(leaf, ca.certificate, '127.0.0.1')).toEqual({ print: sha1 });
    expect(sha1).toMatch(/^([0-9A-F]{2}:){19}[0-9A-F]{2}$/);
    expect(sha256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });
  test('another name and another CA are not trusted', async () => {
    expect((await handshake(leaf, ca.certificate, 'other.example')).error).toMatch(/altnames/i);
    expect((await handshake(leaf, makeCa(now).certificate, 'box.example')).error).toMatch(
      /verify|signature|unable|self/i,
    );
  });
  test('a leaf cannot sign', async () => {
    const forged = makeLeaf(leaf, ['box.example'], now);
    expect((await handshake(forged, ca.certificate, 'box.example')).error).toBeDefined();
  });
  test('a state directory keeps them, keys for their owner only, and renews a leaf that no longer fits', () => {
    const folder = join(temporaryFolder(), 'tls');
    const first = loadOrMakeLeaf(folder, 'front', ['a.example'], now);
    expect(loadOrMakeLeaf(folder, 'front', ['a.example'], now)).toEqual(first);
    expect(statSync(join(folder, 'front.key')).mode & 0o777).toBe(0o600);
    const second = loadOrMakeLeaf(folder, 'front', ['a.example', '10.1.2.3'], now);
    expect(second.certificate).not.toBe(first.certificate);
    expect(loadOrMakeLeaf(folder, 'front', ['a.example'], now + 800 * 86_400_000).certificate).not.toBe(
      second.certificate,
    );
    expect(loadOrMakeCa(folder, now).certificate).toBe(loadOrMakeCa(folder, now).certificate);
  });
});
