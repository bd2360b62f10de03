/** Random bytes of the server in; names nobody can guess out. */
import { sessionMoid } from '../ids.ts';
import type { Scope } from './scope.ts';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export const token = ({ context }: Scope): string => hex(context.random(12));

/** A random UUID (RFC 9562, version 4). */
export const uuid = ({ context }: Scope): string => {
  const bytes = context.random(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
};

/** The moid of a new collector, filter or view of the session. */
export const newMoid = (scope: Scope): string => sessionMoid(scope.context.session.key, uuid(scope));
