/** A client program that takes one JSON request a line and gives one JSON answer a line: started once, asked act by act. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ClientName, requireClient } from './clients.ts';

const ACT_LIMIT_MS = 90_000;

/** What the program says of an act that the other side refused: the fault's own name. */
class ActRefused extends Error {
  override readonly name = 'ActRefused';
}

export type ActProgram = {
  readonly act: (name: string, request?: object) => Promise<unknown>;
  readonly close: () => Promise<void>;
};

export const openActs = (file: string, args: readonly string[]): ActProgram => {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-4096);
  });
  child.stdin.on('error', () => {}); // it ended: the answer that is missing says so
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const act = async (name: string, request: object = {}): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify({ act: name, ...request })}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${name}: no answer in time: ${complaint}`)), ACT_LIMIT_MS);
    });
    const line = await Promise.race([answers.next(), late]).finally(() => clearTimeout(timer));
    if (line.done === true) throw new Error(`${name}: the client ended: ${complaint}`);
    const answer = JSON.parse(line.value) as { value?: unknown; error?: string };
    if (answer.error !== undefined) throw new ActRefused(`${name}: ${answer.error}`);
    return answer.value;
  };
  const close = async (): Promise<void> => {
    child.stdin.end();
    await new Promise<void>((resolve) => {
      const stubborn = setTimeout(() => child.kill('SIGKILL'), 5000);
      child.once('exit', () => {
        clearTimeout(stubborn);
        resolve();
      });
      if (child.exitCode !== null || child.signalCode !== null) resolve();
    });
  };
  return { act, close };
};

const PYTHON = fileURLToPath(new URL('../../.cache/venv/bin/python', import.meta.url));

/** A Python program that holds the named client library. */
export const openPythonActs = (client: ClientName, args: readonly string[]): ActProgram => {
  requireClient(client);
  return openActs(PYTHON, args);
};
