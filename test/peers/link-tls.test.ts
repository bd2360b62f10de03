/** Agent and server as two programs over TLS: a client's whole day, renewal of every certificate under a waiting poll, revocation, and an agent of another version. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { LINK_VERSIONS } from '../../runtime/protocol.ts';
import { govcOn, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { copyProgram, type ProgramCopy } from './program-copy.ts';
import { rawSoap } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const LIMIT_MS = 120_000;
const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));

let state: string;
const folderOf = (half: 'agent' | 'server'): string => join(state, half);
/** `transvisor ca ...` at the authority, which is the server's. */
const ca = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runProgram(PROGRAM, ['ca', ...args, '--state', folderOf('server')]);
  if (code !== 0) throw new Error(`ca ${args.join(' ')}: ${stderr}`);
  return stdout;
};
const issueServer = (...more: string[]) => ca('issue', '--server', '127.0.0.1', ...more);
const issueAgent = (...more: string[]) =>
  ca('issue', '--agent', 'kvm-1', '--out', join(folderOf('agent'), 'tls', 'link'), ...more);

/** The certificate with which the server answers now. */
const shown = (product: Transvisor): Promise<string> =>
  new Promise((resolve, reject) => {
    const port = Number(product.link().split(':').at(-1));
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('error', reject);
  });
const started = (more: object = {}) =>
  startTransvisor({ host: 'sim:///default', twoProcesses: true, link: 'tls:127.0.0.1:0', state, ...more });
const times = (product: Transvisor, text: string): number => product.wholeLog().split(text).length - 1;

