/** The configuration as it is in use, without secrets, and the level of the log, which may change while all runs. */
import { z } from 'zod';
import { LOG_LEVELS, type LogLevel } from '../../../runtime/log.ts';
import { safeCopy } from '../../../runtime/redaction.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const level = z.strictObject({ level: z.enum(LOG_LEVELS as [string, ...string[]]) });
const ROOM = 1024 * 1024;

export const settingRoutes = ({ logLevel, config }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/config',
    access: 'operator',
    summary: 'The configuration in use; secrets stand as [secret].',
    tag: 'program',
    answer: z.record(z.string(), z.unknown()),
    act: () => safeCopy(config ?? {}, { left: ROOM }) as Record<string, unknown>,
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
    summary: 'Change the level of the server’s log until it ends.',
    tag: 'program',
    body: level,
    answer: level,
    act: ({ body }) => {
      if (logLevel === undefined) throw new Problem(501, 'this program writes no log');
      logLevel.level = body.level as LogLevel;
      return { level: logLevel.level };
    },
  }),
];
