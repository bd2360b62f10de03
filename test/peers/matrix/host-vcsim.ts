/** govmomi's simulator as a host of the matrix, as an ESXi host or as a vCenter, read back with govc. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVcsim } from '../clients.ts';
import { govcMatrix } from './client-govc.ts';
import type { MatrixHost } from './contract.ts';

const USER = 'matrix';
const PASSWORD = 'secret of the matrix';

export const vcsimMatrixHost = async (as: 'esx' | 'vpx'): Promise<MatrixHost> => {
  const vcsim = await startVcsim([
    ...(as === 'esx' ? ['-esx'] : []),
    ...['-tls=false', '-vm', '1', '-username', USER, '-password', PASSWORD],
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'tvm-'));
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  const govc = govcMatrix({ url: vcsim.url, user: USER, password: PASSWORD });
  return {
    uri: `${as === 'esx' ? 'esx' : 'vpx'}+http://${new URL(vcsim.url).host}/`,
    flags: ['--host-user', USER, '--host-password-file', passwordFile],
    user: USER,
    password: PASSWORD,
    network: 'VM Network',
    storage: 'LocalDS_0',
    revertsConfig: false,
    estate: govc.estate,
    power: (name, act) => govc.power(name, act),
    stop: async () => {
      await govc.close();
      await vcsim.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
