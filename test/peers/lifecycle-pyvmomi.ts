/** The lifecycle's acts through one running pyVmomi program (lifecycle-pyvmomi.py). */
import { fileURLToPath } from 'node:url';
import { openPythonActs } from './act-program.ts';
import type { Endpoint } from './clients.ts';
import type { LifecycleClient, Seen } from './lifecycle-steps.ts';
import { hostAndPort } from './transvisor.ts';

const PROGRAM = fileURLToPath(new URL('lifecycle-pyvmomi.py', import.meta.url));

export const pyvmomiClient = (endpoint: Endpoint): LifecycleClient => {
  const { act, close } = openPythonActs('pyvmomi', [
    PROGRAM,
    ...hostAndPort(endpoint),
    endpoint.user,
    endpoint.password,
  ]);
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
      await close();
    },
  };
};
