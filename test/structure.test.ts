/** Runs the rules of the house over every file of the tree, and shows on a bad sample that each rule can fail. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  fileLength,
  fileNames,
  headerSentence,
  importArrows,
  importsOf,
  noMachinePaths,
  noPlatformWords,
  platformFolder,
  pureMappings,
  type Rule,
  readmeLength,
  type SourceFile,
  sheetLint,
  topFolders,
} from './structure-rules.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BINARY = /\.(png|bin|gz|zip|ppm|wasm|iso|img|qcow2)$/;

/** What git knows or would add: an ignored file is no part of the project. */
const paths = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT })
  .toString('utf8')
  .split('\0')
  .filter((path) => path !== '' && existsSync(`${ROOT}/${path}`));

const files: readonly SourceFile[] = paths
  .filter((path) => !BINARY.test(path) && path !== 'package-lock.json')
  .map((path) => ({ path, text: readFileSync(`${ROOT}/${path}`, 'utf8') }));

const sample = (path: string, text: string): SourceFile => ({ path, text });

type Row = readonly [says: string, rule: Rule, bad: readonly SourceFile[], good: readonly SourceFile[]];

const lines = (count: number): string => '// a line\n'.repeat(count);

const RULES: readonly Row[] = [
  [
    'imports follow the arrows',
    importArrows,
    [
      sample('agent/listener.ts', "import { x } from '../transform-server/store.ts';"),
      sample('agent/listener.ts', "import { x } from '../mappings/vim25/front.ts';"),
      sample('agent/listener.ts', "const x = await import('../mappings/wire/xml.ts');"),
      sample('transform-server/jobs/journal.ts', "export { x } from '../../agent/queue.ts';"),
      sample('runtime/log.ts', "import '../agent/queue.ts';"),
      sample('mappings/vim25/front.ts', "import type { X } from '../libvirt/ids.ts';"),
      sample('mappings/wire/xml.ts', "import { X } from '../vim25/types.ts';"),
      sample('mappings/generic/vm.ts', "import { X } from '../../runtime/log.ts';"),
      sample('mappings/vim25/broker/views.ts', "import { X } from '../../platforms.ts';"),
      sample('mappings/platforms.ts', "import { X } from './vim25/front.ts';"),
    ],
    [
      sample('agent/listener.ts', "import { x } from '../runtime/log.ts'; import y from '../mappings/platforms.ts';"),
      sample('mappings/vim25/broker/views.ts', "import { X } from '../types.ts'; import z from '../../wire/xml.ts';"),
      sample('mappings/platforms.ts', "const load = () => import('./vim25/platform.ts');"),
      sample('cli/up.ts', "import { x } from '../agent/a.ts'; import { y } from '../transform-server/b.ts';"),
      sample('runtime/log.ts', "// import '../agent/queue.ts'\nimport { readFileSync } from 'node:fs';"),
    ],
  ],
  [
    'mappings are pure: no input, output, clock or dice',
    pureMappings,
    [
      sample('mappings/vim25/front.ts', "import { readFileSync } from 'node:fs';"),
      sample('mappings/wire/http.ts', "import { request } from 'undici';"),
      sample('mappings/libvirt/driver.ts', 'const now = Date.now();'),
      sample('mappings/libvirt/driver.ts', 'setTimeout(() => {}, 5);'),
    ],
    [sample('mappings/vim25/front.ts', '// Date.now() is a parameter here\nconst at = new Date(nowMs);')],
  ],
  [
    'file names are kebab-case nouns',
    fileNames,
    [sample('agent/writeQueue.ts', ''), sample('runtime/utils.ts', ''), sample('agent/common/queue.ts', '')],
    [sample('agent/write-queue.ts', ''), sample('mappings/COVERAGE.md', ''), sample('test/store.test.ts', '')],
  ],
  [
    'no platform is named outside its folder',
    noPlatformWords,
    [
      sample('agent/listener.ts', "if (front === 'vim25') return 1;"),
      sample('transform-server/store/x.ts', '// as LIBVIRT does'),
      sample('mappings/generic/vm.ts', 'const toVim25 = 1, x = "ec2";'),
    ],
    [
      sample('agent/listener.ts', '// a hypervisor\nconst front = platform.name, spec2 = 1;'),
      sample('cli/up.ts', "'vim25'"),
      sample('mappings/generic/vm.ts', '/** For example a MoRef of vim25. */'),
    ],
  ],
  [
    'files stay small',
    fileLength,
    [sample('agent/listener.ts', lines(401))],
    [sample('agent/listener.ts', lines(400)), sample('mappings/vim25/types.ts', lines(4000))],
  ],
  [
    'no path of one machine',
    noMachinePaths,
    [
      sample('README.md', `see /wor${'k'}/main/x`),
      sample('agent/a.ts', `// ../share${'d'}/DESIGN.md`),
      sample('scripts/test', `cat /tmp/tea${'m'}/x`),
    ],
    [sample('README.md', 'the network/workload, framework/x')],
  ],
  [
    'READMEs of folders have at most 60 lines',
    readmeLength,
    [sample('agent/README.md', 'x\n'.repeat(61)), sample('mappings/vim25/README.md', 'x\n'.repeat(61))],
    [sample('agent/README.md', 'x\n'.repeat(60)), sample('README.md', 'x\n'.repeat(200))],
  ],
  [
    'sheets keep to the part of XSLT on which both engines agree',
    sheetLint,
    [
      sample('mappings/libvirt/to-generic/vm.xsl', '<xsl:value-of select="memory * 1024"/>'),
      sample('mappings/libvirt/to-generic/vm.xsl', '<xsl:value-of select="memory div 1024"/>'),
      sample('mappings/libvirt/to-generic/vm.xsl', "<xsl:if test='sum(disk) > 1'/>"),
      sample('mappings/libvirt/to-generic/vm.xsl', '<xsl:if test="position() = 1"/>'),
      sample('mappings/libvirt/to-generic/vm.xsl', `<xsl:apply-templates select="key('disk', @id)"/>`),
      sample('mappings/libvirt/to-generic/vm.xsl', '<a b="{memory div 2}"/>'),
    ],
    [
      sample('mappings/libvirt/to-generic/vm.xsl', '<xsl:apply-templates select="*|@*"/><x test="*[@div]"/>'),
      sample('mappings/libvirt/to-generic/vm.xsl', `<xsl:if test="@type = 'div' or name(*) = 'key('"/>`),
      sample('mappings/libvirt/to-generic/vm.xsl', '<!-- select="a div b" --><a divide="sum(x)"/>'),
    ],
  ],
  [
    'every code file begins with a sentence that says what it is',
    headerSentence,
    [sample('agent/a.ts', "import { x } from './x.ts';\n/** later */")],
    [
      sample('agent/a.ts', '/** Takes bytes, gives messages. */\n'),
      sample('cli/main.ts', '#!/usr/bin/env node\n// x\n'),
    ],
  ],
];

