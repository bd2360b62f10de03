/** `transvisor detect` and `--host auto://` against what answers here: govmomi's simulator in both modes, libvirtd, the simulated XenServer host. */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS, runProgram, startVcsim, type Vcsim } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { startLibvirtd } from './libvirtd.ts';
import { govcMatrix } from './matrix/client-govc.ts';
import { vcsimMatrixHost } from './matrix/host-vcsim.ts';
import { xenapiMatrixHost } from './matrix/host-xenapi.ts';
import { startTransvisor } from './transvisor.ts';

const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
const TCP_PORT = 16_611;

type Finding = { platform: string; product: string; version: string; uri: string; fingerprint: string };
const detect = async (address: string): Promise<Finding[]> => {
  const { code, stdout } = await runProgram(PROGRAM, ['detect', address, '--json']);
  const found = JSON.parse(stdout) as Finding[];
  expect(code).toBe(found.length === 0 ? 1 : 0);
  return found;
};

describeWith(['vcsim'], 'a vSphere API', () => {
  let vcsim: Vcsim;
  test.each([
    ['an ESXi host', ['-esx'], 'esx', 'VMware ESXi'],
    ['a vCenter', [], 'vpx', 'VMware vCenter Server'],
  ])('of %s is found, with its certificate', async (_, args, scheme, product) => {
    vcsim = await startVcsim(args);
    try {
      const { host } = new URL(vcsim.url);
      const [found, ...others] = await detect(host);
      expect(others).toEqual([]);
      expect(found).toMatchObject({ platform: 'vim25', product, version: '6.5.0', uri: `${scheme}://${host}/` });
      expect(found?.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    } finally {
      await vcsim.stop();
    }
  });
  test('is what --host auto:// manages', async () => {
    const host = await vcsimMatrixHost('esx');
    try {
      const address = new URL(host.uri.replace('esx+http', 'http')).host;
      await using product = await startTransvisor({ host: `auto://${address}`, options: host.flags });
      // It passes: the host's own accounts count.
      const seen = await govcMatrix({ ...product, user: host.user, password: host.password }).estate();
      expect(seen.machines.map(({ name }) => name)).toEqual((await host.estate()).machines.map(({ name }) => name));
    } finally {
      await host.stop();
    }
  });
});

describeWith(LIBVIRT_CLIENTS, 'libvirt', () => {
  test('over TCP is found with its version', async () => {
    const libvirtd = await startLibvirtd({ tcpPort: TCP_PORT });
    try {
      const [found] = await detect(`127.0.0.1:${TCP_PORT}`);
      expect(found).toMatchObject({ platform: 'libvirt', uri: `qemu+tcp://127.0.0.1:${TCP_PORT}/system` });
      expect(found?.product).toMatch(/^libvirt QEMU/);
      expect(found?.version).toMatch(/^\d+\.\d+\.\d+$/);
    } finally {
      await libvirtd.stop();
    }
  });
});

describeWith(['xenapi-py'], 'a XenAPI', () => {
  test('host is found', async () => {
    const host = await xenapiMatrixHost();
    try {
      const address = new URL(host.uri.replace('xenapi+http', 'http')).host;
      expect(await detect(address)).toMatchObject([{ platform: 'xenapi', uri: `xenapi+http://${address}/` }]);
    } finally {
      await host.stop();
    }
  });
});

describe('anything else', () => {
  const other = createServer((_, answer) => answer.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello</p>'));
  beforeAll(() => new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve)));
  afterAll(() => new Promise((resolve) => void other.close(resolve)));
  test('is not taken for an API, and nothing at all is no finding', async () => {
    const at = other.address();
    expect(await detect(`127.0.0.1:${typeof at === 'object' ? at?.port : 0}`)).toEqual([]);
    expect(await detect('127.0.0.1:9')).toEqual([]);
  });
});
