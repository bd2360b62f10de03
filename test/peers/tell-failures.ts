/** After a test that failed: what the programs under test said, beside the failure. */
import { afterEach } from 'vitest';
import { testimony } from './witnesses.ts';

afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.error(`${task.name}: what the programs said\n${testimony()}`);
});
