/** The manifest of XenAPI: a front with the personality of a pool of one host. */
import type { Platform } from '../generic/platform.ts';
import { commands } from './commands.ts';
import { front } from './http.ts';

export const xenapi: Platform = {
  name: 'xenapi',
  title: 'XenServer Management API (XenAPI)',
  commands,
  sheets: { toGeneric: {}, fromGeneric: {} },
  front,
};
