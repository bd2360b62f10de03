/** The hub's sessions in; SessionManager and UserSession out. */
import type { Call, Reply, Session } from '../../generic/call.ts';
import { fault } from '../../generic/faults.ts';
import { FURNITURE as F, sameRef } from '../ids.ts';
import { userSession } from '../user-session.ts';
import { furnish } from './registry.ts';
import { refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { invalidArgument } from './select.ts';

const LOCALES = ['en', 'en_US'];

/** Others' sessions are an administrator's business. */
const visible = ({ context }: Scope): readonly Session[] => {
  const all = context.sessions.list(context.front.name);
  return context.session.role === 'administrator' ? all : all.filter(({ id }) => id === context.session.id);
};

export function terminateSession(scope: Scope, call: Call): Reply {
  const { context } = scope;
  const keys = (call.args['sessionId'] as readonly string[] | undefined) ?? [];
  const all = context.sessions.list(context.front.name);
  const found: Session[] = [];
  for (const key of keys) {
    const session = all.find((each) => each.key === key);
    if (!session) return refuse(fault('not-found', {}, ''));
    // The API refuses to end the session that asks.
    if (session.id === context.session.id) return refuse(invalidArgument('sessionId'));
    found.push(session);
  }
  for (const { id } of found) context.sessions.terminate(id);
  return value(undefined);
}

/** ESXi has no such service: it tells clients to read currentSession. */
export function sessionIsActive(): Reply {
  return refuse(fault('not-implemented', {}, ''));
}

export function setLocale(_scope: Scope, call: Call): Reply {
  return LOCALES.includes(String(call.args['locale'])) ? value(undefined) : refuse(invalidArgument('locale'));
}

export const furnishSessions = (): void =>
  furnish('SessionManager', (scope, ref) =>
    sameRef(ref, F.sessionManager)
      ? {
          values: {
            sessionList: () => visible(scope).map(userSession),
            currentSession: () => userSession(scope.context.session),
            message: () => '',
            messageLocaleList: () => LOCALES,
            supportedLocaleList: () => LOCALES,
            defaultLocale: () => 'en_US',
          },
        }
      : undefined,
  );
