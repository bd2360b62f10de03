/** Seeds in, a UUID out for what nobody gave one: the same seeds always give the same, so a plan made twice names the same object. */
import { createHash } from 'node:crypto';

export const uuidFrom = (...seeds: readonly string[]): string => {
  const bytes = createHash('sha256').update(seeds.join('\u0000')).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};
