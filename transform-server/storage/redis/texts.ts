/** A connection in, the texts that all servers go by out: each change only upon the newest state. */
import type { SharedTexts } from '../cell-contract.ts';
import type { Connection } from './connection.ts';
import { READ_TEXTS, TEXTS_VERSION, textKeys, WRITE_TEXT } from './scripts.ts';

export const openTexts = (connection: Connection, prefix: string): SharedTexts => {
  const keys = textKeys(prefix);
  return {
    version: async () => Number((await connection.run(TEXTS_VERSION, keys, [])).rest[0]),
    read: async () => {
      const [version, ...all] = (await connection.run(READ_TEXTS, keys, [])).rest.map(String);
      const texts = new Map<string, string>();
      for (let at = 0; at < all.length; at += 2) if (all[at] !== '') texts.set(all[at] ?? '', all[at + 1] ?? '');
      return { version: Number(version), texts };
    },
    write: async (version, name, text) => {
      const values = [version, name, ...(text === undefined ? [] : [text])];
      return (await connection.run(WRITE_TEXT, keys, values, true)).word === 'written';
    },
  };
};
