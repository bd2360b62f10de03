/** Calls that the agent answers by itself: service content, clock, log-in and log-out. */
import type { Call, Reply } from '../generic/call.ts';
import { fault } from '../generic/faults.ts';
import type { SessionContext } from '../generic/platform.ts';
import { serviceContent } from './service-content.ts';
import { userSession } from './user-session.ts';

const value = (result: unknown): Reply => ({ kind: 'value', value: result });
const invalidLogin: Reply = { kind: 'fault', fault: fault('invalid-login', {}, '') };

const notSupported = (call: Call): Reply => ({
  kind: 'fault',
  fault: fault('not-supported', {}, `${call.method} is not supported`),
});

const text = (call: Call, name: string): string =>
  typeof call.args[name] === 'string' ? (call.args[name] as string) : '';

const logIn = async (call: Call, context: SessionContext): Promise<Reply> => {
  // A second log-in on one cookie is refused, whatever the password (seen: vCenter, vcsim).
  if (context.session) return invalidLogin;
  const session =
    call.method === 'Login'
      ? await context.login(text(call, 'userName'), text(call, 'password'), text(call, 'locale'))
      : await context.loginByTicket?.(text(call, 'cloneTicket'), '');
  return session ? value(userSession(session)) : invalidLogin;
};

export const answerSession = (call: Call, context: SessionContext): Promise<Reply> | Reply => {
  switch (call.method) {
    case 'CurrentTime':
      return value(new Date(context.nowMs).toISOString());
    case 'RetrieveServiceContent':
      return value(serviceContent(context.front));
    case 'Login':
    case 'CloneSession':
      return logIn(call, context);
    case 'AcquireCloneTicket':
      return context.cloneTicket?.().then(value) ?? notSupported(call);
    case 'Logout':
      return context.logout().then(() => value(undefined));
    default:
      return notSupported(call);
  }
};
