/** `transvisor check` on configurations with one mistake each: it is found, with its line and what to do; and nothing is changed by looking. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { issue, revoke } from '../../cli/ca-link.ts';
import type { Finding } from '../../cli/check/finding.ts';
import { check } from '../../cli/check.ts';
import { openLinkOf } from '../../cli/link.ts';
import { startUp } from '../../cli/up.ts';
import { startXenHost } from '../../fixtures/xenapi-host/server.ts';
import { checkConfig } from '../../runtime/config.ts';
import { serveLink } from '../../runtime/link-ws.ts';
import { silentLog } from '../../runtime/log.ts';
import { Secret } from '../../runtime/secret.ts';
import { makeCa, makeLeaf } from '../../runtime/tls.ts';
import { temporaryFolder } from '../temporary.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const SIM = '[[host]]\nname = "sim"\nuri = "sim:///default"\n';
const state = (): string => join(temporaryFolder(), 'state');
const file = (text: string): string => {
  const path = join(temporaryFolder(), 't.toml');
  writeFileSync(path, text);
  return path;
};
/** The line on which a text stands first. */
const at = (path: string, text: string, line: string): string =>
  `${path}:${text.split('\n').findIndex((one) => one.startsWith(line)) + 1}`;

const found = async (text: string, program?: string): Promise<{ findings: Finding[]; well: boolean; path: string }> => {
  const path = file(text);
  const { json, well } = await check(program, { config: path });
  return { findings: (json as { findings: Finding[] }).findings, well, path };
};

const listenAt = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
};
const secretFile = (text: string, mode = 0o600): string => {
  const path = join(temporaryFolder(), 'secret');
  writeFileSync(path, `${text}\n`);
  chmodSync(path, mode);
  return path;
};

