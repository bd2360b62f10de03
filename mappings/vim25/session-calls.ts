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

export const answerSession = async (call: Call, context: SessionContext): Promise<Reply> => {
  switch (call.method) {
    case 'CurrentTime':
      return value(new Date(context.nowMs).toISOString());
    case 'RetrieveServiceContent':
      return value(serviceContent(context.front));
    case 'Login': {
      // A second log-in on one cookie is refused, whatever the password (seen: vCenter, vcsim).
      if (context.session) return invalidLogin;
      const session = await context.login(text(call, 'userName'), text(call, 'password'), text(call, 'locale'));
      return session ? value(userSession(session)) : invalidLogin;
    }
    case 'AcquireCloneTicket':
      return context.cloneTicket ? value(await context.cloneTicket()) : notSupported(call);
    case 'CloneSession': {
      if (context.session) return invalidLogin;
      const session = await context.loginByTicket?.(text(call, 'cloneTicket'), '');
      return session ? value(userSession(session)) : invalidLogin;
    }
    case 'Logout':
      await context.logout();
      return value(undefined);
    default:
      return notSupported(call);
  }
};
