/** The accounts file of a state directory: JSON in, accounts out; and back, replaced in one step and readable by its owner only. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Account, parseHash } from './accounts.ts';
import { LIMITS } from './limits.ts';
import { makeFolder, replaceFile } from './replace-file.ts';

export const accountName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\x00-\x1f\x7f/:"<>]+$/, 'a name without control characters and without / : " < >');

export const accountShape = z.strictObject({
  name: accountName,
  role: z.enum(['administrator', 'operator', 'read-only']),
  fullName: z.string().max(256).default(''),
  hash: z.string().refine((text) => parseHash(text) !== undefined, 'not a hash made by `transvisor user add`'),
});

const fileShape = z.strictObject({ accounts: z.array(accountShape).max(LIMITS.accounts) });

export const accountsPath = (state: string): string => join(state, 'accounts.json');

/** The error of the parser shows what it stumbled over, and that may be a hash. */
const jsonOf = (text: string, path: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} is no JSON`);
  }
};

export const readAccounts = (state: string): Account[] => {
  const path = accountsPath(state);
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  const parsed = fileShape.safeParse(jsonOf(text, path));
  if (!parsed.success) throw new Error(`${path}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}`);
  return parsed.data.accounts;
};

export const writeAccounts = (state: string, accounts: readonly Account[]): void => {
  makeFolder(state);
  replaceFile(accountsPath(state), `${JSON.stringify({ accounts }, undefined, 2)}\n`, 0o600);
};
