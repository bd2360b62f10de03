/** The matrix's acts through a Node program beside this file that holds npm's unmodified xen-api. */
import { fileURLToPath } from 'node:url';
import { openActs } from '../act-program.ts';
import type { Endpoint } from '../clients.ts';
import { actMatrix } from './client-acts.ts';
import type { MatrixClient } from './contract.ts';

const PROGRAM = fileURLToPath(new URL('xen-api.mjs', import.meta.url));
const FOLDER = fileURLToPath(new URL('../../../.cache/xen-api', import.meta.url));

export const xenApiMatrix = ({ url, user, password }: Endpoint): MatrixClient =>
  actMatrix(openActs(process.execPath, [PROGRAM, FOLDER, new URL(url).origin, user, password, 'auto']));
