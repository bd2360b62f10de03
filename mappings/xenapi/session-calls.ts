/** Calls that the agent answers by itself: log-in and log-out, the list of methods, facts of the session. */
import { allows, type Call, type Reply, type Session } from '../generic/call.ts';
import { fault } from '../generic/faults.ts';
import type { SessionContext } from '../generic/platform.ts';
import { commands, listedMethods } from './commands.ts';
import { xenFault } from './faults.ts';
import { NULL_REF, refOf, refOfToken, xenId } from './ids.ts';
import { messageOf } from './types.ts';

const value = (result: unknown): Reply => ({ kind: 'value', value: result });
const failed = (code: string, ...params: readonly string[]): Reply => ({
  kind: 'fault',
  fault: xenFault(code, ...params),
});
const text = (call: Call, name: string): string => {
  const given = call.args[name];
  return typeof given === 'string' ? given : '';
};

const logIn = async (call: Call, context: SessionContext): Promise<Reply> => {
  const user = text(call, 'uname');
  const session = await context.login(user, text(call, 'pwd'), '');
  const token = context.token();
  return session === undefined || token === undefined
    ? failed('SESSION_AUTHENTICATION_FAILED', user, 'Authentication failure')
    : value(refOfToken(token));
};

/** Names of what a session may call: of an administrator the API's own server names none, as it asks no role. */
const permissions = ({ role }: Session): readonly string[] =>
  role === 'administrator'
    ? []
    : commands
        .filter(({ route, access }) => route !== 'refuse' && allows(role, access))
        .map(({ method }) => method.toLowerCase());

const recordOf = (session: Session, context: SessionContext): Readonly<Record<string, unknown>> => ({
  uuid: session.key,
  this_host: refOf(xenId('host', context.front.host), context.front),
  this_user: NULL_REF,
  last_active: session.lastActiveMs,
  pool: false,
  is_local_superuser: session.role === 'administrator',
  validation_time: session.createdMs,
  auth_user_name: session.user,
  rbac_permissions: permissions(session),
});

/** Of its own session a client learns all, of others nothing. */
const factOf = (call: Call, session: Session, own: string, context: SessionContext): Reply => {
  const does = messageOf(call.method)?.does;
  if (does?.kind === 'get-by-uuid') {
    const uuid = text(call, 'uuid');
    return uuid === session.key ? value(own) : failed('UUID_INVALID', 'session', uuid);
  }
  if (text(call, 'self') !== own) return failed('HANDLE_INVALID', 'session', text(call, 'self'));
  const record = recordOf(session, context);
  switch (does?.kind) {
    case 'get-record':
      return value(record);
    case 'get-field':
      // What the record does not say is unset, as the data model has it.
      return value(record[does.field.name] ?? does.field.default);
    default:
      return { kind: 'fault', fault: fault('not-supported', {}, '') };
  }
};

export const answerSession = (call: Call, context: SessionContext): Promise<Reply> | Reply => {
  if (call.method === 'system.listMethods') return value(listedMethods);
  if (call.method === 'session.login_with_password') return logIn(call, context);
  const { session } = context;
  const token = context.token();
  if (session === undefined || token === undefined)
    return { kind: 'fault', fault: fault('not-authenticated', { privilege: 'read' }, '') };
  switch (call.method) {
    case 'session.logout':
    case 'session.local_logout':
      return context.logout().then(() => value(undefined));
    case 'session.get_all_subject_identifiers':
      // Subjects are accounts of a directory, and there is none.
      return value([]);
    default:
      return factOf(call, session, refOfToken(token), context);
  }
};
