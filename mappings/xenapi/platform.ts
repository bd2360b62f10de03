/** The manifest of XenAPI: a front with the personality of a pool of one host. */
import { fault, refused } from '../generic/faults.ts';
import type { Platform } from '../generic/platform.ts';
import { commands } from './commands.ts';
import { front } from './http.ts';
import { renderSide, sheets } from './render/render-side.ts';

export const xenapi: Platform = {
  name: 'xenapi',
  title: 'XenServer Management API (XenAPI)',
  commands,
  sheets,
  front,
  render: renderSide,
  broker: {
    // biome-ignore lint/correctness/useYield: reads and writes are not there yet, and say so
    *call(call) {
      return { kind: 'fault', fault: fault('not-supported', {}, `${call.method} is not served yet`) };
    },
    // biome-ignore lint/correctness/useYield: neither are transfers
    *stream() {
      return refused(fault('not-supported', {}, 'transfers are not served yet'));
    },
  },
};