describe('a configuration', () => {
  test('without a mistake has none found, and looking makes nothing', async () => {
    const folder = state();
    const { findings, well } = await found(
      `state = "${folder}"\nadmin.port = 0\n${SIM}[[front]]\nplatform = "vim25"\nport = 0\n`,
    );
    expect(findings).toEqual([]);
    expect(well).toBe(true);
    expect(existsSync(folder)).toBe(false);
    // No server is named, so there is no link to try.
    expect(
      (await found(`state = "${folder}"\nadmin.port = 0\n${SIM}[[front]]\nplatform = "vim25"\nport = 0\n`, 'agent'))
        .findings,
    ).toEqual([]);
  });

  test('that cannot be read says the line, and the key that was meant', async () => {
    const unknown = await found(`${SIM}fingerprnt = "x"\n`);
    expect(unknown.findings).toMatchObject([
      { where: `${unknown.path}:4`, what: expect.stringMatching(/did you mean "fingerprint"/) },
    ]);
    const broken = await found('[[host]\n');
    expect(broken.findings[0]?.where).toMatch(/t\.toml:1:/);
    const front = await found(`${SIM}[[front]]\nplatform = "vim52"\nport = 0\n[admin]\nport = 0\n`);
    expect(front.findings).toMatchObject([
      { where: `${front.path}:5`, what: expect.stringMatching(/did you mean "vim25"/) },
    ]);
    expect((await found('', 'nothing')).findings[0]?.what).toMatch(/none of up, agent, server/);
  });

  test('whose ports are taken names each, also those that it takes from itself', async () => {
    const port = await listenAt(createServer());
    const front = (platform: string): string => `[[front]]\nplatform = "${platform}"\nport = ${port}\n`;
    const text = `state = "${state()}"\n${SIM}${front('vim25')}${front('xenapi')}${front('vim25')}name = "again"\n[admin]\nport = ${port}\n`;
    const { findings, path } = await found(text);
    expect(findings).toMatchObject([
      // Two of different APIs would share it.
      {
        ...{ level: 'error', where: `${path}:11` },
        what: `gate 127.0.0.1:${port}: "vim25@sim" and "again" are both at all other addresses`,
      },
      { level: 'error', where: `${path}:7`, what: `front vim25: 127.0.0.1:${port} is in use` },
      { level: 'error', where: `${path}:16`, what: `admin and front again both want 127.0.0.1:${port}` },
    ]);
    const elsewhere = await found(`listen = "192.0.2.1"\nstate = "${state()}"\nadmin.port = 0\n${SIM}`);
    expect(elsewhere.findings[0]).toMatchObject({ fix: 'this machine does not have that address' });
  });

  test('with secrets that others may read says which', async () => {
    const open = secretFile('pw', 0o644);
    const text = `state = "${state()}"\nadmin.port = 0\npasswordFile = "${open}"\n${SIM}passwordFile = "/nowhere/pw"\n`;
    const { findings, path, well } = await found(text);
    expect(findings).toContainEqual({
      ...{ level: 'error', where: at(path, text, 'passwordFile'), fix: `chmod o-rwx ${open}` },
      what: `${open} can be read by every user of this machine`,
    });
    expect(findings).toContainEqual(expect.objectContaining({ where: `${path}:7`, what: '/nowhere/pw: no such file' }));
    expect(well).toBe(false);
  });

  test('of a program that runs says so, and does not complain of its ports', async () => {
    const folder = state();
    const host = [{ name: 'sim', uri: 'sim:///default' }];
    const up = await startUp({
      ...checkConfig({ host, front: [{ platform: 'vim25', port: 0 }], admin: { port: 0 }, logLevel: 'fatal' }),
      state: folder,
    });
    closers.push(() => up.close());
    const before = readdirSync(folder);
    const [front, admin] = [up.ready.fronts[0]?.url, up.ready.admin?.url].map((url) => new URL(url ?? '').port);
    const { findings, well } = await found(
      `state = "${folder}"\n${SIM}[admin]\nport = ${admin}\n[[front]]\nplatform = "vim25"\nport = ${front}\n`,
    );
    expect(findings).toMatchObject([
      { level: 'warning', what: expect.stringContaining(`${folder} is in use by pid ${process.pid}`) },
    ]);
    expect(well).toBe(true);
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe('a host', () => {
  const base = `state = "/tmp/never-made-by-check"\nadmin.port = 0\n`;
  test('is logged in to: a wrong user or password is told at its line', async () => {
    const host = await startXenHost({ user: 'root', password: 'right', loginDelayMs: 1 });
    closers.push(host.close);
    const text = (password: string): string =>
      `${base}[[host]]\nname = "xen"\nuri = "xenapi+${host.url}"\nuser = "root"\npasswordFile = "${secretFile(password)}"\n`;
    const wrong = await found(text('wrong'));
    expect(wrong.findings).toMatchObject([
      { level: 'error', where: `${wrong.path}:6`, fix: expect.stringMatching(/lock accounts/) },
    ]);
    expect(wrong.findings[0]?.what).not.toContain('wrong');
    expect((await found(text('right'))).findings).toEqual([]);
  });

  test('that is not there, and one whose socket is missing, are told apart', async () => {
    const away = await found(`${base}[[host]]\nname = "a"\nuri = "esx://127.0.0.1:1"\n`);
    expect(away.findings).toMatchObject([{ where: `${away.path}:5`, what: expect.stringMatching(/ECONNREFUSED/) }]);
    const local = await found(`${base}[[host]]\nname = "a"\nuri = "qemu:///system?socket=/nowhere/libvirt-sock"\n`);
    expect(local.findings).toMatchObject([{ fix: 'is its daemon installed and running here?' }]);
  });

  test('with an unknown certificate shows its fingerprint; that it ends soon and that its clock is off is told', async () => {
    const ca = makeCa(Date.now());
    // Of a time when it was new.
    const { certificate, key } = makeLeaf(ca, ['127.0.0.1'], Date.now() - 810 * 86_400_000);
    const server = createTlsServer({ cert: certificate, key }, (_, response) => {
      response.sendDate = false;
      response.writeHead(404, { date: new Date(Date.now() + 3_600_000).toUTCString() }).end();
    });
    const port = await listenAt(server);
    const { findings } = await found(`${base}[[host]]\nname = "a"\nuri = "esx://127.0.0.1:${port}"\n`);
    const told = findings.map(({ level, what }) => `${level} ${what}`).join('\n');
    expect(told).toMatch(/error host a: .*fingerprint is [0-9A-F:]{95}/);
    expect(told).toMatch(/warning host a: its certificate ends in (9|10) days/);
    expect(told).toMatch(/warning host a: its clock is 3(599|600) s ahead/);
  });
});

describe('a link', () => {
  const estate = (days = '820') => {
    const authority = temporaryFolder();
    issue(authority, { server: ['127.0.0.1'] });
    const agent = temporaryFolder();
    mkdirSync(join(agent, 'tls'));
    issue(authority, { agent: 'kvm-1', out: join(agent, 'tls', 'link'), days });
    return { authority, agent };
  };
  const serve = async (authority: string): Promise<string> => {
    const config = { ...checkConfig({ link: { address: 'tls:127.0.0.1:0' } }), state: authority };
    const opened = openLinkOf(config, 'server', silentLog, () => new Secret(''));
    const server = await serveLink(opened.address, opened.admission, silentLog, () => {});
    closers.push(opened.close, server.close);
    return `tls:127.0.0.1:${(server.address as { port: number }).port}`;
  };
  const agentOf = (folder: string, address: string): string =>
    `state = "${folder}"\nlink.address = "${address}"\n${SIM}`;

  test('is tried: whoever the server lets in has nothing wrong, whoever it refuses hears why', async () => {
    const { authority, agent } = estate();
    const address = await serve(authority);
    chmodSync(agent, 0o700);
    expect((await found(agentOf(agent, address))).findings).toEqual([]);
    revoke(authority, 'kvm-1');
    const refused = await found(agentOf(agent, address));
    expect(refused.findings).toMatchObject([{ where: `${refused.path}:2`, what: expect.stringMatching(/revoked/) }]);
    const away = await found(agentOf(agent, 'tls:127.0.0.1:1'));
    expect(away.findings[0]?.what).toMatch(/tls:127\.0\.0\.1:1: .*ECONNREFUSED/);
  });
  test('with a certificate that ends soon, or none, is told before it hurts', async () => {
    const { authority, agent } = estate('10');
    chmodSync(agent, 0o700);
    const soon = await found(agentOf(agent, await serve(authority)));
    expect(soon).toMatchObject({
      well: true,
      findings: [{ level: 'warning', what: expect.stringMatching(/ends in (9|10) days/) }],
    });
    const none = await found(`state = "${state()}"\nadmin.port = 0\nlink.address = "tls:127.0.0.1:0"\n`);
    expect(none.findings).toMatchObject([{ level: 'error', what: expect.stringMatching(/ca issue --server/) }]);
  });
  test('with a key that others may read says so', async () => {
    const { authority, agent } = estate();
    chmodSync(agent, 0o700);
    chmodSync(join(agent, 'tls', 'link.key'), 0o644);
    const { findings } = await found(agentOf(agent, await serve(authority)));
    expect(findings).toMatchObject([{ fix: `chmod o-rwx ${join(agent, 'tls', 'link.key')}` }]);
  });
});

test('the command says it as text or JSON and by its exit code', async () => {
  const run = (...args: string[]) =>
    promisify(execFile)(join(import.meta.dirname, '..', '..', 'transvisor'), [
      'check',
      '--state',
      state(),
      ...args,
    ]).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );
  expect(await run('--host', 'sim:///default', '--port', 'vim25=0', '--port', 'admin=0')).toEqual({
    code: 0,
    stdout: 'nothing is wrong\n',
  });
  const bad = await run('--host', 'simm:///default', '--port', 'vim25=0', '--port', 'admin=0', '--json');
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.stdout)).toMatchObject({ well: false, findings: [{ where: 'command line' }] });
});
