// Reads the `.hex` recordings: commented text in, frames with their procedure's name and kind out.
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../../../fixtures/libvirt/recordings/', import.meta.url);

export type Recorded = {
  readonly file: string;
  readonly name: string;
  readonly kind: string;
  readonly toServer: boolean;
  readonly bytes: Buffer;
};

const parseHex = (file: string, text: string): Recorded[] =>
  text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      const title = /^(?<kind>.*) \((?<from>client|server) to (client|server)\)$/.exec(part.slice(0, end))?.groups;
      if (!title) throw new Error(`${file}: no title in "${part.slice(0, 60)}"`);
      const hex = part
        .slice(end)
        .split('\n')
        .map((line) => line.replace(/#.*$/, '').replace(/\s+/g, ''))
        .join('');
      if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Error(`${file}: not hexadecimal`);
      return {
        file,
        name: file
          .replace(/\.hex$/, '')
          .replaceAll('-', '_')
          .toUpperCase(),
        kind: title['kind'] ?? '',
        toServer: title['from'] === 'client',
        bytes: Buffer.from(hex, 'hex'),
      };
    });

export const recordings = (): Recorded[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.hex'))
    .sort()
    .flatMap((file) => parseHex(file, readFileSync(new URL(file, FOLDER), 'utf8')));
