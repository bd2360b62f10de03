/** The route pass beside a bare Node reverse proxy, both in front of one vcsim, in turn: small calls and a large file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Endpoint, startVcsim } from '../peers/clients.ts';
import { startTransvisor, type Transvisor } from '../peers/transvisor.ts';
import { currentTimeRate } from './cases.ts';
import { atLeast, type Figure, median } from './figures.ts';
import { openSession } from './vim-session.ts';

const PROXY = fileURLToPath(new URL('bare-proxy.ts', import.meta.url));
const SECONDS = 2;
const READERS = 4;
/** Of a bare reverse proxy's throughput. */
const TARGET = 0.7;

const startProxy = async (to: string): Promise<{ url: string; stop: () => Promise<void> }> => {
  const child: ChildProcess = spawn(process.execPath, [PROXY, to], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (bytes: Buffer) => resolve(bytes.toString().trim()));
    child.once('exit', () => reject(new Error('the bare proxy did not start')));
  });
  return {
    url: `http://127.0.0.1:${port}/sdk`,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
};

const FILE = '/folder/bench.bin?dcPath=ha-datacenter&dsName=LocalDS_0';
const FILE_BYTES = 64 * 1024 * 1024;

const transfer = (url: string, cookie: string | undefined, body?: Buffer): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { cookie, ...(body === undefined ? {} : { 'content-length': body.length }) };
    const asked = request(new URL(FILE, url), { method: body === undefined ? 'GET' : 'PUT', headers }, (got) => {
      let bytes = 0;
      got.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      got.on('error', reject);
      got.once('end', () =>
        (got.statusCode ?? 0) < 300 ? resolve(bytes) : reject(new Error(`a transfer ended with ${got.statusCode}`)),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });

/** Megabytes a second of a datastore's file, by several readers at once. */
const bulkRate = async (endpoint: Endpoint): Promise<number> => {
  const session = await openSession(endpoint);
  const { cookie } = session.http;
  const begun = performance.now();
  let bytes = 0;
  await Promise.all(
    Array.from({ length: READERS }, async () => {
      while (performance.now() - begun < SECONDS * 1000) bytes += await transfer(endpoint.url, cookie);
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  session.close();
  return bytes / 1e6 / seconds;
};

export const passFigures = async (rounds: number): Promise<Figure[]> => {
  const vcsim = await startVcsim(['-esx', '-tls=false']);
  const host: Endpoint = { url: vcsim.url, user: 'user', password: 'pass' };
  const folder = mkdtempSync(join(tmpdir(), 'tvp-'));
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, host.password, { mode: 0o600 });
  let proxy: Awaited<ReturnType<typeof startProxy>> | undefined;
  let product: Transvisor | undefined;
  try {
    const session = await openSession(host);
    await transfer(host.url, session.http.cookie, Buffer.alloc(FILE_BYTES, 7));
    session.close();
    proxy = await startProxy(vcsim.url);
    product = await startTransvisor({
      host: `esx+http://${new URL(vcsim.url).host}/`,
      options: ['--host-user', host.user, '--host-password-file', passwordFile, '--plain', 'vim25'],
    });
    if (product.front('vim25').pass !== true) throw new Error('the front does not pass');
    const through = { ours: { ...host, url: product.url }, bare: { ...host, url: proxy.url }, none: host };
    const rates = { ours: [] as number[], bare: [] as number[], none: [] as number[] };
    const bulk = { ours: [] as number[], bare: [] as number[], none: [] as number[] };
    for (let round = 0; round < rounds; round++)
      for (const way of ['bare', 'ours', 'none'] as const) {
        rates[way].push(await currentTimeRate(through[way], SECONDS));
        bulk[way].push(await bulkRate(through[way]));
      }
    const calls = (way: keyof typeof rates): string => `${Math.round(median(rates[way]))} requests/s`;
    const megabytes = (way: keyof typeof bulk): string => `${median(bulk[way]).toFixed(0)} MB/s`;
    return [
      atLeast(
        'pass, small calls at 16 connections, beside a bare Node reverse proxy',
        calls('ours'),
        `${calls('bare')} (vcsim alone: ${calls('none')})`,
        median(rates.ours) / median(rates.bare),
        TARGET,
      ),
      atLeast(
        `pass, a datastore's file by ${READERS} readers, beside a bare Node reverse proxy`,
        megabytes('ours'),
        `${megabytes('bare')} (vcsim alone: ${megabytes('none')})`,
        median(bulk.ours) / median(bulk.bare),
        TARGET,
      ),
    ];
  } finally {
    await product?.[Symbol.asyncDispose]();
    await proxy?.stop();
    await vcsim.stop();
    rmSync(folder, { recursive: true, force: true });
  }
};
