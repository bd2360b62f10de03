/** The state directory of a program that was killed in; how far its journal had come with a VM's create out. Reads a copy: the original belongs to the recovery. */
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const NAME = 'transvisor.db';

export const phaseOf = (state: string, vm: string): string => {
  const folder = [state, join(state, 'server')].find((one) => existsSync(join(one, NAME)));
  if (folder === undefined) throw new Error(`no ${NAME} in ${state}`);
  const copy = mkdtempSync(join(tmpdir(), 'tvd-'));
  try {
    for (const file of readdirSync(folder)) if (file.startsWith(NAME)) cpSync(join(folder, file), join(copy, file));
    using db = new DatabaseSync(join(copy, NAME));
    const plan = db
      .prepare('SELECT job, finish FROM plans WHERE plan LIKE ? ORDER BY job DESC')
      .get(`%<name>${vm}</name>%`);
    if (plan === undefined) return 'no plan yet';
    if (plan['finish'] !== '') return 'plan ended';
    const steps = db.prepare('SELECT at, state FROM steps WHERE job = ? ORDER BY at').all(Number(plan['job']));
    const named = (at: number): string => (at === steps.length - 1 ? 'define' : `volume ${at + 1}`);
    const last = steps.findLast(({ state: is }) => is !== 'planned');
    return last === undefined ? 'planned' : `${named(Number(last['at']))} ${String(last['state'])}`;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
};
