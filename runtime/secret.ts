/** A text that will not print itself: string conversion, JSON, inspection and the log show only that there is one. */
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { inspect } from 'node:util';
import { LIMITS } from './limits.ts';

const HIDDEN = '[secret]';

export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  /** The only way to the text: its name is what a reviewer looks for. */
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return HIDDEN;
  }
  toJSON(): string {
    return HIDDEN;
  }
  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** First line of a file, without its line end; a larger file is no secret file and is refused. */
export const readSecretFile = (path: string): Secret => {
  const fd = openSync(path, 'r');
  try {
    if (fstatSync(fd).size > LIMITS.secretFileBytes) throw new Error(`${path} is too large for a secret`);
    const buffer = Buffer.alloc(LIMITS.secretFileBytes);
    const text = buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, null)).replace(/\r?\n[\s\S]*$/, '');
    if (text === '') throw new Error(`${path} holds no secret: its first line is empty`);
    return new Secret(text);
  } finally {
    closeSync(fd);
  }
};

/** Letters and digits without those that look alike; about 5.8 bits each. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

export const makeSecret = (length = 20): Secret => {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // Bytes past the last whole alphabet would favour its first letters.
      if (byte < 256 - (256 % ALPHABET.length) && text.length < length) text += ALPHABET[byte % ALPHABET.length];
    }
  }
  return new Secret(text);
};
