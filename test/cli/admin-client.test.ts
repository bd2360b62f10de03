/** What commands say of an admin endpoint that does not answer: that nothing is there, or that it takes too long. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askAdminRaw } from '../../cli/admin-client.ts';
import { temporaryFolder } from '../temporary.ts';

/** It hears requests and answers none. */
let silent: Server;
let admin: string;
const tokenFile = join(temporaryFolder(), 'token');

beforeAll(async () => {
  writeFileSync(tokenFile, 'a-token-of-some-length', { mode: 0o600 });
  silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  admin = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
});
afterAll(() => {
  silent.closeAllConnections();
  silent.close();
});

test('one that takes too long is not taken for one that is not there', async () => {
  await expect(askAdminRaw({ admin, tokenFile }, '/api/v1/reload', 'POST', 50)).rejects.toThrow(
    `the admin endpoint at ${admin} gave no answer within 0.05 s`,
  );
});

test('where nothing listens, that is said', async () => {
  await expect(askAdminRaw({ admin: 'http://127.0.0.1:1', tokenFile }, '/api/v1/me')).rejects.toThrow(
    'no admin endpoint answers at http://127.0.0.1:1; is the server running?',
  );
});
