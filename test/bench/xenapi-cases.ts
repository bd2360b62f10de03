/** The measurements of the XenAPI front: all records of all VMs, and one change told to many waiting clients, beside a bare server with the same bytes. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../peers/clients.ts';
import type { BenchEstate } from './estate.ts';
import { type Figure, median, plain } from './figures.ts';
import { openRaw, type RawHttp } from './raw-http.ts';

const BARE = fileURLToPath(new URL('bare-server.ts', import.meta.url));
const WAITERS = 200;

const text = (value: string): string => value.replace(/[&<>]/g, (one) => `&#${one.charCodeAt(0)};`);
const param = (value: string): string => `<param><value>${value}</value></param>`;
const call = (method: string, ...params: readonly string[]): string =>
  `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params.map(param).join('')}</params></methodCall>`;
const stringOf = (reply: string, after: string): string =>
  new RegExp(`<name>${after}</name><value>(?:<string>)?([^<]*)`).exec(reply)?.[1] ?? '';

type Session = { readonly http: RawHttp; readonly id: string };

const logIn = async ({ url, user, password }: Endpoint): Promise<Session> => {
  const http = await openRaw(url);
  const { text: reply } = await http.post(call('session.login_with_password', text(user), text(password)), true);
  const id = stringOf(reply, 'Value');
  if (!id.startsWith('OpaqueRef:')) throw new Error(`no log-in: ${reply.slice(0, 500)}`);
  return { http, id };
};

/** A server of the same bytes, in a process of its own. */
const withBare = async <T>(bytes: string, use: (url: string) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'tv-bare-'));
  const file = join(folder, 'body');
  writeFileSync(file, bytes);
  const child = spawn(process.execPath, [BARE, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
      child.once('exit', () => reject(new Error('the bare server ended')));
    });
    return await use(`http://127.0.0.1:${port}/`);
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
};

const secondsOf = async (act: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await act();
  return (performance.now() - begun) / 1000;
};

/** One VM in a hundred gets another description between two reads. `vcsim`: VMs a second of its RetrievePropertiesEx of `config`. */
export const readRecords = async (
  endpoint: Endpoint,
  rounds: number,
  vcsim: number | undefined,
): Promise<readonly Figure[]> => {
  const { http, id } = await logIn(endpoint);
  const all = call('VM.get_all_records', id);
  const { text: reply } = await http.post(all, true);
  const refs = [...reply.matchAll(/<name>(OpaqueRef:[^<]+)<\/name>/g)].map((found) => found[1] ?? '');
  const machines = refs.length;
  const share = Math.max(1, Math.round(machines / 100));
  const times: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < share; n++) {
      const ref = refs[(round * share + n) % machines] ?? '';
      await http.post(call('VM.add_to_other_config', id, ref, `bench${round}`, `of ${n}`), true);
    }
    times.push(
      await secondsOf(async () => {
        ({ bytes } = await http.post(all));
      }),
    );
  }
  http.close();
  const bare = await withBare(reply, async (url) => {
    const client = await openRaw(url);
    const taken: number[] = [];
    for (let round = 0; round < rounds + 1; round++) taken.push(await secondsOf(() => client.post(all)));
    client.close();
    return median(taken.slice(1));
  });
  const rate = machines / median(times);
  const says = `${Math.round(rate).toLocaleString('en')} VMs/s (${(median(times) * 1000).toFixed(0)} ms, ${(bytes / 1e6).toFixed(1)} MB, ${machines} VMs)`;
  const figures = [
    plain(
      'VM.get_all_records, 1 % changed, beside a bare Node server of the same bytes',
      says,
      `${(bare * 1000).toFixed(0)} ms`,
      bare / median(times),
      'times',
    ),
  ];
  if (vcsim !== undefined)
    figures.push(
      plain(
        "VM.get_all_records, 1 % changed, beside vcsim's RetrievePropertiesEx of `config`",
        says,
        `${Math.round(vcsim).toLocaleString('en')} VMs/s`,
        rate / vcsim,
        'times',
      ),
    );
  return figures;
};

/** From the host's own event until the last of the waiting clients has its answer. */
export const fanOut = async (endpoint: Endpoint, estate: BenchEstate, rounds: number): Promise<Figure> => {
  const { http, id } = await logIn(endpoint);
  const clients = await Promise.all(Array.from({ length: WAITERS }, () => openRaw(endpoint.url)));
  const from = (token: string): string =>
    call('event.from', id, '<array><data><value>VM</value></data></array>', token, '<double>30.0</double>');
  const tokenOf = async (): Promise<string> => {
    const { text: reply } = await http.post(call('pool.get_all', id), true);
    const pool = /OpaqueRef:[^<]+/.exec(reply.slice(reply.indexOf('Value')))?.[0] ?? '';
    const { text: injected } = await http.post(call('event.inject', id, 'pool', pool), true);
    const token = stringOf(injected, 'Value');
    // Without one each of them would be told of everything there is.
    if (token === '') throw new Error(`no token: ${reply.slice(0, 500)} ${injected.slice(0, 500)}`);
    return token;
  };
  const times: number[] = [];
  let reply = '';
  for (let round = 0; round < rounds + 2; round++) {
    const name = estate.names[(round * 37) % estate.names.length] ?? '';
    const ask = from(await tokenOf());
    const answers = clients.map((client, at) => client.post(ask, at === 0));
    // All wait before anything happens.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const event = estate.nextEvent(name);
    await estate.power(name, !estate.isOn(name));
    const begun = await event;
    const [first] = await Promise.all(answers);
    if (round >= 2) times.push(performance.now() - begun);
    reply = first?.text ?? '';
    if (!reply.includes('<name>events</name>')) throw new Error(`no events: ${reply.slice(0, 500)}`);
  }
  for (const client of clients) client.close();
  http.close();
  const bare = await withBare(reply, async (url) => {
    const waiters = await Promise.all(Array.from({ length: WAITERS }, () => openRaw(`${url}wait`)));
    const trigger = await openRaw(`${url}go`);
    const taken: number[] = [];
    for (let round = 0; round < rounds + 2; round++) {
      const answers = waiters.map((client) => client.post(call('event.from')));
      await new Promise((resolve) => setTimeout(resolve, 200));
      const begun = performance.now();
      await Promise.all([trigger.post(''), ...answers]);
      if (round >= 2) taken.push(performance.now() - begun);
    }
    for (const client of [...waiters, trigger]) client.close();
    return median(taken);
  });
  return plain(
    `one change to ${WAITERS} clients waiting in event.from, ${estate.names.length} VMs, until the last has it`,
    `${median(times).toFixed(1)} ms from the host's event`,
    `${bare.toFixed(1)} ms by a bare Node server of the same bytes`,
    median(times) / bare,
    'times as long',
  );
};
