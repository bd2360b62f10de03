/** A session of the hub as vim25's UserSession. */
import type { Session } from '../generic/call.ts';

export const userSession = (session: Session) => ({
  _type: 'UserSession',
  key: session.key,
  userName: session.user,
  fullName: session.fullName,
  loginTime: new Date(session.createdMs).toISOString(),
  lastActiveTime: new Date(session.lastActiveMs).toISOString(),
  locale: session.locale || 'en',
  messageLocale: session.locale || 'en',
  extensionSession: false,
  ipAddress: session.address,
  userAgent: session.userAgent,
  callCount: session.calls,
});