/** Runs an agent until it says these words. */
const agentSays = async (words: string, program: string, ...flags: readonly string[]): Promise<void> => {
  const child = spawn(program, ['agent', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
  try {
    await expect.poll(() => said, { timeout: 40_000 }).toContain(words);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
};

describeWith(['govc'], 'agent and server over TLS', () => {
  beforeEach(async () => {
    state = mkdtempSync(join(tmpdir(), 'tvl-'));
    mkdirSync(join(folderOf('agent'), 'tls'), { recursive: true, mode: 0o700 });
    await issueServer();
    await issueAgent();
  });
  afterEach(() => rmSync(state, { recursive: true, force: true }));

  test('a client creates, changes, snapshots and deletes a machine', { timeout: LIMIT_MS }, async () => {
    await using product = await started();
    expect(product.link()).toMatch(/^tls:127\.0\.0\.1:\d+$/);
    const govc = govcOn(product);
    await govc('vm.create', '-m', '64', '-disk', '1G', '-on=false', 'day');
    await govc('vm.power', '-on', 'day');
    await govc('vm.power', '-off', 'day');
    await govc('vm.change', '-vm', 'day', '-m', '128', '-annotation', 'over TLS');
    expect(await govc('vm.info', '-json', 'day')).toContain('over TLS');
    await govc('snapshot.create', '-vm', 'day', 'before');
    expect(await govc('snapshot.tree', '-vm', 'day')).toContain('before');
    await govc('snapshot.remove', '-vm', 'day', '*');
    await govc('vm.destroy', 'day');
    expect(await govc('ls', 'vm')).not.toContain('day');
    expect(product.wholeLog()).not.toMatch(/"level":"(warn|error)"/);
    expect(new Set(await product.stop())).toEqual(new Set([0]));
  });

  test('every certificate is renewed under a waiting poll', { timeout: LIMIT_MS }, async () => {
    await using product = await started();
    const govc = govcOn(product);
    await govc('vm.create', '-m', '64', '-disk', '1G', '-on=false', 'awaited');
    const soap = rawSoap(product);
    await soap.logIn();
    const version = await soap.watch(await soap.vm('awaited'), 'runtime.powerState');
    let answered = false;
    const waiting = soap.waitForUpdates(version, 60).finally(() => {
      answered = true;
    });
    waiting.catch(() => {}); // judged below

    const before = await shown(product);
    await issueServer('--renew');
    await issueAgent('--renew');
    for (const pid of product.pids()) process.kill(pid, 'SIGHUP');
    await expect.poll(() => times(product, 'from the next connection on'), { timeout: 10_000 }).toBe(2);
    expect(await shown(product)).not.toBe(before);
    expect([answered, product.alive(), times(product, 'link: down')]).toEqual([false, true, 0]);
    await govc('vm.power', '-on', 'awaited');
    expect((await waiting).text).toContain('poweredOn');
    soap.close();
    // The old ones are of no use to anybody, and are not used: with them revoked a new connection comes up.
    await ca('revoke', before);
    await product.kill9('server');
    await product.restart('server');
    await expect.poll(() => govc.result(['ls', 'vm']).then(({ code }) => code), { timeout: 20_000 }).toBe(0);
    expect(times(product, 'link: up')).toBe(2);
  });

  test('a revoked agent is gone at once, its clients are told, and a new certificate brings it back', {
    timeout: LIMIT_MS,
  }, async () => {
    await using product = await started();
    const govc = govcOn(product);
    expect(await govc('ls', '/')).toContain('ha-datacenter');
    await ca('revoke', 'kvm-1');
    await expect
      .poll(() => product.wholeLog(), { timeout: 10_000 })
      .toContain('link: down: refused: the certificate is revoked');
    await expect
      .poll(() => product.wholeLog(), { timeout: 10_000 })
      .toContain('server away: refused: 403 the certificate is revoked');
    expect(product.wholeLog()).toContain('link: refused: the certificate is revoked');
    const begunMs = Date.now();
    const { code, stderr } = await govc.result(['vm.info', '*']);
    expect([code === 0, Date.now() - begunMs < 5000]).toEqual([false, true]);
    expect(stderr).not.toBe('');
    await issueAgent('--renew');
    await expect
      .poll(() => govc.result(['ls', '/']).then(({ stdout }) => stdout), { timeout: 20_000, interval: 500 })
      .toContain('ha-datacenter');
    expect(product.alive()).toBe(true);
  });

  test("another agent's host is not to be had", { timeout: LIMIT_MS }, async () => {
    await using product = await started();
    const other = join(state, 'other');
    await ca('issue', '--agent', 'kvm-2', '--out', join(state, 'link'));
    mkdirSync(join(other, 'tls'), { recursive: true });
    for (const file of ['link.crt', 'link.key', 'link-ca.crt']) renameSync(join(state, file), join(other, 'tls', file));
    const text = 'host local belongs to agent kvm-1, not to kvm-2';
    const flags = ['--link', product.link(), '--host', 'local=sim:///default', '--port', 'vim25=0', '--state', other];
    await agentSays(`link: the server did not greet: ${text}`, PROGRAM, ...flags);
    expect(product.wholeLog()).toContain(text);
    expect(await govcOn(product)('ls', '/')).toContain('ha-datacenter');
  });

  test('both programs are replaced, and renewal reaches those that took over', { timeout: LIMIT_MS }, async () => {
    await using product = await started();
    // A successor listens where the one before did: on a port with a number.
    await product.kill9('server');
    await product.restart('server');
    const govc = govcOn(product);
    await expect.poll(() => govc.result(['ls', '/']).then(({ code }) => code), { timeout: 20_000 }).toBe(0);
    for (const [index, pid] of product.pids().entries()) {
      process.kill(pid, 'SIGUSR2');
      await expect.poll(() => times(product, 'serves, this one ends'), { timeout: 40_000 }).toBe(index + 1);
    }
    await expect.poll(() => govc.result(['ls', '/']).then(({ code }) => code), { timeout: 20_000 }).toBe(0);
    await issueServer('--renew');
    await issueAgent('--renew');
    for (const pid of product.pids()) process.kill(pid, 'SIGHUP');
    await expect.poll(() => times(product, 'from the next connection on'), { timeout: 10_000 }).toBe(2);
    expect(await govc('ls', '/')).toContain('ha-datacenter');
    expect(product.alive()).toBe(true);
    expect(new Set(await product.stop())).toEqual(new Set([0]));
  });

  describeWith(['govc'], 'with programs of two versions', () => {
    const VERSIONS = /LINK_VERSIONS: VersionRange = \{[^}]*\}/;
    let other: ProgramCopy;
    beforeAll(() => {
      other = copyProgram();
    });
    afterAll(() => other?.[Symbol.dispose]());
    const speaking = (oldest: number, newest: number): void => {
      const file = join(other.root, 'runtime', 'protocol.ts');
      const text = readFileSync(file, 'utf8');
      expect(text).toMatch(VERSIONS);
      writeFileSync(
        file,
        text.replace(VERSIONS, `LINK_VERSIONS: VersionRange = { oldest: ${oldest}, newest: ${newest} }`),
      );
    };

    test('one apart they work, whichever is older', { timeout: LIMIT_MS }, async () => {
      const { oldest, newest } = LINK_VERSIONS;
      speaking(newest, newest + 1);
      for (const programs of [{ agentProgram: other.program }, { program: other.program, agentProgram: PROGRAM }]) {
        await using product = await started(programs);
        expect(await govcOn(product)('ls', '/')).toContain('ha-datacenter');
        expect(product.wholeLog()).toContain(`link: up, version ${newest}`);
        await product.stop();
      }
      speaking(oldest, newest - 1);
      await using product = await started({ agentProgram: other.program });
      expect(await govcOn(product)('ls', '/')).toContain('ha-datacenter');
      expect(product.wholeLog()).toContain(`link: up, version ${newest - 1}`);
    });

    test('further apart they say so, both', { timeout: LIMIT_MS }, async () => {
      const { oldest, newest } = LINK_VERSIONS;
      speaking(newest + 1, newest + 2);
      await using product = await started();
      await product.kill9('agent');
      const text = `agent kvm-1 speaks versions ${newest + 1} to ${newest + 2} of the link, this server versions ${oldest} to ${newest}: update the server`;
      const flags = ['--link', product.link(), '--host', 'sim:///default', '--port', 'vim25=0'];
      const says = `link: the server did not greet: ${text}`;
      await agentSays(says, other.program, ...flags, '--state', folderOf('agent'));
      expect(product.wholeLog()).toContain(text);
    });
  });
});
