/** `up` on a state directory whose earlier life died in the middle of a plan. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startUp } from '../../cli/up.ts';
import { hubId } from '../../mappings/generic/ids.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import { checkConfig } from '../../runtime/config.ts';
import { createJournal } from '../../transform-server/jobs/journal.ts';
import { openStorage } from '../../transform-server/storage/storage.ts';
import { temporaryFolder } from '../temporary.ts';

test('an open plan needs its host to end: up starts without it', { timeout: 30_000 }, async () => {
  const state = join(temporaryFolder(), 'state');
  const config = {
    ...checkConfig({
      host: [{ name: 'local', uri: 'sim:///default' }],
      front: [{ platform: 'vim25', port: 0 }],
      admin: { port: 0 },
      listen: '127.0.0.1',
      logLevel: 'fatal',
    }),
    state,
  };
  await (await startUp(config)).close();

  const job = hubId('job', 900_000);
  // As a kill -9 leaves it: the call is on its way, nobody knows whether it took effect.
  const before = openStorage(state);
  const host = hubId('host', Number(before.prepare("SELECT n FROM ids WHERE kind = 'host'").get()?.['n']));
  const died: Job = {
    ...{ id: job, verb: 'vm.create', host, target: host, targetName: '', user: 'root', front: 'vim25@local' },
    ...{ method: 'CreateVM_Task', nativeTarget: { type: 'Folder', id: 'ha-folder-vm' }, operation: '', exchange: '' },
    ...{
      state: 'running',
      cancelled: false,
      cancelable: true,
      queuedMs: Date.now(),
      startedMs: Date.now(),
      version: 0,
    },
  };
  const journal = createJournal(before);
  journal.saveJob(died);
  const call = { procedure: 'nothing', args: {} };
  const record = journal.addPlan(job, {
    ...{ host, queue: 'name:x', touches: [] },
    steps: [{ name: 'define', kind: 'pivot', call, probe: { probe: 'mark', args: { mark: 'never made' } } }],
  });
  Object.assign(record.steps[0] ?? {}, { state: 'sent', attempt: 1 });
  journal.saveStep(record, 0);
  await journal.flush();
  before.close();

  const up = await startUp(config);
  expect(up.ready.fronts).toHaveLength(1);
  await up.close();
});
