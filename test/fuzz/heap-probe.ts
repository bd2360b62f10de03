/** Loaded into every thread of the program under the fuzzer: a question in a folder comes in, the thread's memory after a full collection goes out. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { threadId } from 'node:worker_threads';
import { answerName, FOLDER_VARIABLE, LOOK_MS, QUESTION } from './heap.ts';

const folder = process.env[FOLDER_VARIABLE];

const questionNow = (inside: string): string => {
  try {
    return readFileSync(join(inside, QUESTION), 'utf8');
  } catch {
    return '';
  }
};

if (folder !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const file = join(folder, answerName(process.pid, threadId));
  const answer = (question: string, bytes: number): void => {
    // Whole, or not at all: somebody waits for it.
    writeFileSync(`${file}.new`, `${question} ${bytes}`);
    renameSync(`${file}.new`, file);
  };
  let answered = questionNow(folder);
  answer(answered, 0);
  setInterval(() => {
    const question = questionNow(folder);
    if (question === answered) return;
    answered = question;
    // What a finaliser lets go of is collected by the second one.
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    answer(question, heapUsed + external);
  }, LOOK_MS).unref();
}
