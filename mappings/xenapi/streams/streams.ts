/** Requests for bytes by their path: raw images of disks, consoles, statistics. The stream half of the broker. */
import { done, type Outcome, refused } from '../../generic/faults.ts';
import type { BrokerContext, Brokered, StreamRequest, StreamTarget } from '../../generic/platform.ts';
import { table } from '../../generic/table.ts';
import { Refusal, refuse } from '../central/refusal.ts';
import { consoleTarget } from './console.ts';
import { endTask, exportTarget, importTarget } from './raw-vdi.ts';
import { statisticsTarget } from './rrd-updates.ts';

export type StreamAnswer = (request: StreamRequest, context: BrokerContext) => Brokered<StreamTarget>;

const ANSWERS = table<StreamAnswer>({
  '/console': consoleTarget,
  '/export_raw_vdi': exportTarget,
  '/import_raw_vdi': importTarget,
  '/rrd_updates': statisticsTarget,
});

export function* xenStream(request: StreamRequest, context: BrokerContext): Brokered<Outcome<StreamTarget>> {
  const answer = ANSWERS[request.path];
  let failed: Refusal;
  try {
    if (answer === undefined) return refuse('NOT_IMPLEMENTED', request.path);
    return done(yield* answer(request, context));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    failed = error;
  }
  // A task that was made for the transfer must not wait for ever.
  endTask(request, refused(failed.fault), context);
  return refused(failed.fault);
}

// biome-ignore lint/correctness/useYield: nothing has to be waited for
export function* xenTransferred(request: StreamRequest, outcome: Outcome, context: BrokerContext): Brokered<void> {
  endTask(request, outcome, context);
}
