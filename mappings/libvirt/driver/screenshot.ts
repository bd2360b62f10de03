/** A domain's screen as the host paints it: PPM or PNG bytes. */
import { done, type Outcome } from '../../generic/faults.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { domain } from './arguments.ts';

/** A 4K screen as PPM has 25 MB. */
const MAX_BYTES = 64 * 1024 * 1024;

export const screenshot = async (
  send: DriverSend,
  uuid: string,
  screen: number,
): Promise<Outcome<{ bytes: Uint8Array }>> => {
  const gathered = await send.gather('DOMAIN_SCREENSHOT', { dom: domain(uuid), screen, flags: 0 }, MAX_BYTES);
  return gathered.ok ? done({ bytes: gathered.value }) : gathered;
};
