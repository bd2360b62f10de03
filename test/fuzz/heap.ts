/** Process ids in; the bytes that live in the JavaScript heaps of all their threads, and outside for them, out: garbage is collected first. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const FOLDER_VARIABLE = 'TRANSVISOR_FUZZ_HEAP';
export const QUESTION = 'question';
export const LOOK_MS = 100;
export const answerName = (pid: number, thread: number): string => `${pid}-${thread}.answer`;
/** A thread that does not answer for so long has ended. */
const LIMIT_MS = 5000;

export interface HeapProbe {
  live(pids: readonly number[]): Promise<number>;
  [Symbol.dispose](): void;
}

/** Programs of Node that are started from here on can be asked. */
export const openHeapProbe = (): HeapProbe => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-heap-'));
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = `${before ?? ''} --import ${new URL('./heap-probe.ts', import.meta.url).href}`;
  process.env[FOLDER_VARIABLE] = folder;
  let questions = 0;
  const answers = (pids: readonly number[]): (readonly [question: string, bytes: number])[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.answer') && pids.some((pid) => name.startsWith(`${pid}-`)))
      .map((name) => {
        const [question = '', bytes = ''] = readFileSync(join(folder, name), 'utf8').split(' ');
        return [question, Number(bytes)];
      });
  return {
    live: async (pids) => {
      const question = String(++questions);
      writeFileSync(join(folder, QUESTION), question);
      const end = performance.now() + LIMIT_MS;
      const given = () => answers(pids).filter(([to]) => to === question);
      while (given().length < answers(pids).length && performance.now() < end) await sleep(LOOK_MS);
      const all = given();
      if (all.length === 0) throw new Error('no thread of the program tells how much memory it needs');
      return all.reduce((sum, [, bytes]) => sum + bytes, 0);
    },
    [Symbol.dispose]: () => {
      if (before === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = before;
      delete process.env[FOLDER_VARIABLE];
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
