/** `transvisor reload` under a waiting client: changed sheets are used in place, a bad one is refused, session and poll go on. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from './clients.ts';
import { copyProgram } from './program-copy.ts';
import { rawSoap, textIn } from './raw-soap.ts';
import { startTransvisor } from './transvisor.ts';

const LIMIT_MS = 60_000;

test('a waiting poll and an open session survive a reload; a refused sheet changes nothing', {
  timeout: LIMIT_MS,
}, async () => {
  using copy = copyProgram();
  await using product = await startTransvisor({ host: 'sim:///default', program: copy.program });
  const soap = rawSoap(product);
  expect((await soap.logIn()).fault).toBeUndefined();
  const vm = await soap.vm('demo-1');
  const read = async (): Promise<string | undefined> =>
    (await soap.read('VirtualMachine', vm, 'config.flags.htSharing')).get('config.flags.htSharing');
  expect(await read()).toBe('any');

  const sheet = join(copy.root, 'mappings/vim25/from-generic/vm.xsl');
  const edit = (file: string, from: string, to: string): void => {
    const text = readFileSync(file, 'utf8');
    expect(text, file).toContain(from);
    writeFileSync(file, text.replaceAll(from, to));
  };
  /** With its golden pairs, as whoever mends a sheet lands it. */
  const pairs = ['sim', 'libvirt']
    .map((platform) => join(copy.root, 'fixtures', platform, 'documents'))
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .filter((file) => file.endsWith('.vim25.xml') && readFileSync(file, 'utf8').includes('<htSharing>any'));
  expect(pairs.length).toBeGreaterThan(1);
  const reload = () =>
    runProgram(copy.program, [
      ...['reload', '--json', '--admin', product.admin.url],
      ...['--token-file', join(product.state, 'admin-token')],
    ]);

  // A filter on the machine, and a client that waits for it to change.
  const first = await soap.watch(vm, 'config.flags.htSharing');
  const wait = (version: string) => soap.waitForUpdates(version, 30);
  let answered = false;
  const waiting = wait(first).finally(() => {
    answered = true;
  });

  // Nothing changed yet.
  const idle = await reload();
  expect([idle.code, JSON.parse(idle.stdout)]).toEqual([0, { changed: [], refused: [], pairs: 0 }]);

  // A sheet that does not give what its golden pairs say: refused, and the old one stays.
  edit(sheet, '<htSharing>any', '<htSharing>none');
  const refused = await reload();
  expect(refused.code, refused.stderr).toBe(1);
  expect(refused.stdout).toContain('golden pair');
  expect(await read()).toBe('any');
  expect(answered).toBe(false);

  // With its golden pairs it is taken; the poll that waited all the time hears of it, and the session is the same.
  edit(sheet, '<htSharing>none', '<htSharing>internal');
  for (const file of pairs) edit(file, '<htSharing>any', '<htSharing>internal');
  const taken = await reload();
  expect([taken.code, taken.stderr]).toEqual([0, '']);
  expect(JSON.parse(taken.stdout)).toMatchObject({ changed: ['mappings/vim25/from-generic/vm.xsl'], refused: [] });
  const told = await waiting;
  expect(told.fault).toBeUndefined();
  expect(told.text).toContain('internal');
  expect(await read()).toBe('internal');

  // What did not change is not told: a reload of the same text wakes nobody.
  const second = textIn(told.text, 'version') ?? '';
  const quiet = wait(second);
  edit(sheet, '</xsl:stylesheet>', '<!-- as before --></xsl:stylesheet>');
  expect((await reload()).code).toBe(0);
  expect(
    await Promise.race([quiet.then(() => 'told'), new Promise((resolve) => setTimeout(resolve, 1000, 'quiet'))]),
  ).toBe('quiet');
  expect(
    await soap.run('ReconfigVM_Task', 'VirtualMachine', vm, '<spec><annotation>after</annotation></spec>'),
  ).toBeUndefined();
  // A table: what a front says by itself, what the server's broker says and what a sheet is given, all from one file.
  const build = async (): Promise<readonly (string | undefined)[]> => [
    textIn((await soap.call('RetrieveServiceContent', 'ServiceInstance', 'ServiceInstance')).text, 'build'),
    (await soap.read('ServiceInstance', 'ServiceInstance', 'content.about.build')).get('content.about.build'),
    (await soap.read('HostSystem', 'ha-host', 'summary.config.product.build')).get('summary.config.product.build'),
  ];
  expect(await build()).toEqual(['14320388', '14320388', '14320388']);
  edit(join(copy.root, 'mappings/vim25/about.ts'), '14320388', '14320399');
  expect((await reload()).code).toBe(1);
  expect(await build()).toEqual(['14320388', '14320388', '14320388']);
  for (const folder of ['sim', 'libvirt'].map((platform) => join(copy.root, 'fixtures', platform, 'documents')))
    for (const file of readdirSync(folder).map((one) => join(folder, one)))
      if (readFileSync(file, 'utf8').includes('14320388')) edit(file, '14320388', '14320399');
  const tables = await reload();
  expect([tables.code, tables.stderr]).toEqual([0, '']);
  expect(await build()).toEqual(['14320399', '14320399', '14320399']);
  // Nor can a broken one be taken.
  edit(join(copy.root, 'mappings/vim25/about.ts'), '14320399', '14320399 +');
  expect((await reload()).code).toBe(1);
  expect(await build()).toEqual(['14320399', '14320399', '14320399']);
  expect(product.log()).not.toContain('"level":"error"');
  soap.close();
});
