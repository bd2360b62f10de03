/** Results of the matrix in; the table of the README out, between its two marks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const README = fileURLToPath(new URL('../../../README.md', import.meta.url));
const BEGIN = '<!-- matrix: written by test/peers/matrix.test.ts -->';
const END = '<!-- end of matrix -->';

/** How many of a cell's steps passed. */
export type Cell = { readonly passed: number; readonly steps: number };

export const matrixTable = (
  clients: readonly string[],
  hosts: readonly string[],
  cell: (client: string, host: string) => Cell | undefined,
): string => {
  const row = (words: readonly string[]): string => `| ${words.join(' | ')} |`;
  const text = (found: Cell | undefined): string =>
    found === undefined ? 'not run' : `${found.passed === found.steps ? '✓' : '✗'} ${found.passed}/${found.steps}`;
  return [
    row(['client \\ host', ...hosts]),
    row(['---', ...hosts.map(() => '---')]),
    ...clients.map((client) => row([client, ...hosts.map((host) => text(cell(client, host)))])),
  ].join('\n');
};

const parts = (): readonly [before: string, table: string, after: string] => {
  const text = readFileSync(README, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('README.md has no marks for the matrix');
  return [text.slice(0, begin + BEGIN.length), text.slice(begin + BEGIN.length, end).trim(), text.slice(end)];
};

export const writtenTable = (): string => parts()[1];
export const writeTable = (table: string): void => {
  const [before, , after] = parts();
  writeFileSync(README, `${before}\n${table}\n${after}`);
};
