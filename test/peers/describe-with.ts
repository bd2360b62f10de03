/** Takes the clients a group of tests needs, gives a describe that runs, is skipped by name, or fails. */
import { describe, test } from 'vitest';
import { type ClientName, findClient } from './clients.ts';

/** A describe that is skipped, saying why, when a client is missing; with CI=true it fails instead. */
export const describeWith = (clients: readonly ClientName[], name: string, define: () => void): void => {
  const missing = clients.filter((client) => findClient(client) === undefined);
  if (missing.length === 0) {
    describe(name, define);
    return;
  }
  const says = `${name} (not available: ${missing.join(', ')})`;
  if (process.env['CI'] === 'true') {
    test(says, () => {
      throw new Error(`with CI=true every client is needed; missing: ${missing.join(', ')}`);
    });
  } else {
    describe.skip(says, define);
  }
};
