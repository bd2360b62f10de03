/** Hosts of a configuration: where the password of one that was only found may go. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadHosts } from '../../cli/hosts.ts';
import { startXenHost } from '../../fixtures/xenapi-host/server.ts';
import { checkConfig } from '../../runtime/config.ts';
import { silentLog } from '../../runtime/log.ts';
import { temporaryFolder } from '../temporary.ts';

const passwordFile = join(temporaryFolder(), 'password');
writeFileSync(passwordFile, 'secret\n', { mode: 0o600 });

/** What is at 127.0.0.2 counts as another machine: the program takes three names alone for itself. */
test.each([
  ['127.0.0.1', undefined],
  ['127.0.0.2', /plain HTTP alone.*xenapi\+http:\/\/127\.0\.0\.2/],
])('a host at %s that answers over plain HTTP', async (listen, refusal) => {
  const host = await startXenHost({ user: 'root', password: 'secret', vms: 0, listen });
  try {
    const load = (uri: string) =>
      loadHosts(checkConfig({ host: [{ name: 'h', uri, user: 'root', passwordFile }] }), silentLog);
    const found = load(`auto://${listen}:${host.port}`);
    if (refusal === undefined) await expect(found).resolves.toMatchObject([{ platform: 'xenapi' }]);
    else await expect(found).rejects.toThrow(refusal);
    // Whoever says so means it.
    await expect(load(`xenapi+http://${listen}:${host.port}/`)).resolves.toHaveLength(1);
  } finally {
    await host.close();
  }
});
