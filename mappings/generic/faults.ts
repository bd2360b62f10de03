/** Faults of the hub: an answer we give, as kind + typed members + the native fault it came from. */
import type { HubId } from './ids.ts';
import type { PowerState } from './model.ts';

/** Members of each fault kind. Fronts render them by their own tables; a kind without members has `{}`. */
export interface FaultMembers {
  'already-exists': { name: string };
  busy: { object?: HubId; job?: HubId };
  cancelled: Record<never, never>;
  'concurrent-access': Record<never, never>;
  'directory-not-empty': { path: string };
  'duplicate-name': { name: string; object?: HubId };
  'file-exists': { path: string };
  'file-locked': { path: string };
  'file-not-found': { path: string };
  'host-communication': { host?: string };
  'host-config': Record<never, never>;
  'insufficient-cpu': { requested: number; available: number };
  'insufficient-memory': { requestedBytes: number; availableBytes: number };
  internal: Record<never, never>;
  'invalid-argument': { property: string };
  'invalid-datastore-path': { path: string };
  'invalid-device': { index: number; property: string };
  'invalid-login': Record<never, never>;
  'invalid-name': { name: string };
  'invalid-property': { name: string };
  'invalid-request': Record<never, never>;
  'invalid-state': Record<never, never>;
  'invalid-type': { argument: string };
  'invalid-version': Record<never, never>;
  'invalid-vm-config': { property?: string };
  'method-disabled': Record<never, never>;
  'method-not-found': { method: string };
  'no-disk-space': { storage: string };
  'no-permission': { object?: string; privilege: string };
  'not-authenticated': { object?: string; privilege: string };
  'not-found': Record<never, never>;
  'not-implemented': Record<never, never>;
  'not-supported': Record<never, never>;
  'object-not-found': { type: string; id: string };
  restricted: Record<never, never>;
  'snapshot-failed': Record<never, never>;
  timeout: Record<never, never>;
  'tools-unavailable': Record<never, never>;
  'too-many': { limit: number };
  'wrong-state': { requested: PowerState; existing: PowerState };
}
export type FaultKind = keyof FaultMembers;

/** The fault exactly as the host gave it; goes back untouched to a front of the same API. */
export interface NativeFault {
  readonly platform: string;
  readonly code: string;
  readonly text: string;
  readonly detail?: unknown;
}

export interface Fault<K extends FaultKind = FaultKind> {
  readonly kind: K;
  readonly members: FaultMembers[K];
  /** For people; fronts may replace it with the API's own text. */
  readonly text: string;
  readonly native?: NativeFault;
}

export const fault = <K extends FaultKind>(
  kind: K,
  members: FaultMembers[K],
  text: string,
  native?: NativeFault,
): Fault => ({ kind, members, text, ...(native ? { native } : {}) }) as Fault;

/** What a host or a command may legitimately answer. */
export type Outcome<T = unknown> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault };

export const done = <T>(value: T): Outcome<T> => ({ ok: true, value });
export const refused = (reason: Fault): Outcome<never> => ({ ok: false, fault: reason });
