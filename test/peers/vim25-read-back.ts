/** vim25 replies and faults in, what pyVmomi's own deserialiser objects to out: unknown or too new fields, types and values. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireClient, runProgram } from './clients.ts';

const SCRIPT = fileURLToPath(new URL('./vim25-read-back.py', import.meta.url));

/** One list of problems for each text; [] where pyVmomi takes it. `version`: as the client that asked negotiated it. */
export const readBackWithPyVmomi = async (
  texts: readonly (string | { readonly xml: string; readonly version: string })[],
): Promise<readonly (readonly string[])[]> => {
  const python = join(requireClient('pyvmomi'), '..', 'bin', 'python');
  const items = texts.map((text) => (typeof text === 'string' ? { xml: text, version: '6.7' } : text));
  const { code, stdout, stderr } = await runProgram(python, [SCRIPT], { input: JSON.stringify(items) });
  if (code !== 0) throw new Error(`reading back with pyVmomi: ${stderr.trim().split('\n').at(-1)}`);
  return JSON.parse(stdout) as string[][];
};
