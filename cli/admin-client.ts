/** The admin endpoint seen from a command: a path in, checked JSON out. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { Agent, fetch, type Response } from 'undici';
import { readSecretFile } from '../runtime/secret.ts';
import { adminTokenPath, adminUrl } from './admin-address.ts';
import { Unavailable } from './exit-codes.ts';
import { configOf, type Flags } from './flags.ts';

const LIMIT_MS = 10_000;

export type AdminFlags = Flags & { readonly admin?: string; readonly tokenFile?: string };

/** The installation's own authority vouches for the endpoint, or any that the system trusts. */
const trusting = (state: string): Agent => {
  const own = join(state, 'tls', 'ca.crt');
  return new Agent({ connect: { ca: [...rootCertificates, ...(existsSync(own) ? [readFileSync(own, 'utf8')] : [])] } });
};

/** The answer as it comes, for what is no JSON. */
export const askAdminRaw = async (
  flags: AdminFlags,
  path: string,
  method: 'GET' | 'POST' | 'PUT' = 'GET',
  limitMs = LIMIT_MS,
  body?: unknown,
): Promise<Response> => {
  const config = configOf({
    ...(flags.state === undefined ? {} : { state: flags.state }),
    ...(flags.config === undefined ? {} : { config: flags.config }),
  });
  const base = flags.admin ?? adminUrl(config);
  const tokenPath = flags.tokenFile ?? adminTokenPath(config);
  if (!existsSync(tokenPath))
    throw new Unavailable(
      `${tokenPath}: no such file; name the token with --token-file, or the state directory with --state`,
    );
  let response: Response;
  try {
    response = await fetch(new URL(path, base), {
      method,
      headers: {
        authorization: `Bearer ${readSecretFile(tokenPath).reveal()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(limitMs),
      ...(base.startsWith('https:') ? { dispatcher: trusting(config.state) } : {}),
    });
  } catch (error) {
    throw new Unavailable(
      error instanceof DOMException && error.name === 'TimeoutError'
        ? `the admin endpoint at ${base} gave no answer within ${limitMs / 1000} s`
        : `no admin endpoint answers at ${base}; is the server running? (--admin names another)`,
    );
  }
  if (response.status === 401) throw new Unavailable(`the admin endpoint at ${base} refused the token in ${tokenPath}`);
  return response;
};

export const askAdmin = async (
  flags: AdminFlags,
  path: string,
  method: 'GET' | 'POST' | 'PUT' = 'GET',
  body?: unknown,
  limitMs = LIMIT_MS,
): Promise<{ status: number; body: unknown }> => {
  const response = await askAdminRaw(flags, path, method, limitMs, body);
  return { status: response.status, body: await response.json() };
};
