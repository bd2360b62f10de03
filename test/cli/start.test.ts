/** `npm start`, as a newcomer runs it: what it prints leads to clients' endpoints and to the console, and it ends cleanly. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary.ts';

const START = fileURLToPath(new URL('../../scripts/start', import.meta.url));
const LIMIT_MS = 60_000;

/** What it printed until it was up, by the names that stand before it. */
const started = async (state: string) => {
  const child = spawn(START, ['--state', state], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const isUp = new Promise<void>((resolve) =>
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.includes('Ctrl-C ends it.')) resolve();
    }),
  );
  await Promise.race([isUp, ended]);
  const said = (name: string): string =>
    new RegExp(`^ +${name} +(\\S+)`, 'm').exec(out)?.[1] ?? `no ${name} in: ${out}`;
  const end = async (): Promise<{ code: number | null; err: string }> => {
    child.kill('SIGINT');
    return { code: await ended, err };
  };
  return { said, end };
};

test('npm start prints the console, who may log in there, and endpoints that answer; the same password the next time', {
  timeout: LIMIT_MS,
}, async () => {
  const state = join(temporaryFolder(), 'state');
  const first = await started(state);
  const console = first.said('console');
  const page = await fetch(console);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>Transvisor</title>')]);
  const login = await fetch(`${console}api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: first.said('user'), password: first.said('password') }),
  });
  expect(await login.json()).toMatchObject({ name: 'root', role: 'administrator' });
  expect(first.said('VMware')).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/sdk$/);
  expect(first.said('XenServer')).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  const password = first.said('password');
  expect(await first.end()).toEqual({ code: 0, err: '' });
  const second = await started(state);
  expect(second.said('password')).toBe(password);
  expect(await second.end()).toEqual({ code: 0, err: '' });
});
