/** A request's text in, bytes that no writer of its format would send out. */
import type { Dice } from './dice.ts';

const BENDS = ['flip', 'cut', 'insert', 'delete', 'double', 'control', 'utf-16'] as const;
type ByteBend = (typeof BENDS)[number] | 'batch';

const CONTROL = '\u0000\u0001\u0008\ufffe\uffff';
/** Not UTF-8. */
const STRAY: readonly number[][] = [
  [0xff, 0xfe],
  [0xc3, 0x28],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0x80],
  [0xc0, 0xaf],
];

/** `more`: what only some formats can be bent to. */
export const bendBytes = (text: string, dice: Dice, more: readonly 'batch'[] = []): Buffer => {
  const bytes = Buffer.from(text);
  const at = dice.below(bytes.length);
  const bend: ByteBend = dice.pick([...BENDS, ...more]);
  switch (bend) {
    case 'flip':
      for (let count = 1 + dice.below(4); count > 0; count--) {
        const place = dice.below(bytes.length);
        bytes[place] = (bytes[place] ?? 0) ^ (1 << dice.below(8));
      }
      return bytes;
    case 'cut':
      return bytes.subarray(0, at);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(dice.pick(STRAY)), bytes.subarray(at)]);
    case 'delete':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + dice.below(40))]);
    case 'double':
      return Buffer.concat([bytes, bytes]);
    case 'control':
      return Buffer.from(text.slice(0, at) + dice.pick([...CONTROL]) + text.slice(at));
    case 'utf-16':
      return Buffer.from(`\ufeff${text}`, 'utf16le');
    case 'batch':
      return Buffer.from(`[${text},${text}]`);
    default:
      return bend satisfies never;
  }
};
