/** Numbers for jobs that the agent mints: from blocks the server gave to this run of the agent only, so none is ever used twice. */
import { type HubId, hubId } from '../mappings/generic/ids.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { JobIds } from '../runtime/protocol.ts';
import type { ServerPort } from './server-port.ts';

export interface JobIdSource {
  /** undefined: no number left, the command goes the central way. */
  mint(): HubId | undefined;
  readonly left: number;
}

export const createJobIds = (server: ServerPort): JobIdSource => {
  const blocks: { next: number; readonly to: number }[] = [];
  let asking = false;
  const left = (): number => blocks.reduce((sum, block) => sum + block.to - block.next, 0);
  const add = ({ from, to }: JobIds): void => {
    if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from > 0 && to > from)
      blocks.push({ next: from, to });
  };
  const refill = (): void => {
    const api = server.api;
    if (asking || api === undefined || left() >= LIMITS.jobIdsLow) return;
    asking = true;
    api
      .jobIds()
      .then(add)
      .catch(() => {}) // asked again at the next mint
      .finally(() => {
        asking = false;
      });
  };
  // Numbers live in memory only: those of a killed agent are gone and the next run starts in a new block.
  server.onUp((_, hello) => add(hello.jobIds));
  return {
    get left() {
      return left();
    },
    mint: () => {
      while (blocks[0] !== undefined && blocks[0].next >= blocks[0].to) blocks.shift();
      const block = blocks[0];
      const id = block === undefined ? undefined : hubId('job', block.next++);
      refill();
      return id;
    },
  };
};
