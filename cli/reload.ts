/** `transvisor reload`: the running server takes over changed sheets and tables, or says why it does not. */
import { type AdminFlags, askAdmin } from './admin-client.ts';
import { Unavailable } from './exit-codes.ts';

type Report = {
  readonly changed: readonly string[];
  readonly refused: readonly { readonly name: string; readonly why: string }[];
  readonly pairs: number;
};

const SHOWN = 20;
/** The server applies every golden pair before it answers. */
const LIMIT_MS = 120_000;

const textOf = ({ changed, refused, pairs }: Report): string => {
  const files = changed.map((name) => `  ${name}\n`).join('');
  if (changed.length === 0) return 'nothing changed\n';
  // A driver has connections; what is under way on them was begun by the old one.
  const drivers = changed.every((name) => name.endsWith('.xsl'))
    ? ''
    : 'drivers of hosts keep theirs until a take-over\n';
  if (refused.length === 0) return `in use after ${pairs} golden pairs:\n${files}${drivers}`;
  const reasons = refused.slice(0, SHOWN).map(({ name, why }) => `  ${name}: ${why}\n`);
  const more = refused.length > SHOWN ? `  and ${refused.length - SHOWN} more\n` : '';
  return `refused, what was in use stays:\n${reasons.join('')}${more}changed were:\n${files}`;
};

export const reload = async (flags: AdminFlags): Promise<{ json: unknown; text: string; well: boolean }> => {
  const { status, body } = await askAdmin(flags, '/api/v1/reload', 'POST', undefined, LIMIT_MS);
  if (status !== 200) throw new Unavailable(`the admin endpoint answered with status ${status}`);
  const report = body as Report;
  return { json: report, text: textOf(report), well: report.refused.length === 0 };
};
