/** Who may ask the admin endpoint what: nobody, each role on each path, too often, over TLS; and what every answer says to browsers. */
import { request as httpsRequest } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../../../runtime/clock.ts';
import { LIMITS } from '../../../runtime/limits.ts';
import { makeCa, makeLeaf } from '../../../runtime/tls.ts';
import { type Admin, openAdmin } from '../../../transform-server/admin/admin.ts';
import { temporaryFolder } from '../../temporary.ts';
import { compose } from '../composed.ts';
import { accountsOf, type LoggedIn, logIn, TOKEN } from './rig.ts';

const ROLES = ['viewer', 'operator', 'administrator'] as const;
const ACCOUNTS = { viewer: 'read-only', operator: 'operator' } as const;
let one: Awaited<ReturnType<typeof compose>>;
let admin: Admin;

beforeEach(async () => {
  one = await compose(temporaryFolder());
  const accounts = await accountsOf(ACCOUNTS);
  admin = await openAdmin({ inspected: one.server.inspected, token: TOKEN, accounts });
});
afterEach(async () => {
  await admin.close();
  await one.server.close();
});

interface Documented {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly description?: string }>>>>;
}

describe('each path that OpenAPI tells of', () => {
  /** With the role that its description names; without one anybody may. */
  const paths = async () => {
    const { paths: all } = (await (await fetch(`${admin.url}/api/v1/openapi.json`)).json()) as Documented;
    return Object.entries(all).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { description = '' }]) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{\w+\}/g, 'none-1'),
        role: ROLES.find((role) => description === `Needs the role ${role}.`),
      })),
    );
  };
  const statusOf = async (
    { method, path }: { readonly method: string; readonly path: string },
    headers: LoggedIn['headers'],
  ): Promise<number> => {
    const answer = await fetch(`${admin.url}/api/v1${path}`, { method, headers });
    await answer.body?.cancel();
    return answer.status;
  };

  it('is closed to who is not logged in, but for the log-in itself', async () => {
    const all = await paths();
    expect(all.length).toBeGreaterThan(40);
    expect(all.filter(({ role }) => role === undefined).map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /login',
    ]);
    for (const one of all) if (one.role !== undefined) expect([one, await statusOf(one, {})]).toEqual([one, 401]);
  });

  it('is closed to a smaller role, and open to the role that it names', async () => {
    const all = (await paths()).filter(({ path }) => !/logout|events/.test(path));
    const needing = (role: string) => all.filter((one) => one.role === role);
    for (const role of ROLES) expect(needing(role).length).toBeGreaterThan(1);
    for (const [at, name] of Object.keys(ACCOUNTS).entries()) {
      const { headers } = await logIn(admin, name);
      for (const one of ROLES.slice(at + 1).flatMap(needing))
        expect([name, one, await statusOf(one, headers)]).toEqual([name, one, 403]);
      for (const one of needing(name)) expect([401, 403]).not.toContain(await statusOf(one, headers));
    }
  });
});

it('who logged out, or did nothing for hours, hears no more of what changes', async () => {
  const manual = manualClock();
  let laterMs = 0;
  const clock = { ...manual, now: () => manual.now() + laterMs };
  const accounts = await accountsOf({ ada: 'administrator' });
  await using other = await openAdmin({ inspected: one.server.inspected, token: TOKEN, accounts, clock });
  const follow = async () => {
    const { headers } = await logIn(other, 'ada');
    const { body } = await fetch(`${other.url}/api/v1/events`, { headers });
    return { headers, text: new Response(body).text() };
  };
  const out = await follow();
  expect((await fetch(`${other.url}/api/v1/logout`, { method: 'POST', headers: out.headers })).status).toBe(200);
  const idle = await follow();
  manual.advance(15_000);
  expect(await out.text).not.toContain('still here');
  laterMs = 9 * 3_600_000;
  manual.advance(15_000);
  // It was no use of the log-in that its stream lived.
  expect(await idle.text).toContain('still here');
});

it('who asks too often is told when to come again: guesses of tokens and paths that are not there count as well', async () => {
  let last = new Response();
  for (let n = 0; n <= LIMITS.adminRequestsPerMinute; n += 1) {
    await last.body?.cancel();
    const path = ['me', 'none', 'hosts'][n % 3];
    last = await fetch(`${admin.url}/api/v1/${path}`, { headers: { authorization: `Bearer guess-${n}` } });
  }
  expect([last.status, last.headers.get('content-type')]).toEqual([429, expect.stringContaining('problem+json')]);
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await last.json()).toMatchObject({ status: 429, title: 'Too Many Requests' });
});

it('every answer keeps browsers from taking it for anything else', async () => {
  for (const path of ['/', '/console/main.ts', '/api/v1/me', '/api/v1/none', '/healthz']) {
    const { headers } = await fetch(`${admin.url}${path}`);
    const policy = headers.get('content-security-policy');
    expect([path, policy]).toEqual([path, expect.stringMatching(/^default-src 'none'; script-src 'self';/)]);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect([path, headers.get('x-content-type-options'), headers.get('x-frame-options')]).toEqual([
      path,
      'nosniff',
      'DENY',
    ]);
  }
});

it('over TLS the cookie is for TLS alone, and TLS 1.1 is refused', async () => {
  const ca = makeCa(Date.now());
  const tls = makeLeaf(ca, ['127.0.0.1'], Date.now());
  const accounts = await accountsOf({ ada: 'administrator' });
  await using secure = await openAdmin({ inspected: one.server.inspected, token: TOKEN, accounts, tls });
  expect(secure.url).toMatch(/^https:/);
  const cookie = (options: object): Promise<string> =>
    new Promise((resolve, reject) => {
      const url = `${secure.url}/api/v1/login`;
      const headers = { 'content-type': 'application/json' };
      httpsRequest(url, { method: 'POST', headers, ca: ca.certificate, ...options }, (answer) => {
        answer.resume();
        resolve(String(answer.headers['set-cookie']));
      })
        .on('error', reject)
        .end(JSON.stringify({ user: 'ada', password: 'right of ada' }));
    });
  expect(await cookie({})).toMatch(/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/);
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
  await expect(cookie(old)).rejects.toThrow(/protocol version|EPROTO/);
});
