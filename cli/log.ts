/** `transvisor log-level`: the level of a running server's log and of its agents' in, the same changed out. */
import { z } from 'zod';
import { type AdminFlags, askAdmin } from './admin-client.ts';
import { Unavailable } from './exit-codes.ts';

const shape = z.object({
  level: z.string(),
  agents: z.array(z.object({ agent: z.string(), why: z.string().optional() })).default([]),
});

export const logLevel = async (
  level: string | undefined,
  flags: AdminFlags,
): Promise<{ json: unknown; text: string; well: boolean }> => {
  const path = '/api/v1/log';
  const { status, body } =
    level === undefined ? await askAdmin(flags, path) : await askAdmin(flags, path, 'PUT', { level });
  if (status !== 200) throw new Unavailable(`the server does not change its log: it answered with status ${status}`);
  const told = shape.parse(body);
  const agents = told.agents.map(({ agent, why }) =>
    why === undefined ? `agent ${agent}: ${told.level}\n` : `agent ${agent}: as before: ${why}\n`,
  );
  return {
    json: told,
    text: `server: ${told.level}\n${agents.join('')}`,
    well: told.agents.every(({ why }) => why === undefined),
  };
};
