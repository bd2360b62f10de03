/** The lifecycle's acts through one running pyVmomi program (lifecycle-pyvmomi.py). */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Endpoint, requireClient } from './clients.ts';
import type { LifecycleClient, Seen } from './lifecycle-steps.ts';
import { hostAndPort } from './transvisor.ts';

const PROGRAM = fileURLToPath(new URL('lifecycle-pyvmomi.py', import.meta.url));
const PYTHON = fileURLToPath(new URL('../../.cache/venv/bin/python', import.meta.url));
const ACT_LIMIT_MS = 60_000;

export const pyvmomiClient = (endpoint: Endpoint): LifecycleClient => {
  requireClient('pyvmomi');
  const child = spawn(PYTHON, [PROGRAM, ...hostAndPort(endpoint), endpoint.user, endpoint.password], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-4096);
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const act = async (name: string, request: object = {}): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify({ act: name, ...request })}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`pyVmomi ${name} gave no answer in time: ${complaint}`)), ACT_LIMIT_MS);
    });
    const line = await Promise.race([answers.next(), late]).finally(() => clearTimeout(timer));
    if (line.done === true) throw new Error(`pyVmomi ended: ${complaint}`);
    const answer = JSON.parse(line.value) as { value?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`pyVmomi ${name}: ${answer.error}`);
    return answer.value;
  };
  const none = async (name: string, request: object): Promise<void> => void (await act(name, request));
  return {
    connect: async () => String(await act('connect')),
    list: async () => (await act('list')) as string[],
    create: (name, spec) => none('create', { name, ...spec }),
    see: async (name) => (await act('see', { name })) as Seen,
    powerOn: (name) => none('powerOn', { name }),
    powerOff: (name) => none('powerOff', { name }),
    shutdown: (name) => none('shutdown', { name }),
    suspend: (name) => none('suspend', { name }),
    resume: (name) => none('powerOn', { name }),
    screenshot: async (name) => Buffer.from(String(await act('screenshot', { name })), 'base64'),
    takeSnapshot: (name, snapshot) => none('takeSnapshot', { name, snapshot }),
    revert: (name, snapshot) => none('revert', { name, snapshot }),
    snapshots: async (name) => (await act('snapshots', { name })) as string[],
    setMemory: async (name, memoryMiB) => {
      const fault = await act('setMemory', { name, memoryMiB });
      return fault === null ? undefined : String(fault);
    },
    addDisk: (name, datastore, file, sizeMiB) => none('addDisk', { name, datastore, file, sizeMiB }),
    removeDisk: (name) => none('removeDisk', { name }),
    rename: (name, to) => none('rename', { name, to }),
    events: async (name) => String(await act('events', { name })),
    tasks: async (name) => String(await act('tasks', { name })),
    destroy: (name) => none('destroy', { name }),
    close: async () => {
      await act('close').catch(() => {});
      child.stdin.end();
      await new Promise<void>((resolve) => {
        const stubborn = setTimeout(() => child.kill('SIGKILL'), 5000);
        child.once('exit', () => {
          clearTimeout(stubborn);
          resolve();
        });
        if (child.exitCode !== null || child.signalCode !== null) resolve();
      });
    },
  };
};
