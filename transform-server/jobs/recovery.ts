/** What an earlier life of the server left unfinished in: each job to its end, and those that may be at work at a host, out. */
import { fault } from '../../mappings/generic/faults.ts';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Journal, PlanRecord } from './journal.ts';
import type { JobEnd, Records } from './records.ts';

/** A direct command whose agent never told its end. */
const ABANDONED_MS = 24 * 3_600_000;
export const createRecovery = (options: {
  readonly records: Pick<Records, 'get' | 'list'>;
  readonly journal: Pick<Journal, 'openPlans' | 'audit'>;
  readonly clock: Clock;
  readonly finish: (job: Job, end: JobEnd) => void;
  readonly guarded: (job: Job, run: () => Promise<void>) => Promise<void>;
  readonly carryOut: (job: Job, record: PlanRecord) => Promise<unknown>;
}) => {
  const { records, journal, clock, finish, guarded, carryOut } = options;
  return {
    recover: async (): Promise<void> => {
      const open = journal.openPlans();
      const planned = new Set(open.map((record) => record.job));
      for (const job of records.list()) {
        if (job.finishedMs !== undefined || planned.has(job.id)) continue;
        // Direct commands are told to their end by their agent; commands without a plan had not begun.
        const isDirect = job.state === 'running';
        if (isDirect && clock.now() - job.queuedMs < ABANDONED_MS) continue;
        finish(job, { fault: fault('cancelled', {}, 'interrupted: the server was restarted') });
      }
      await Promise.all(
        open.map(async (record) => {
          const job = records.get(record.job);
          if (!job) throw new Error(`the journal holds a plan without a job: ${record.job}`);
          journal.audit(job.id, clock.now(), 'recovered', null);
          await guarded(job, async () => void (await carryOut(job, record)));
        }),
      );
    },
    open: (host: HubId): readonly HubId[] => [
      ...new Set([
        ...records.list({ host, sinceMs: Number.POSITIVE_INFINITY }).map(({ id }) => id),
        // Also of those whose clients were told that the host is away.
        ...journal.openPlans().flatMap(({ job, plan: { host: at } }) => (at === host ? [job] : [])),
      ]),
    ],
  };
};
