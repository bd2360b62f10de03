/** Jobs and events of the hub: what fronts show as tasks and event history. */
import type { Verb } from './commands.ts';
import type { Fault } from './faults.ts';
import type { HubId } from './ids.ts';

export type JobState = 'queued' | 'running' | 'success' | 'error';

export interface Job {
  readonly id: HubId;
  readonly verb: Verb | 'front.task' | 'job.rollback';
  readonly host: HubId;
  /** The object acted on; for `*.create` the host. */
  readonly target: HubId;
  /** Display name of the target when the job was made. */
  readonly targetName: string;
  readonly user: string;
  readonly front: string;
  /** The native method that started it (`PowerOnVM_Task`), spelled as the wire spells it, and the native target. */
  readonly method: string;
  readonly nativeTarget: { readonly type: string; readonly id: string };
  readonly operation: string;
  readonly exchange: string;
  state: JobState;
  cancelled: boolean;
  cancelable: boolean;
  /** 0 to 100 */
  progress?: number;
  queuedMs: number;
  startedMs?: number;
  finishedMs?: number;
  fault?: Fault;
  /** A hub id made by the job, or a value the front knows how to show. */
  result?: unknown;
  /** Store version at which this record last changed. */
  version: number;
}

export type EventKind =
  | 'vm.created'
  | 'vm.changed'
  | 'vm.renamed'
  | 'vm.deleted'
  | 'vm.started'
  | 'vm.stopped'
  | 'vm.suspended'
  | 'vm.resumed'
  | 'vm.reset'
  | 'vm.crashed'
  | 'vm.paused'
  | 'vm.guestShutdown'
  | 'vm.guestReboot'
  | 'vm.registered'
  | 'vm.unregistered'
  | 'snapshot.created'
  | 'snapshot.reverted'
  | 'snapshot.deleted'
  | 'storage.added'
  | 'storage.removed'
  | 'network.added'
  | 'network.removed'
  | 'host.connected'
  | 'host.disconnected'
  | 'session.login'
  | 'session.logout'
  | 'session.loginFailed'
  | 'job.started'
  | 'job.failed'
  | 'user.message';

export interface HubEvent {
  /** Strictly increasing; the event's key. */
  readonly key: number;
  /** Events of one action share a chain (vim25 chainId). */
  readonly chain: number;
  readonly kind: EventKind;
  readonly atMs: number;
  readonly host?: HubId;
  readonly object?: HubId;
  readonly objectName?: string;
  readonly user: string;
  readonly text: string;
  readonly job?: HubId;
  readonly members?: Readonly<Record<string, string>>;
}
