/** An exchange and its command in, the job that they began already out: a repeat on the link is the same command. */
import type { Command } from '../../mappings/generic/commands.ts';
import type { HubId } from '../../mappings/generic/ids.ts';

const MOST = 10_000;

export const createRepeats = () => {
  const jobs = new Map<string, HubId>();
  const keyOf = (exchange: string, command: Command): string => `${exchange} ${JSON.stringify(command)}`;
  return {
    find: (exchange: string, command: Command): HubId | undefined =>
      exchange === '' ? undefined : jobs.get(keyOf(exchange, command)),
    note: (exchange: string, command: Command, job: HubId): void => {
      jobs.set(keyOf(exchange, command), job);
      const oldest = jobs.keys().next().value;
      if (jobs.size > MOST && oldest !== undefined) jobs.delete(oldest);
    },
  };
};
