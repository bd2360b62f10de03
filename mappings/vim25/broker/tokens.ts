/** Random bytes of the server in; names nobody can guess out. */
import { randomUuid } from '../../generic/uuid.ts';
import { sessionMoid } from '../ids.ts';
import type { Scope } from './scope.ts';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export const token = ({ context }: Scope): string => hex(context.random(12));

/** The moid of a new collector, filter or view of the session. */
export const newMoid = (scope: Scope): string => sessionMoid(scope.context.session.key, randomUuid(scope.context));
