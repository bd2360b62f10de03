/** `transvisor take-over`: the running program is asked to let the code on disk take its place; says which program serves then. */
import { z } from 'zod';
import { type AdminFlags, askAdmin } from './admin-client.ts';
import { Unavailable } from './exit-codes.ts';

const LIMIT_MS = 120_000;
const POLL_MS = 200;

/** Earlier versions do not say what they refused. */
const programShape = z.object({
  pid: z.number(),
  refused: z.object({ times: z.number(), why: z.string() }).default({ times: 0, why: '' }),
});

export const takeOver = async (flags: AdminFlags): Promise<{ json: unknown; text: string; well: boolean }> => {
  const { status, body } = await askAdmin(flags, '/api/v1/take-over', 'POST');
  if (status !== 202) throw new Unavailable(`the admin endpoint answered with status ${status}`);
  const { pid: before, refused } = programShape.parse(body);
  const untilMs = Date.now() + LIMIT_MS;
  while (Date.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    // Between the two nobody answers for a moment.
    const now = await askAdmin(flags, '/api/v1/program').catch(() => undefined);
    if (now?.status !== 200) continue;
    const { pid, refused: newest } = programShape.parse(now.body);
    if (pid !== before) return { json: { before, pid }, text: `program ${pid} took over from ${before}\n`, well: true };
    if (newest.times > refused.times) {
      const { why } = newest;
      return { json: { before, why }, text: `program ${before} stays: ${why}\n`, well: false };
    }
  }
  return { json: { before }, text: `program ${before} still serves; its log says why\n`, well: false };
};
