/** Rows of drills in, a table for people out. */
import type { Result } from './row.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export const tableOf = (results: readonly Result[]): string =>
  [
    '| drill | what happened | promised | seen | kept |',
    '|---|---|---|---|---|',
    ...results.map(({ row, seen, broken }) => {
      const kept =
        broken.length === 0
          ? 'yes'
          : `**no**: ${broken[0]}${broken.length > 1 ? ` and ${broken.length - 1} more` : ''}`;
      return `| ${[row.name, row.fault, row.promised, seen, kept].map(cell).join(' | ')} |`;
    }),
  ].join('\n');
