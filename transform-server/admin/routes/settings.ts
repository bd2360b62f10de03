/** The configuration as it is in use, without secrets, and the level of the logs, which may change while all runs. */
import { z } from 'zod';
import { LIMITS } from '../../../runtime/limits.ts';
import { LOG_LEVELS, type LogLevel } from '../../../runtime/log.ts';
import type { AgentApi } from '../../../runtime/protocol.ts';
import { safeCopy } from '../../../runtime/redaction.ts';
import type { Inspected } from '../parts.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const level = z.strictObject({ level: z.enum(LOG_LEVELS) });
const changed = level.extend({
  agents: z.array(
    z.strictObject({ agent: z.string(), why: z.string().optional().describe('Why its log stays as it is.') }),
  ),
});

/** The configuration in use, as it may leave this endpoint. */
const shownConfig = (config: object | undefined): Record<string, unknown> =>
  JSON.parse(
    JSON.stringify(safeCopy(config ?? {}, { left: LIMITS.configBytes }), (key, value: unknown) => {
      // Of an account, and of an address.
      if (key === 'hash') return '[secret]';
      return typeof value === 'string' ? value.replace(/(:\/\/[^/@\s:]*):[^/@\s]*@/g, '$1:[secret]@') : value;
    }),
  ) as Record<string, unknown>;

const tellAgents = (inspected: Inspected, wanted: LogLevel): Promise<z.input<typeof changed>['agents']> => {
  const agents = new Map<AgentApi, string>();
  for (const { hosts } of inspected.parts())
    for (const { agent, agentName } of hosts.list()) agents.set(agent, agentName);
  return Promise.all(
    [...agents].map(async ([api, agent]) => {
      try {
        await api.logLevel(wanted);
        return { agent };
      } catch (error) {
        return { agent, why: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
};

export const settingRoutes = ({ inspected, logLevel, config }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/config',
    access: 'operator',
    summary: 'The configuration in use; secrets stand as [secret].',
    tag: 'program',
    answer: z.record(z.string(), z.unknown()),
    act: () => shownConfig(config),
  }),
  route({
    method: 'GET',
    path: '/log',
    access: 'viewer',
    summary: 'The level of the server’s log.',
    tag: 'program',
    answer: level,
    act: () => ({ level: logLevel?.level ?? 'silent' }),
  }),
  route({
    method: 'PUT',
    path: '/log',
    access: 'administrator',
    summary: 'Change the level of the logs of the server and of the agents that are here, until each ends.',
    tag: 'program',
    body: level,
    answer: changed,
    problems: { 501: 'This program writes no log.' },
    act: async ({ body }) => {
      if (logLevel === undefined) throw new Problem(501, 'this program writes no log');
      logLevel.level = body.level;
      return { level: logLevel.level, agents: await tellAgents(inspected, body.level) };
    },
  }),
];
