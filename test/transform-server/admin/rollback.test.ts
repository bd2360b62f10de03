/** Rollback over the admin API: what cannot be taken back says why, and nobody but an operator may try. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAccounts, hashPassword } from '../../../runtime/accounts.ts';
import { type Admin, openAdmin } from '../../../transform-server/admin/admin.ts';
import { temporaryFolder } from '../../temporary.ts';
import { compose } from '../composed.ts';
import { vm } from '../memory.ts';

const TOKEN = 'a-token-of-some-length';
let one: Awaited<ReturnType<typeof compose>>;
let admin: Admin;

beforeEach(async () => {
  one = await compose(temporaryFolder());
  const accounts = createAccounts([
    { name: 'vic', role: 'read-only', fullName: '', hash: await hashPassword('right of vic') },
  ]);
  admin = await openAdmin({ inspected: one.server.inspected, token: TOKEN, accounts, strict: true });
  await one.list([vm('u1', 'alpha')]);
});
afterEach(async () => {
  await admin.close();
  await one.server.close();
});

const ask = (path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${admin.url}/api/v1${path}`, { method, headers: { authorization: `Bearer ${TOKEN}`, ...headers } });

it('refuses what has no undo, with the reason, in the audit as well', async () => {
  const { id } = await one.login();
  const { items } = (await (await ask('/objects?kind=vm')).json()) as { items: { id: string }[] };
  await one.api.call(one.exchange(id, 'start', {}, items[0]?.id));
  const [job] = ((await (await ask('/jobs')).json()) as { items: { id: string }[] }).items;
  expect(await (await ask(`/jobs/${job?.id}`)).json()).toMatchObject({ lasting: 'The step "stop" has no undo.' });
  const refused = await ask(`/jobs/${job?.id}/rollback`, 'POST');
  expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
    409,
    'The step "stop" has no undo.',
  ]);
  expect((await ask('/jobs/job-999/rollback', 'POST')).status).toBe(404);
  const audit = (await (await ask('/audit')).json()) as { items: unknown[] };
  expect(audit.items).toContainEqual(expect.objectContaining({ method: 'POST /jobs/:id/rollback', outcome: '409' }));
});

it('lets no viewer try', async () => {
  const answer = await fetch(`${admin.url}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'vic', password: 'right of vic' }),
  });
  const { csrf } = (await answer.json()) as { csrf: string };
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const tried = await fetch(`${admin.url}/api/v1/jobs/job-1/rollback`, {
    method: 'POST',
    headers: { cookie, 'x-csrf-token': csrf },
  });
  expect(tried.status).toBe(403);
});
