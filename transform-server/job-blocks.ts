/** Whose job numbers are whose: blocks given to an agent in, whether a job of its outbox may have its number out; durable. */
import { type HubId, kindOf, numberOf } from '../mappings/generic/ids.ts';
import type { JobIds } from '../runtime/protocol.ts';
import type { Own } from './own/own.ts';

const BLOCKS = 'job-blocks';
/** More than an outbox can hold the commands of. */
const KEPT = 64;

export interface JobBlocks {
  given(agent: string, block: JobIds): void;
  has(agent: string, job: HubId): boolean;
}

export const createJobBlocks = (own: Pick<Own, 'get' | 'put'>): JobBlocks => {
  const blocksOf = (agent: string): readonly JobIds[] =>
    (own.get(BLOCKS, agent) as readonly JobIds[] | undefined) ?? [];
  return {
    given: (agent, { from, to }) => {
      const known = blocksOf(agent);
      const last = known.at(-1);
      const blocks = last?.to === from ? [...known.slice(0, -1), { from: last.from, to }] : [...known, { from, to }];
      own.put(BLOCKS, agent, blocks.slice(-KEPT));
    },
    has: (agent, job) => {
      const blocks = blocksOf(agent);
      const isGiven = ({ from, to }: JobIds): boolean => numberOf(job) >= from && numberOf(job) < to;
      return kindOf(job) === 'job' && blocks.some(isGiven);
    },
  };
};
