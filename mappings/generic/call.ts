/** A decoded client request (`Call`), the command-table row that routes it (`Row`) and the answer to it (`Reply`). */
import type { Verb } from './commands.ts';
import type { Fault } from './faults.ts';

/** `args` holds the platform's own decoded values (JSON-like, MessagePack-safe). `raw` travels beside what was decoded from it. */
export interface Call {
  readonly method: string;
  readonly target: { readonly type: string; readonly id: string };
  readonly args: Readonly<Record<string, unknown>>;
  /** The API version the client speaks, '' when it does not say. */
  readonly version: string;
  /** The client's own correlation text (vim25 operationID), '' when none. */
  readonly operation: string;
  readonly raw?: Uint8Array;
}

export type Route = 'session' | 'direct' | 'central' | 'broker' | 'stream' | 'pass' | 'refuse';
export type Access = 'none' | 'read' | 'operate' | 'admin';

/** One literal row per native command. `access: 'none'` may be called without a session. */
export interface Row {
  readonly method: string;
  /** The native type the method belongs to; base types match their subtypes. */
  readonly on: string;
  readonly route: Route;
  readonly access: Access;
  readonly verb?: Verb;
  /** Argument paths whose presence makes a direct row central. */
  readonly centralIf?: readonly string[];
  /** The answer is a job (vim25 Task). */
  readonly job?: boolean;
  /** Why it is refused: for the coverage page. */
  readonly because?: string;
}

/** Whether an argument path such as `spec.deviceChange` is given. */
export const hasArgument = (args: Readonly<Record<string, unknown>>, path: string): boolean => {
  let value: unknown = args;
  for (const part of path.split('.')) {
    if (value === null || typeof value !== 'object') return false;
    value = Array.isArray(value) ? undefined : (value as Record<string, unknown>)[part];
  }
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;
};

/**
 * The answer to a call. `value`: encoded by the front. `body`: already encoded text, streamed; the front's `wrap` has been
 * applied by whoever wrote it.
 */
export type Reply =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'body' }
  | { readonly kind: 'fault'; readonly fault: Fault };

export type Role = 'administrator' | 'operator' | 'read-only';

/** What a session may do: the only place where roles and access meet. */
export const allows = (role: Role, access: Access): boolean => {
  switch (access) {
    case 'none':
    case 'read':
      return true;
    case 'operate':
      return role !== 'read-only';
    case 'admin':
      return role === 'administrator';
    default:
      return access satisfies never;
  }
};

/** A session as the server records it and the agent leases it. Times in ms since the epoch. */
export interface Session {
  readonly id: string;
  /** The key shown to clients (vim25 UserSession.key); never the cookie. */
  readonly key: string;
  readonly front: string;
  readonly user: string;
  readonly fullName: string;
  readonly role: Role;
  readonly address: string;
  readonly userAgent: string;
  readonly locale: string;
  readonly createdMs: number;
  lastActiveMs: number;
  calls: number;
}
