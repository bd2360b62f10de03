/** `transvisor detect`, with a log-in and without, and `--host auto://` against what answers here: govmomi's simulator in both modes, libvirtd, the simulated XenServer host. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startXenHost, type XenHost } from '../../fixtures/xenapi-host/server.ts';
import { fingerprints, makeCa, makeLeaf } from '../../runtime/tls.ts';
import { temporaryFolder } from '../temporary.ts';
import { LIBVIRT_CLIENTS, runProgram, startVcsim, type Vcsim } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { startLibvirtd } from './libvirtd.ts';
import { govcMatrix } from './matrix/client-govc.ts';
import { vcsimMatrixHost } from './matrix/host-vcsim.ts';
import { xenapiMatrixHost } from './matrix/host-xenapi.ts';
import { startTransvisor } from './transvisor.ts';

const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
const TCP_PORT = 16_611;

const folder = temporaryFolder();
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};

type Finding = { platform: string; product: string; version: string; uri: string; fingerprint: string };
const detect = async (address: string, flags: readonly string[] = []): Promise<Finding[]> => {
  const { code, stdout } = await runProgram(PROGRAM, ['detect', address, '--json', ...flags]);
  const found = JSON.parse(stdout) as Finding[];
  expect(code).toBe(found.length === 0 ? 1 : 0);
  return found;
};

describeWith(['vcsim'], 'a vSphere API', () => {
  let vcsim: Vcsim;
  test.each([
    ['an ESXi host', ['-esx'], 'esx', 'VMware ESXi'],
    ['a vCenter', [], 'vpx', 'VMware vCenter Server'],
  ])(
    'of %s is found, with its certificate, and tells the same with a log-in and without',
    async (_, args, scheme, product) => {
      vcsim = await startVcsim(args);
      try {
        const { host } = new URL(vcsim.url);
        const [found, ...others] = await detect(host);
        expect(others).toEqual([]);
        expect(found).toMatchObject({ platform: 'vim25', product, version: '6.5.0', uri: `${scheme}://${host}/` });
        expect(found?.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
        const login = ['--host-user', 'nobody', '--host-password-file', file('nobody', 'no password of it')];
        expect(await detect(host, login)).toEqual([found]);
      } finally {
        await vcsim.stop();
      }
    },
  );
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

describeWith(['xenapi-py'], 'a XenAPI host', () => {
  test('is found, and tells its product and version after a log-in', async () => {
    const host = await xenapiMatrixHost();
    try {
      const address = new URL(host.uri.replace('xenapi+http', 'http')).host;
      const uri = `xenapi+http://${address}/`;
      const found = { platform: 'xenapi', title: expect.any(String), uri, fingerprint: '' };
      expect(await detect(address)).toEqual([{ ...found, product: 'XenAPI', version: '' }]);
      expect(await detect(address, host.flags)).toEqual([{ ...found, product: 'XenServer', version: '8.4.0' }]);
    } finally {
      await host.stop();
    }
  });
});

describe('a XenAPI host over TLS', () => {
  const right = file('right', 'the right one');
  const wrong = file('wrong', 'the wrong one');
  const now = Date.now();
  const tls = makeLeaf(makeCa(now), ['127.0.0.1'], now);
  const trusted = ['--host-fingerprint', fingerprints(tls.certificate).sha256];
  let host: XenHost;
  beforeAll(async () => {
    host = await startXenHost({ user: 'root', password: 'the right one', vms: 0, loginDelayMs: 20, tls });
  });
  afterAll(() => host.close());
  const tell = (...flags: string[]) =>
    runProgram(PROGRAM, ['detect', `127.0.0.1:${host.port}`, '--host-user', 'root', ...flags]);

  test('is logged in to where its certificate is trusted', async () => {
    const { code, stdout, stderr } = await tell('--host-password-file', right, ...trusted);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('XenServer 8.4.0');
    expect(stdout).toContain(`--host xenapi://127.0.0.1:${host.port}/`);
  });
  test.each([
    ['wrong password', () => [wrong, ...trusted], /refuses the log-in of user "root"/],
    ['certificate that nobody vouches for', () => [right], /name it with --host-fingerprint/],
  ])('with a %s is still found; why it tells no more is an error', async (_, flags, why) => {
    const { code, stdout, stderr } = await tell('--host-password-file', ...flags());
    expect(code).toBe(69);
    expect(stdout).toContain(`--host xenapi://127.0.0.1:${host.port}/`);
    expect(stdout).not.toContain('8.4.0');
    expect(stderr).toMatch(why);
    expect(stdout + stderr).not.toMatch(/the (right|wrong) one/);
  });
  test('is not even looked for with half a log-in', async () => {
    expect((await tell()).code).toBe(78);
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
