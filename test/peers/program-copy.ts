/** A copy of the program whose files a test may change: the folders that run it, the packages shared. */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PARTS = [
  ...['agent', 'cli', 'fixtures', 'mappings', 'runtime', 'transform-server', 'scripts'],
  ...['transvisor', 'package.json', 'package-lock.json'],
];

export type ProgramCopy = Disposable & {
  readonly root: string;
  /** Its command line. */
  readonly program: string;
};

export const copyProgram = (): ProgramCopy => {
  const root = mkdtempSync(join(tmpdir(), 'tvc-'));
  for (const part of PARTS) cpSync(join(ROOT, part), join(root, part), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return {
    root,
    program: join(root, 'transvisor'),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
};
