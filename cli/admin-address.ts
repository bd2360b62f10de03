/** Where the admin endpoint of a configuration is, and the token that opens it. */
import { join } from 'node:path';
import type { Config } from '../runtime/config.ts';
import { formatHostPort } from '../runtime/host-port.ts';

type WithState = Config & { readonly state: string };

export const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** Loopback alone is safe without. */
export const hasTls = ({ admin }: Config): boolean => admin.tls ?? !LOOPBACK.has(admin.listen);

export const adminUrl = (config: Config): string =>
  `${hasTls(config) ? 'https' : 'http'}://${formatHostPort({ host: config.admin.listen, port: config.admin.port })}`;

export const adminTokenPath = ({ admin, state }: WithState): string => admin.tokenFile ?? join(state, 'admin-token');
