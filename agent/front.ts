/** One front instance: its platform's front and command table, ready for look-up; a request's row and session rules in one place. */
export { hasArgument } from '../mappings/generic/call.ts';

import { type Access, allows, type Call, type Row } from '../mappings/generic/call.ts';
import { type Fault, fault } from '../mappings/generic/faults.ts';
import type { Front, FrontInstance, HttpAnswer, Platform } from '../mappings/generic/platform.ts';
import type { SessionLease } from './sessions.ts';

export interface ServedFront {
  readonly instance: FrontInstance;
  readonly front: Front;
  row(call: Call): Row | undefined;
}

/** Of the fronts at one place the one whose request it is; what is nobody's is the first's. */
export const frontFor = (
  fronts: readonly ServedFront[],
  request: Parameters<Front['claims']>[0],
): ServedFront | undefined =>
  fronts.length < 2 ? fronts[0] : (fronts.find(({ front }) => front.claims(request)) ?? fronts[0]);

/** A method that several types have finds the row of its own type first. */
export const serveFront = (platform: Platform, front: Front, instance: FrontInstance): ServedFront => {
  const byMethod = new Map<string, Row[]>();
  for (const row of platform.commands) {
    const rows = byMethod.get(row.method);
    if (rows === undefined) byMethod.set(row.method, [row]);
    else rows.push(row);
  }
  return {
    instance,
    front,
    row: (call) => {
      const rows = byMethod.get(call.method);
      if (rows === undefined || rows.length === 1) return rows?.[0];
      return rows.find((row) => row.on === call.target.type) ?? rows[0];
    },
  };
};

/** The one place where access is refused. */
export const accessFault = (access: Access, lease: SessionLease | undefined, object: string): Fault | undefined => {
  if (access === 'none') return undefined;
  if (lease === undefined) {
    return fault('not-authenticated', { object, privilege: access }, 'The session is not authenticated.');
  }
  if (allows(lease.session.role, access)) return undefined;
  return fault('no-permission', { object, privilege: access }, 'Permission to perform this operation was denied.');
};

const NO_CALL: Call = { method: '', target: { type: '', id: '' }, args: {}, version: '', operation: '' };

/** A fault where there is no call to answer: the request itself was wrong. */
export const faultAnswer = (
  { front, instance }: ServedFront,
  reason: Fault,
  call: Call = NO_CALL,
  token?: string,
): HttpAnswer => front.encode(call, { kind: 'fault', fault: reason }, instance, token);
