/** Completion as a shell does it: bash is asked what it would offer, for every command that there is. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary.ts';

const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
const has = (shell: string): boolean => {
  try {
    execFileSync(shell, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const run = (...args: string[]): string => execFileSync(PROGRAM, args, { encoding: 'utf8' });

/** Commands as --help lists them. */
const commandsOf = (...path: string[]): string[] =>
  [...(run(...path, '--help').split(/^Commands:$/m)[1] ?? '').matchAll(/^ {2}([a-z][\w-]*)/gm)].map(
    ([, name]) => name ?? '',
  );
const optionsOf = (...path: string[]): string[] =>
  [...run(...path, '--help').matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name ?? '');

describe.skipIf(!has('bash'))('bash', () => {
  let file: string;
  beforeAll(() => {
    file = join(temporaryFolder(), 'completion');
    writeFileSync(file, run('completion', 'bash'));
  });
  const offered = (...words: string[]): string[] =>
    execFileSync(
      'bash',
      [
        '-c',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _transvisor; printf "%s\\n" "${COMPREPLY[@]}"',
        '-',
        file,
        'transvisor',
        ...words,
      ],
      { encoding: 'utf8', cwd: temporaryFolder() },
    )
      .split('\n')
      .filter((word) => word !== '');

  it('offers every command, and every option of each', () => {
    const commands = commandsOf().filter((name) => name !== 'help');
    expect(commands.length).toBeGreaterThan(15);
    expect(offered('')).toEqual(expect.arrayContaining(commands));
    for (const command of ['up', 'status', 'support', 'check', 'user', 'sim'])
      expect([command, offered(command, '--')]).toEqual([command, expect.arrayContaining(optionsOf(command))]);
    expect(offered('user', '')).toEqual(expect.arrayContaining(['add', 'list', 'remove']));
    expect(offered('ca', 'issue', '--s')).toEqual(['--state', '--server']);
  });

  it('knows what a word may be, and leaves the rest to the user', () => {
    expect(offered('stat')).toEqual(['status']);
    expect(offered('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(offered('log-level', 'si')).toEqual(['silent']);
    expect(offered('status', '--admin', '')).toEqual([]);
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'backup.tar'), '');
    for (const words of [
      ['restore', `${folder}/b`],
      ['status', '--config', `${folder}/b`],
    ])
      expect(offered(...words)).toEqual([join(folder, 'backup.tar')]);
  });
});

it.each(['zsh', 'fish'])('%s reads its script', (shell) => {
  const script = run('completion', shell);
  for (const command of ['status', 'log-level', 'support']) expect(script).toContain(command);
  if (!has(shell)) return;
  const file = join(temporaryFolder(), 'completion');
  writeFileSync(file, script);
  execFileSync(shell, ['-n', file]);
});

it('every command has --json, and --help says the exit codes', () => {
  const words = [...run('completion', 'bash').matchAll(/^ {4}'( [^']+)'\) words='([^']*)'/gm)];
  expect(words.length).toBeGreaterThan(20);
  // Those do nothing but hold others.
  const groups = [' user', ' intercept', ' sim'];
  const without = words.filter(([, , offered = '']) => !offered.split(' ').includes('--json')).map(([, path]) => path);
  expect(without).toEqual(groups);
  expect(run('--help')).toMatch(/Exit codes:\n {2}0 /);
});
