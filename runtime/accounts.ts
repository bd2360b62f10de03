/** Accounts: name, role and scrypt hash in; a yes or no to a password out. Passwords never leave this program. */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Role } from '../mappings/generic/call.ts';
import { LIMITS } from './limits.ts';

export const ROLES: readonly Role[] = ['administrator', 'operator', 'read-only'];

export interface Account {
  readonly name: string;
  readonly role: Role;
  readonly fullName: string;
  /** `scrypt$<log2 N>$<r>$<p>$<salt>$<key>`, the last two in base64url. */
  readonly hash: string;
}

const COST = { logN: 15, r: 8, p: 1 } as const;
const KEY_BYTES = 32;

const derive = (password: string, salt: Buffer, logN: number, r: number, p: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const N = 2 ** logN;
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });

export const hashPassword = async (password: string): Promise<string> => {
  if (password === '') throw new Error('an empty password is no password');
  if (Buffer.byteLength(password) > LIMITS.passwordBytes) throw new Error('the password is too long');
  const salt = randomBytes(16);
  const key = await derive(password, salt, COST.logN, COST.r, COST.p);
  return ['scrypt', COST.logN, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$');
};

const HASH = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]{16,64})\$([A-Za-z0-9_-]{43})$/;

interface HashParts {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** undefined: not a hash we could have written, or one whose cost would stop the program. */
export const parseHash = (text: string): HashParts | undefined => {
  const found = HASH.exec(text);
  if (found === null) return undefined;
  const [logN, r, p] = [Number(found[1]), Number(found[2]), Number(found[3])];
  if (logN < 10 || logN > 20 || r < 1 || r > 16 || p < 1 || p > 8) return undefined;
  return { logN, r, p, salt: Buffer.from(found[4] ?? '', 'base64url'), key: Buffer.from(found[5] ?? '', 'base64url') };
};

export interface Accounts {
  readonly names: readonly string[];
  /** The account when the password is right. Takes as long for a name that does not exist. */
  check(name: string, password: string): Promise<Account | undefined>;
}

const REMEMBER_MS = 10 * 60_000;
const REMEMBERED = 1000;

export const createAccounts = (list: readonly Account[], now: () => number = Date.now): Accounts => {
  const byName = new Map<string, { account: Account; hash: HashParts }>();
  for (const account of list) {
    const hash = parseHash(account.hash);
    if (hash === undefined) throw new Error(`the password hash of account ${account.name} is not readable`);
    if (byName.has(account.name)) throw new Error(`two accounts have the name ${account.name}`);
    byName.set(account.name, { account, hash });
  }
  const nobody: HashParts = { ...COST, salt: randomBytes(16), key: randomBytes(KEY_BYTES) };
  // Clients of a command line log in for every command: a right password is recognised for a while by a digest under a key of this process.
  const secret = randomBytes(32);
  const remembered = new Map<string, number>();
  const digest = (name: string, password: string): string =>
    createHmac('sha256', secret).update(`${name.length}:${name}`).update(password).digest('base64');
  return {
    names: [...byName.keys()],
    check: async (name, password) => {
      if (Buffer.byteLength(name) > LIMITS.userNameBytes || Buffer.byteLength(password) > LIMITS.passwordBytes)
        return undefined;
      const entry = byName.get(name);
      const mark = digest(name, password);
      const knownMs = remembered.get(mark);
      if (entry !== undefined && knownMs !== undefined && now() - knownMs < REMEMBER_MS) return entry.account;
      const { logN, r, p, salt, key } = entry?.hash ?? nobody;
      const right = timingSafeEqual(await derive(password, salt, logN, r, p), key);
      if (!right || entry === undefined) return undefined;
      if (remembered.size >= REMEMBERED) remembered.clear();
      remembered.set(mark, now());
      return entry.account;
    },
  };
};
