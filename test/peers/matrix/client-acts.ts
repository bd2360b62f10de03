/** The matrix's acts through a program beside this file that holds one unmodified client library. */
import { fileURLToPath } from 'node:url';
import { type ActProgram, openPythonActs } from '../act-program.ts';
import type { Endpoint } from '../clients.ts';
import { hostAndPort } from '../transvisor.ts';
import type { Estate, MatrixClient } from './contract.ts';

/** Any program that knows the acts. */
export const actMatrix = ({ act, close }: ActProgram): MatrixClient => {
  const none = async (name: string, request: object): Promise<void> => void (await act(name, request));
  const text = async (name: string, request: object = {}): Promise<string> => String(await act(name, request));
  return {
    connect: () => text('connect'),
    estate: async () => (await act('estate')) as Estate,
    create: (name, spec) => none('create', { name, ...spec }),
    power: (name, what) => none('power', { name, do: what }),
    change: (name, to) => none('change', { name, ...to }),
    addDisk: (name, sizeMiB, storage) => none('addDisk', { name, sizeMiB, storage }),
    removeDisk: (name, sizeMiB) => none('removeDisk', { name, sizeMiB }),
    takeSnapshot: (name, snapshot) => none('takeSnapshot', { name, snapshot }),
    revert: (name, snapshot) => none('revert', { name, snapshot }),
    removeSnapshot: (name, snapshot) => none('removeSnapshot', { name, snapshot }),
    rename: (name, to) => none('rename', { name, to }),
    remove: (name) => none('remove', { name }),
    watch: async (name, power) => {
      // Answered when the present state has been told.
      await none('watch', { name, power });
      return {
        get seen() {
          return act('watched', { name }).then((seen) => seen === true);
        },
      };
    },
    task: (name) => text('task', { name }),
    wrongState: (name) => text('wrongState', { name }),
    wrongId: () => text('wrongId'),
    badLogin: () => text('badLogin'),
    close: async () => {
      await act('close').catch(() => {}); // a session that is gone needs no end
      await close();
    },
  };
};

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export const pyvmomiMatrix = (endpoint: Endpoint): MatrixClient =>
  actMatrix(
    openPythonActs('pyvmomi', [program('pyvmomi.py'), ...hostAndPort(endpoint), endpoint.user, endpoint.password]),
  );

export const xenapiPyMatrix = ({ url, user, password }: Endpoint): MatrixClient =>
  actMatrix(openPythonActs('xenapi-py', [program('xenapi.py'), url, user, password]));
