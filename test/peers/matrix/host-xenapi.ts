/** The simulated XenServer host as a host of the matrix, read back with XenAPI.py. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { xenapiPyMatrix } from './client-acts.ts';
import type { MatrixHost } from './contract.ts';

const PROGRAM = fileURLToPath(new URL('../../../transvisor', import.meta.url));
const USER = 'root';
const PASSWORD = 'secret of the matrix';
const START_LIMIT_MS = 30_000;

export const xenapiMatrixHost = async (): Promise<MatrixHost> => {
  const folder = mkdtempSync(join(tmpdir(), 'tvm-'));
  const passwordFile = join(folder, 'password');
  const readyFile = join(folder, 'ready');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  const child = spawn(
    PROGRAM,
    ['sim', 'xenapi', '--port', '0', '--user', USER, '--password-file', passwordFile, '--ready-file', readyFile],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (const endMs = Date.now() + START_LIMIT_MS; !existsSync(readyFile); ) {
    if (child.exitCode !== null || Date.now() > endMs) throw new Error('the simulated host did not start');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { url } = (JSON.parse(readFileSync(readyFile, 'utf8')) as { xenapi: { url: string } }).xenapi;
  const client = xenapiPyMatrix({ url, user: USER, password: PASSWORD });
  await client.connect();
  const { storages, networks } = await client.estate();
  return {
    uri: `xenapi+http://${new URL(url).host}/`,
    flags: ['--host-user', USER, '--host-password-file', passwordFile],
    user: USER,
    password: PASSWORD,
    network: networks[0] ?? '',
    storage: storages.find((name) => /local/i.test(name)) ?? storages[0] ?? '',
    revertsConfig: true,
    estate: client.estate,
    power: (name, act) => client.power(name, act),
    stop: async () => {
      await client.close();
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
