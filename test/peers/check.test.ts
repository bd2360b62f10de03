/** `transvisor check` at a host that is no work of ours: an unknown certificate, a wrong password, and nothing wrong. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Finding } from '../../cli/check/finding.ts';
import { check } from '../../cli/check.ts';
import { temporaryFolder } from '../temporary.ts';
import { startVcsim } from './clients.ts';
import { describeWith } from './describe-with.ts';

describeWith(['vcsim'], 'check at an ESXi host', () => {
  test('names the fingerprint to trust in, then the log-in that is refused, then nothing', async () => {
    await using host = await startVcsim(['-esx', '-username', 'root', '-password', 'right']);
    const folder = temporaryFolder();
    const hostPasswordFile = join(folder, 'password');
    const findings = async (password: string, more: object = {}): Promise<Finding[]> => {
      writeFileSync(hostPasswordFile, `${password}\n`, { mode: 0o600 });
      const { json } = await check(undefined, {
        ...{ host: [`esx://${new URL(host.url).host}`], hostUser: 'root', hostPasswordFile },
        ...{ state: join(folder, 'state'), port: ['vim25=0', 'admin=0'], ...more },
      });
      return (json as { findings: Finding[] }).findings;
    };
    const [unknown] = await findings('right');
    const hostFingerprint = /[0-9A-F:]{95}/.exec(unknown?.what ?? '')?.[0];
    expect(unknown).toMatchObject({ level: 'error', fix: 'if it is the host, name its fingerprint' });
    expect(await findings('wrong', { hostFingerprint })).toMatchObject([
      { level: 'error', what: expect.stringMatching(/refuses the log-in of user "root"/) },
    ]);
    expect(await findings('right', { hostFingerprint })).toEqual([]);
  });
});
