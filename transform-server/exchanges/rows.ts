/** The command table as the server asks it: a call comes in, its row and whether the session may use it go out. */
import { type Access, allows, type Call, type Role, type Row, type Session } from '../../mappings/generic/call.ts';
import { type Fault, fault } from '../../mappings/generic/faults.ts';

export interface Rows {
  /** undefined: no such method. */
  find(call: Call): Row | undefined;
}

const STRICTNESS: readonly Access[] = ['none', 'read', 'operate', 'admin'];

export const createRows = (rows: readonly Row[]): Rows => {
  const byMethod = new Map<string, Row[]>();
  for (const row of rows) {
    const same = byMethod.get(row.method);
    if (same === undefined) byMethod.set(row.method, [row]);
    else same.push(row);
  }
  return {
    find: (call) => {
      const same = byMethod.get(call.method);
      if (same === undefined) return undefined;
      // Which native type is a base of which is the platform's knowledge: in doubt the strictest row of that method counts.
      return (
        same.find((row) => row.on === call.target.type) ??
        same.reduce((a, b) => (STRICTNESS.indexOf(b.access) > STRICTNESS.indexOf(a.access) ? b : a))
      );
    },
  };
};

/** The one place where a session meets the access of a row; undefined: go on. `role` undefined: nobody is logged in. */
export const denied = (row: Row, role: Role | undefined, target: string): Fault | undefined => {
  if (row.access === 'none') return undefined;
  if (role === undefined)
    return fault('not-authenticated', { object: target, privilege: row.access }, 'The session is not authenticated.');
  if (allows(role, row.access)) return undefined;
  return fault(
    'no-permission',
    { object: target, privilege: row.access },
    `A session of role ${role} may not call ${row.method}.`,
  );
};

/** For rows that need no session: somebody without a name and without rights. */
export const nobody = (front: string, address: string): Session => ({
  id: '',
  key: '',
  front,
  user: '',
  fullName: '',
  role: 'read-only',
  address,
  userAgent: '',
  locale: '',
  createdMs: 0,
  lastActiveMs: 0,
  calls: 0,
});
