/** A stream request as a call under way, so that what calls look up and run serves it as well. */
import type { BrokerContext, StreamRequest } from '../../generic/platform.ts';
import type { Work } from '../central/work.ts';

export const streamWork = ({ path, query }: StreamRequest, context: BrokerContext, self: string): Work => ({
  call: { method: path.slice(1), target: { type: '', id: self }, args: query, version: '', operation: '' },
  context,
  self,
  args: query,
});
