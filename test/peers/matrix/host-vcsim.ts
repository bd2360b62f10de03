/** govmomi's simulator as a host of the matrix, as an ESXi host or as a vCenter, read back with govc. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { govcOn, startVcsim } from '../clients.ts';
import { govcMatrix } from './client-govc.ts';
import type { MatrixHost } from './contract.ts';

const USER = 'matrix';
const PASSWORD = 'secret of the matrix';
const DATA_SET = 'com.example.matrix';

export const vcsimMatrixHost = async (as: 'esx' | 'vpx'): Promise<MatrixHost> => {
  const vcsim = await startVcsim([
    ...(as === 'esx' ? ['-esx'] : []),
    ...['-tls=false', '-vm', '1', '-username', USER, '-password', PASSWORD],
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'tvm-'));
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  const own = { url: vcsim.url, user: USER, password: PASSWORD };
  const govc = govcMatrix(own);
  const plain = govcOn(own);
  // What its revert restores is a VM's data sets, which a vCenter alone has.
  const inside: MatrixHost['inside'] = {
    make: async (name) => {
      await plain('vm.upgrade', '-vm', name, '-version', '20');
      await plain('vm.dataset.create', '-vm', name, DATA_SET);
    },
    write: async (name, text) =>
      void (await plain('vm.dataset.entry.set', '-vm', name, '-dataset', DATA_SET, 'text', text)),
    read: async (name) => (await plain('vm.dataset.entry.get', '-vm', name, '-dataset', DATA_SET, 'text')).trim(),
  };
  return {
    uri: `${as === 'esx' ? 'esx' : 'vpx'}+http://${new URL(vcsim.url).host}/`,
    flags: ['--host-user', USER, '--host-password-file', passwordFile],
    user: USER,
    password: PASSWORD,
    network: 'VM Network',
    storage: 'LocalDS_0',
    revertsConfig: false,
    ...(as === 'vpx' ? { inside } : {}),
    estate: govc.estate,
    power: (name, act) => govc.power(name, act),
    stop: async () => {
      await govc.close();
      await vcsim.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
