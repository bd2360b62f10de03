/** `sim xenapi`: what its flags do, and that what it tells is enough to connect. */
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeReadyFile } from '../../cli/ready-file.ts';
import { startSim } from '../../cli/sim.ts';
import { temporaryFolder } from '../temporary.ts';

/** Answer and the certificate it came with. */
const login = (url: string, user: string, password: string): Promise<{ body: string; fingerprint: string }> =>
  new Promise((resolve, reject) => {
    const asked = request(`${url}/jsonrpc`, { method: 'POST', rejectUnauthorized: false }, (response) => {
      const socket = response.socket as import('node:tls').TLSSocket;
      const fingerprint = socket.getPeerCertificate().fingerprint256;
      let body = '';
      response.on('data', (part) => {
        body += String(part);
      });
      response.on('end', () => resolve({ body, fingerprint }));
    });
    asked.on('error', reject);
    asked.end(
      JSON.stringify({ jsonrpc: '2.0', method: 'session.login_with_password', params: [user, password], id: 1 }),
    );
  });

test('the ready file tells address, credentials and certificate', async () => {
  const folder = temporaryFolder();
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'of the file\n');
  const sim = await startSim({ user: 'admin', passwordFile, tls: true, vms: '1', loginDelay: '0' });
  const readyFile = join(folder, 'ready');
  writeReadyFile(readyFile, { fronts: [], xenapi: sim.ready });
  const { xenapi } = JSON.parse(readFileSync(readyFile, 'utf8')) as { xenapi: typeof sim.ready };
  expect(xenapi).toMatchObject({ user: 'admin', password: 'of the file' });
  const { body, fingerprint } = await login(xenapi.url, xenapi.user, xenapi.password);
  expect(JSON.parse(body)).toMatchObject({ result: expect.stringMatching(/^OpaqueRef:/) });
  expect(fingerprint).toBe(xenapi.fingerprint256);
  const wrong = await login(xenapi.url, 'admin', 'guessed');
  expect(JSON.parse(wrong.body)).toMatchObject({ error: { message: 'SESSION_AUTHENTICATION_FAILED' } });
  await sim.close();
});

test('without a password file one is made, another each time', async () => {
  const [one, two] = [await startSim({ vms: '0' }), await startSim({ vms: '0' })];
  expect(one.ready.password).toMatch(/^[\w-]{16}$/);
  expect(one.ready.password).not.toBe(two.ready.password);
  expect(one.text).toContain(one.ready.password);
  await Promise.all([one.close(), two.close()]);
});

test.each([{ port: 'x' }, { port: '70000' }, { vms: '-1' }, { operationTime: '1.5' }])(
  '%o is refused',
  async (flags) => {
    await expect(startSim(flags)).rejects.toThrow(/wants a number/);
  },
);
