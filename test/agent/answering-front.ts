/** A front that takes every request for a call, and routers that answer it with a text: for tests of what comes before a front. */
import type { Client } from '../../agent/client.ts';
import type { ServedFront } from '../../agent/front.ts';
import type { Router } from '../../agent/router.ts';
import type { Decoded } from '../../mappings/generic/platform.ts';

export const answeringFront = {
  instance: { name: 'front' },
  front: {
    maxBodyBytes: 100_000,
    isStream: () => false,
    decode: (): Decoded => ({
      kind: 'call',
      call: { method: 'm', target: { type: '', id: '' }, args: {}, version: '', operation: '' },
    }),
  },
} as unknown as ServedFront;

/** Paths that begin with the API's name are its own. */
export const claiming = (name: string, api: string): ServedFront => ({
  ...answeringFront,
  instance: { ...answeringFront.instance, name },
  front: { ...answeringFront.front, claims: ({ path }) => path.startsWith(`/${api}`) },
});

/** `text` may depend on the client and the front. */
export const answering = (
  text: string | ((client: Client, front: ServedFront) => string),
  until?: Promise<void>,
): Router =>
  ({
    follow: () => undefined,
    call: async (front: ServedFront, _call: unknown, client: Client) => {
      await until;
      client.answer({ status: 200, headers: {}, body: typeof text === 'string' ? text : text(client, front) });
    },
  }) as unknown as Router;