describe.each(RULES)('%s', (_says, rule, bad, good) => {
  test('in every file of the tree', () => {
    expect(files.flatMap((file) => [...rule(file)])).toEqual([]);
  });
  test.each(bad.map((file) => [file.path, JSON.stringify(file.text.slice(0, 60)), file] as const))(
    'complains about %s: %s',
    (_p, _t, file) => {
      expect(rule(file)).not.toEqual([]);
    },
  );
  test.each(good.map((file) => [file.path, JSON.stringify(file.text.slice(0, 60)), file] as const))(
    'accepts %s: %s',
    (_p, _t, file) => {
      expect(rule(file)).toEqual([]);
    },
  );
});

describe('platform folders', () => {
  const platforms = [
    ...new Set(
      paths
        .filter((path) => /^mappings\/[^/]+\//.test(path))
        .map((path) => path.split('/')[1] ?? '')
        .filter((name) => name !== 'generic' && name !== 'wire'),
    ),
  ];
  test('there are some', () => {
    expect(platforms).not.toEqual([]);
  });
  test.each(platforms)('%s has the known file names', (platform) => {
    expect(platformFolder(platform, files)).toEqual([]);
  });
  test('an unexplained file or a missing manifest is found', () => {
    const readme = sample('mappings/x/README.md', 'explains devices/');
    const manifest = sample('mappings/x/platform.ts', '');
    expect(platformFolder('x', [readme])).toHaveLength(1);
    expect(platformFolder('x', [readme, manifest, sample('mappings/x/odd.ts', '')])).toHaveLength(1);
    expect(platformFolder('x', [readme, manifest, sample('mappings/x/devices/disk.ts', '')])).toEqual([]);
  });
});

describe('the tree', () => {
  test('has no top folder outside the design', () => {
    expect(topFolders(paths)).toEqual([]);
    expect(topFolders(['src/index.ts'])).toHaveLength(1);
  });
  test('has a README in each top folder', () => {
    const folders = ['mappings', 'agent', 'transform-server', 'runtime', 'cli', 'fixtures', 'test'];
    expect(folders.filter((folder) => !paths.includes(`${folder}/README.md`))).toEqual([]);
  });
  test('the scanner of imports sees every form, and no comment', () => {
    const text = `import a from 'a';\nimport type { b } from "b";\nexport * from 'c';\nimport 'd';\nawait import('e');\n// from 'f'\n/* import 'g' */\nnew URL('./h.ts', import.meta.url)`;
    expect([...importsOf(text)].sort()).toEqual(['./h.ts', 'a', 'b', 'c', 'd', 'e']);
  });
});
