/** Agent and server as a user without rights: with no capability at all, one for ports below 1024, and what they say where a right is missing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from './describe-with.ts';

const LIMIT_MS = 60_000;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NOBODY = 65_534;
const NET_BIND_SERVICE = 1 << 10;

/** The tree where everybody can read it, in a network of its own: port 443 is nobody else's. */
const inside = `set -eu; mount --bind "$1" "$2"; ip link set lo up; shift 2; cd /; exec "$@"`;

describeWith(['root'], 'a user without rights', () => {
  let folder: string;
  const running: { readonly child: ChildProcess; readonly ended: Promise<number | null> }[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tvu-'));
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'tree'));
    mkdirSync(join(folder, 'own'), { mode: 0o700 });
    chownSync(join(folder, 'own'), NOBODY, NOBODY);
  });
  afterEach(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(running.splice(0).map(({ ended }) => ended));
    rmSync(folder, { recursive: true, force: true });
  });

  /** `capabilities`: what it may have, as setpriv writes them. */
  const start = (capabilities: string, ...args: readonly string[]) => {
    const own = join(folder, 'own');
    const rights = capabilities === '' ? [] : [`--inh-caps=+${capabilities}`, `--ambient-caps=+${capabilities}`];
    const bound = capabilities === '' ? '-all' : `-all,+${capabilities}`;
    const user = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs', ...rights];
    const child = spawn(
      'unshare',
      [
        ...['-m', '-n', 'sh', '-c', inside, 'sh', ROOT, join(folder, 'tree'), ...user, `--bounding-set=${bound}`],
        ...[join(folder, 'tree', 'transvisor'), ...args, '--ready-file', join(own, `${args[0]}.ready`)],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => {
        said += String(text);
      });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    running.push({ child, ended });
    return {
      ended,
      said: () => said,
      ready: async () => {
        await expect.poll(() => existsSync(join(own, `${args[0]}.ready`)) || said, { timeout: 20_000 }).toBe(true);
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        const [user_] = /^Uid:\s+(\d+)/m.exec(status)?.slice(1) ?? [];
        const [capability] = /^CapEff:\s+(\w+)/m.exec(status)?.slice(1) ?? [];
        return { user: Number(user_), capabilities: Number.parseInt(capability ?? '', 16) };
      },
      stop: () => {
        child.kill('SIGTERM');
        return ended;
      },
    };
  };
  const stateOf = (name: string): string[] => ['--state', join(folder, 'own', name)];
  const FRONT = ['--host', 'sim:///default', '--listen', '127.0.0.1'];

  test('server and agent work, the agent on port 443 with the one capability for it', {
    timeout: LIMIT_MS,
  }, async () => {
    const link = ['--link', `unix:${join(folder, 'own', 'link')}`];
    const token = ['--link-token-file', join(folder, 'own', 'token')];
    const server = start('', 'server', ...link, ...token, '--port', 'admin=0', ...stateOf('server'));
    expect(await server.ready()).toEqual({ user: NOBODY, capabilities: 0 });
    const agent = start(
      'net_bind_service',
      'agent',
      ...FRONT,
      '--port',
      'vim25=443',
      ...link,
      ...token,
      ...stateOf('agent'),
    );
    expect(await agent.ready()).toEqual({ user: NOBODY, capabilities: NET_BIND_SERVICE });
    expect([await agent.stop(), await server.stop()]).toEqual([0, 0]);
  });

  test('an agent to which no server was named works alone, without any capability', { timeout: LIMIT_MS }, async () => {
    const ports = ['--port', 'vim25=0', '--port', 'admin=0'];
    const agent = start('', 'agent', ...FRONT, ...ports, ...stateOf('agent'));
    expect(await agent.ready()).toEqual({ user: NOBODY, capabilities: 0 });
    expect(agent.said()).toContain('admin http://127.0.0.1:');
    expect(await agent.stop()).toBe(0);
  });

  test('what is missing is said: a port below 1024, a state directory of somebody else', {
    timeout: LIMIT_MS,
  }, async () => {
    const ports = ['--port', 'vim25=443', '--port', 'admin=0'];
    const low = start('', 'agent', ...FRONT, ...ports, ...stateOf('agent'));
    expect(await low.ended).not.toBe(0);
    expect(low.said()).toMatch(/permission denied 127\.0\.0\.1:443/);
    const foreign = start('', 'server', '--port', 'admin=0', '--state', join(folder, 'foreign'));
    expect(await foreign.ended).not.toBe(0);
    expect(foreign.said()).toMatch(/permission denied, mkdir .*foreign/);
  });
});
