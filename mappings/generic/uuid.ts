/** Seeds or dice in, UUIDs out for what nobody gave one. */
import { createHash } from 'node:crypto';
import type { BrokerContext } from './platform.ts';

const parted = (bytes: Uint8Array, version: number): string => {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
};

/** The same seeds always give the same: a plan made twice names the same object. */
export const uuidFrom = (...seeds: readonly string[]): string =>
  parted(createHash('sha256').update(seeds.join('\u0000')).digest().subarray(0, 16), 5);

/** RFC 9562, version 4. */
export const randomUuid = ({ random }: Pick<BrokerContext, 'random'>): string => parted(Buffer.from(random(16)), 4);
