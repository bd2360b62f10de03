// The log-in of libvirt's own client: auth list, authentication, keepalive, open, features; a fault says what the daemon refused.
import { fault, type Outcome, refused } from '../generic/faults.ts';
import type { ArgsOf, RetOf } from './codec.ts';
import type { ProcedureName } from './procedures.ts';

export type Call = <P extends ProcedureName>(procedure: P, args: ArgsOf<P>) => Promise<Outcome<RetOf<P>>>;

const AUTH_NONE = 0;
const AUTH_SASL = 1;
export const AUTH_POLKIT = 2;

/** VIR_DRV_FEATURE_*: 10 may be asked before CONNECT_OPEN and starts the server's pings; the others only after it. */
const FEATURE_PROGRAM_KEEPALIVE = 10;
const FEATURE_REMOTE_EVENT_CALLBACK = 14;
const FEATURE_REMOTE_CLOSE_CALLBACK = 15;
const FEATURE_NETWORK_UPDATE_ORDER = 16;
const FEATURE_MIGRATION_PARAMS = 13;
const AFTER_OPEN = [
  FEATURE_REMOTE_EVENT_CALLBACK,
  FEATURE_REMOTE_CLOSE_CALLBACK,
  FEATURE_MIGRATION_PARAMS,
  FEATURE_NETWORK_UPDATE_ORDER,
] as const;
const READ_ONLY = 1;

export type LogIn = { readonly readOnly: boolean; readonly keepalive: boolean };

/** CONNECT_OPEN goes out exactly once: the answer to a second one drops the first connection too (libvirt 9.0). */
export const logIn = async (call: Call, name: string, options: LogIn): Promise<Outcome<ReadonlySet<number>>> => {
  // Also on a unix socket as root: on a polkit socket this very call authenticates uid 0.
  const auth = await call('AUTH_LIST', {});
  if (!auth.ok) return auth;
  const types = auth.value.types;
  if (types.includes(AUTH_NONE) || types.length === 0) {
    // nothing to do
  } else if (types.includes(AUTH_POLKIT)) {
    const polkit = await call('AUTH_POLKIT', {});
    if (!polkit.ok) return polkit;
    if (polkit.value.complete !== 1) return refused(fault('invalid-login', {}, 'polkit did not let this process in'));
  } else if (types.includes(AUTH_SASL)) {
    return refused(
      fault(
        'not-supported',
        {},
        'the daemon wants SASL on this socket; use a unix socket, or auth_tcp="none" on a private network',
      ),
    );
  } else {
    return refused(fault('not-supported', {}, `the daemon wants authentication of type ${types.join(', ')}`));
  }

  const features = new Set<number>();
  if (options.keepalive) {
    const alive = await call('CONNECT_SUPPORTS_FEATURE', { feature: FEATURE_PROGRAM_KEEPALIVE });
    if (!alive.ok) return alive;
    if (alive.value.supported !== 0) features.add(FEATURE_PROGRAM_KEEPALIVE);
  }
  const opened = await call('CONNECT_OPEN', { name, flags: options.readOnly ? READ_ONLY : 0 });
  if (!opened.ok) return opened;
  const answers = await Promise.all(AFTER_OPEN.map((feature) => call('CONNECT_SUPPORTS_FEATURE', { feature })));
  for (const [i, answer] of answers.entries()) {
    if (!answer.ok) return answer;
    if (answer.value.supported !== 0) features.add(AFTER_OPEN[i] as number);
  }
  // Without callback ids (before libvirt 1.3) events cannot be told apart; all our rows need them.
  if (!features.has(FEATURE_REMOTE_EVENT_CALLBACK)) {
    return refused(fault('not-supported', {}, 'the daemon is older than libvirt 1.3: it has no event callback ids'));
  }
  return { ok: true, value: features };
};
