/** The list of revoked certificates: text of one serial number a line in, the set of them out; lines that cannot be read are told, not skipped silently. */
import { join } from 'node:path';

export const revokedPath = (state: string): string => join(state, 'link-revoked');

/** However a tool writes a serial number: hexadecimal digits in capitals, without colons and leading zeros. */
export const serialOf = (text: string): string => text.replaceAll(':', '').toUpperCase().replace(/^0+/, '');

export interface Revoked {
  readonly serials: ReadonlySet<string>;
  /** Numbers of the lines that are no serial number. */
  readonly unread: readonly number[];
}

export const parseRevoked = (text: string): Revoked => {
  const serials = new Set<string>();
  const unread: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const word = line.replace(/#.*$/, '').trim();
    if (word === '') continue;
    if (/^[0-9A-Fa-f:]{1,64}$/.test(word)) serials.add(serialOf(word));
    else unread.push(index + 1);
  }
  return { serials, unread };
};
