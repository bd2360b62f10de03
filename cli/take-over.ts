/** `transvisor take-over`: the running program is asked to let the code on disk take its place; says which program serves then. */
import { z } from 'zod';
import { type AdminFlags, askAdmin } from './admin-client.ts';
import { Unavailable } from './exit-codes.ts';

const LIMIT_MS = 120_000;
const POLL_MS = 200;

const programShape = z.object({ pid: z.number() });

export const takeOver = async (flags: AdminFlags): Promise<{ json: unknown; text: string; well: boolean }> => {
  const { status, body } = await askAdmin(flags, '/api/v1/take-over', 'POST');
  if (status !== 202) throw new Unavailable(`the admin endpoint answered with status ${status}`);
  const before = programShape.parse(body).pid;
  const untilMs = Date.now() + LIMIT_MS;
  while (Date.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    // Between the two nobody answers for a moment.
    const now = await askAdmin(flags, '/api/v1/program').catch(() => undefined);
    const pid = now?.status === 200 ? programShape.parse(now.body).pid : before;
    if (pid !== before) return { json: { before, pid }, text: `program ${pid} took over from ${before}\n`, well: true };
  }
  return { json: { before }, text: `program ${before} still serves; its log says why\n`, well: false };
};
