/** Rollback over the admin API: what cannot be taken back says why, and nobody but an operator may try. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { vm } from '../memory.ts';
import { type AdminRig, logIn, openRig } from './rig.ts';

let rig: AdminRig;

beforeEach(async () => {
  rig = await openRig({ vic: 'read-only' });
  await rig.one.list([vm('u1', 'alpha')]);
});
afterEach(() => rig.close());

it('refuses what has no undo, with the reason, in the audit as well', async () => {
  const { id } = await rig.one.login();
  const { items } = await rig.json<{ items: { id: string }[] }>('/objects?kind=vm');
  await rig.one.api.call(rig.one.exchange(id, 'start', {}, items[0]?.id));
  const [job] = (await rig.json<{ items: { id: string }[] }>('/jobs')).items;
  expect(await rig.json(`/jobs/${job?.id}`)).toMatchObject({ lasting: 'The step "stop" has no undo.' });
  const refused = await rig.ask(`/jobs/${job?.id}/rollback`, { method: 'POST' });
  expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
    409,
    'The step "stop" has no undo.',
  ]);
  expect((await rig.ask('/jobs/job-999/rollback', { method: 'POST' })).status).toBe(404);
  const audit = await rig.json<{ items: unknown[] }>('/audit');
  expect(audit.items).toContainEqual(expect.objectContaining({ method: 'POST /jobs/:id/rollback', outcome: '409' }));
});

it('lets no viewer try', async () => {
  const { headers } = await logIn(rig.admin, 'vic');
  const tried = await fetch(`${rig.admin.url}/api/v1/jobs/job-1/rollback`, { method: 'POST', headers });
  expect(tried.status).toBe(403);
});
