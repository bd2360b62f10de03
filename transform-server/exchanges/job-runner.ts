/** Commands of exchanges in, jobs with their origin, leases and audit in order out. */
import type { Command } from '../../mappings/generic/commands.ts';
import type { Job } from '../../mappings/generic/jobs.ts';
import type { FollowUp } from '../../mappings/generic/plan.ts';
import type { JobTrail } from '../events/job-trail.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { JobMeta } from '../jobs/records.ts';
import type { Leases } from '../sync/leases.ts';
import type { JobOrigin, JobRunner } from './exchanges.ts';

export const createJobRunner = (parts: {
  jobs: Jobs;
  trail: Pick<JobTrail, 'address'>;
  leases: Pick<Leases, 'reserve' | 'review'>;
  flush: () => Promise<void>;
}): JobRunner => {
  const { jobs, trail, leases, flush } = parts;
  const metaOf = ({ exchange, user, front, call }: JobOrigin): JobMeta => ({
    exchange,
    user,
    front,
    method: call.method,
    nativeTarget: call.target,
    operation: call.operation,
  });
  /** From here on the VM is the job's: direct commands come the central way. */
  const begin = async (command: Command, origin: JobOrigin, then: FollowUp | undefined): Promise<Job> => {
    // What follows a job has its exchange, and no client of its own.
    if (origin.address !== '') trail.address(origin.exchange, origin.address);
    const free = await leases.reserve(command.target);
    try {
      const job = jobs.start(command, metaOf(origin), then);
      void jobs.ended(job.id).then(() => leases.review([command.target]));
      return job;
    } finally {
      free();
    }
  };
  return {
    view: jobs,
    start: async (command, origin, then) => {
      const job = await begin(command, origin, then);
      await flush();
      return job;
    },
    run: async (command, origin, then) => {
      const job = await begin(command, origin, then);
      return (await jobs.ended(job.id)) ?? job;
    },
    settle: async (target, host, outcome, origin) => {
      trail.address(origin.exchange, origin.address);
      const job = jobs.settle({ ...metaOf(origin), host, target }, outcome);
      await flush();
      return job;
    },
  };
};
