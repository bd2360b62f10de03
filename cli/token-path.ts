/** Where the token of the admin endpoint lies. */
import { join } from 'node:path';
import type { Config } from '../runtime/config.ts';

export const adminTokenPath = (config: Config & { readonly state: string }): string =>
  config.admin.tokenFile ?? join(config.state, 'admin-token');
