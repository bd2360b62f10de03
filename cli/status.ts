/** `transvisor status`: the server's own view of its hosts, and whether all is well. */
import { z } from 'zod';
import { type AdminFlags, askAdmin } from './admin-client.ts';

const healthShape = z.object({
  ok: z.boolean(),
  hosts: z.array(z.object({ name: z.string(), connected: z.boolean(), listed: z.boolean() })),
});

export const status = async (flags: AdminFlags): Promise<{ json: unknown; text: string; well: boolean }> => {
  const { body } = await askAdmin(flags, '/healthz');
  const health = healthShape.parse(body);
  const well = health.ok && health.hosts.every((host) => host.connected && host.listed);
  const rows = health.hosts.map(
    (host) => `host ${host.name}: ${host.connected ? 'connected' : 'away'}${host.listed ? '' : ', not listed yet'}\n`,
  );
  return { json: { ...health, well }, text: `${well ? 'all is well' : 'something is wrong'}\n${rows.join('')}`, well };
};
