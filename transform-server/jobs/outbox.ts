/** Outbox entries of the agents in, job records of their direct commands out: each exactly once, by sequence number and job id. */
import type { Fault } from '../../mappings/generic/faults.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { Log } from '../../runtime/log.ts';
import type { OutboxEntry } from '../../runtime/protocol.ts';
import type { HostsGateway } from './gateway.ts';
import type { Journal } from './journal.ts';
import type { Records } from './records.ts';

export const createOutbox = (options: {
  journal: Journal;
  records: Records;
  hosts: HostsGateway;
  nameOf: (target: HubId) => string;
  finish: (job: Job, end: { fault?: Fault; result?: unknown }) => void;
  begun: (job: Job) => void;
  log: Log;
}): ((agent: string, entries: readonly OutboxEntry[]) => Promise<{ readonly through: number }>) => {
  const { journal, records, hosts, nameOf, finish, begun, log } = options;
  /** One delivery of an agent at a time: a repeat after a lost link must find the first one's end. */
  const tails = new Map<string, Promise<unknown>>();

  const add = (entry: OutboxEntry): Job => {
    const job = records.add({
      id: entry.job,
      verb: entry.verb,
      host: entry.host,
      target: entry.target,
      targetName: entry.targetName === '' ? nameOf(entry.target) : entry.targetName,
      user: entry.user,
      front: entry.front,
      method: entry.method,
      nativeTarget: entry.nativeTarget,
      operation: entry.operation,
      exchange: entry.exchange,
      state: 'running',
      cancelled: false,
      cancelable: false,
      queuedMs: entry.atMs,
      startedMs: entry.atMs,
    });
    begun(job);
    return job;
  };

  const take = async (entry: OutboxEntry): Promise<void> => {
    const job = records.get(entry.job) ?? add(entry);
    journal.audit(job.id, entry.atMs, entry.phase, {
      verb: entry.verb,
      user: entry.user,
      address: entry.address,
      fault: entry.fault ?? null,
    });
    if (entry.phase === 'started') return;
    if (entry.changes && entry.changes.length > 0) {
      try {
        await hosts.commit(entry.host, entry.changes, { job: job.id, user: entry.user });
      } catch (error) {
        // The host's own events bring the same change; the job must not hang on it.
        log.error(
          { exchange: entry.exchange, job: job.id, host: entry.host, error },
          'changes of a direct command could not be taken',
        );
      }
    }
    finish(job, entry.fault ? { fault: entry.fault } : {});
  };

  /** Its number is another command's: an agent has no say on that one. */
  const isForeign = (entry: OutboxEntry): boolean => {
    const job = records.get(entry.job);
    return job !== undefined && (job.exchange !== entry.exchange || job.host !== entry.host);
  };

  /** Taken before: the link repeats what it is not sure of. The job decides, not the number alone: an agent set up anew counts from 1. */
  const isKnown = (entry: OutboxEntry): boolean => {
    const job = records.get(entry.job);
    if (!job) return false;
    return entry.phase === 'started' || job.finishedMs !== undefined;
  };

  const deliver = async (agent: string, entries: readonly OutboxEntry[]): Promise<{ through: number }> => {
    let through = journal.outboxThrough(agent);
    for (const entry of entries) {
      if (isForeign(entry))
        log.error(
          { exchange: entry.exchange, job: entry.job, host: entry.host },
          `outbox: agent ${agent} tells of a job that is another command's`,
        );
      else if (!isKnown(entry)) await take(entry);
      through = entry.seq;
      // In the batch of the records it stands for, or later: a crash between takes the entry again, onto the same job.
      journal.setOutboxThrough(agent, through);
    }
    await journal.flush();
    return { through };
  };

  return (agent, entries) => {
    const turn = (tails.get(agent) ?? Promise.resolve()).catch(() => {}).then(() => deliver(agent, entries));
    tails.set(agent, turn);
    return turn;
  };
};
