/** The direct route: a row's verb and a lease in, a native conversation in the VM's write queue, start and end in the outbox. */
import type { Call, Row, Session } from '../mappings/generic/call.ts';
import type { Verb } from '../mappings/generic/commands.ts';
import { done, fault, type Outcome, refused } from '../mappings/generic/faults.ts';
import type { HubId } from '../mappings/generic/ids.ts';
import type { NativeChange } from '../mappings/generic/native.ts';
import type { Clock } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Log } from '../runtime/log.ts';
import type { Lease, OutboxEntry } from '../runtime/protocol.ts';
import { safeCopy } from '../runtime/redaction.ts';
import type { Counts } from './counts.ts';
import type { CallWatch, HostSession } from './host-session.ts';
import type { JobIdSource } from './job-ids.ts';
import type { Outbox } from './outbox.ts';
import type { Trail } from './trail.ts';
import type { WriteQueue } from './write-queue.ts';

export interface DirectCommand {
  readonly row: Row & { readonly verb: Verb };
  readonly call: Call;
  readonly lease: Lease;
  readonly session: Session;
  readonly exchange: string;
  readonly address: string;
  readonly trail: Trail | undefined;
}

export interface Direct {
  /** undefined: no job number or no room in the outbox, so the command goes the central way. */
  start(
    command: DirectCommand,
    host: HostSession,
  ): { readonly job: HubId; readonly outcome: Promise<Outcome<undefined>> } | undefined;
}

/** The write queue of a VM, as plans name it too: the host's own name of the VM. */
export const queueKey = (host: HubId, native: string): string => `${host}\0${native}`;

/** Each call of a conversation with the host is a hop. */
const noteCalls =
  (trail: Trail): CallWatch =>
  (procedure, args) => {
    const sinceMs = trail.now();
    return (outcome) =>
      trail.hop('native', sinceMs, {
        procedure,
        args: safeCopy(args, { left: LIMITS.exchangeHopBytes }),
        outcome: safeCopy(outcome.ok ? outcome.value : outcome.fault, { left: LIMITS.exchangeHopBytes }),
      });
  };

export const createDirect = (options: {
  queue: WriteQueue;
  outbox: Outbox;
  jobIds: JobIdSource;
  clock: Clock;
  log: Log;
  isWriter: (host: HubId, epoch: number) => boolean;
  counts: Counts;
}): Direct => {
  const { queue, outbox, jobIds, clock, log, counts } = options;

  const reread = async (
    host: HostSession,
    touches: Parameters<HostSession['read']>[0],
  ): Promise<readonly NativeChange[]> => {
    let forget = (): void => {};
    const late = new Promise<undefined>((resolve) => {
      forget = clock.after(LIMITS.readAfterWriteMs, () => resolve(undefined));
    });
    const outcome = await Promise.race([host.read(touches), late]);
    forget();
    if (outcome?.ok === true) return outcome.value;
    // The host will be listed again when it is back; until then the mark is all there is.
    host.mark(touches);
    return [];
  };

  const run = async (
    { row, lease, trail }: DirectCommand,
    host: HostSession,
    job: HubId,
  ): Promise<{ outcome: Outcome<undefined>; changes: readonly NativeChange[] }> => {
    const key = queueKey(lease.host, lease.native);
    let sinceMs = trail?.now() ?? 0;
    const turn = await queue.acquire(key, job);
    trail?.hop('queue', sinceMs, { queue: lease.name });
    if (!turn.ok) return { outcome: turn, changes: [] };
    try {
      // While it waited, another agent may have become the host's writer.
      if (!options.isWriter(lease.host, lease.epoch)) {
        return { outcome: refused(fault('concurrent-access', {}, 'The host has another writer now.')), changes: [] };
      }
      counts.add('direct');
      const outcome = await host.execute(row.verb, lease.native, trail && noteCalls(trail));
      const touches = outcome.ok ? outcome.value.touches : [{ kind: 'vm' as const, native: lease.native }];
      sinceMs = trail?.now() ?? 0;
      const changes = await reread(host, touches);
      trail?.hop('barrier', sinceMs, { touches });
      return { outcome: outcome.ok ? done(undefined) : outcome, changes };
    } finally {
      queue.release(key, job);
    }
  };

  return {
    start: (command, host) => {
      const { row, call, lease, session, exchange, address } = command;
      const job = jobIds.mint();
      if (job === undefined) return undefined;
      const entry: Omit<OutboxEntry, 'seq' | 'phase' | 'atMs'> = {
        exchange,
        job,
        verb: row.verb,
        host: lease.host,
        target: lease.vm,
        targetName: lease.name,
        user: session.user,
        address,
        front: session.front,
        method: call.method,
        nativeTarget: { type: call.target.type, id: call.target.id },
        operation: call.operation,
      };
      // Durable before anything happens on the host.
      if (!outbox.put({ ...entry, phase: 'started', atMs: clock.now() })) return undefined;
      const finish = (outcome: Outcome<undefined>, changes: readonly NativeChange[]): void => {
        const end = { ...entry, phase: 'finished' as const, atMs: clock.now(), changes };
        outbox.put(outcome.ok ? end : { ...end, fault: outcome.fault });
      };
      const { trail } = command;
      const sinceMs = trail?.now() ?? 0;
      const outcome = run(command, host, job).then(
        ({ outcome: result, changes }) => {
          finish(result, changes);
          const detail = result.ok ? { job } : { job, fault: result.fault };
          trail?.hop('outcome', sinceMs, detail, { outcome: result.ok ? 'value' : result.fault.kind });
          return result;
        },
        (error: unknown) => {
          log.error({ exchange, verb: row.verb, job, error }, 'a direct command failed');
          const result = refused(fault('internal', {}, 'A general system error occurred: internal error.'));
          finish(result, []);
          return result;
        },
      );
      return { job, outcome };
    },
  };
};
