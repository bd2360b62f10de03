/** Load on a running program: readers, and one that switches each VM on and off; how each call ended, counted by the API's own word for it. */
import type { Endpoint } from '../peers/clients.ts';
import { rawSoap } from '../peers/raw-soap.ts';

export type Load = {
  /** Counts by `read success`, `power HostNotConnected` and the like. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Successful power commands so far. */
  readonly switched: () => number;
  readonly stop: () => Promise<void>;
};

const READ_PAUSE_MS = 5;
const POWER_PAUSE_MS = 20;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** `reading VirtualMachine:1: HostNotConnected: <...` or what broke the connection. */
const wordOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error);
  return /^reading \S+ (\w+):/.exec(text)?.[1] ?? text.slice(0, 200);
};

export const startLoad = async (endpoint: Endpoint, vms: ReadonlyMap<string, string>): Promise<Load> => {
  const soap = rawSoap(endpoint);
  const login = await soap.logIn();
  if (login.fault !== undefined) throw new Error(`no log-in: ${login.fault}`);
  let stopping = false;
  const outcomes = new Map<string, number>();
  const count = (what: string): void => void outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
  const reads = async (path: string): Promise<void> => {
    for (let n = 0; !stopping; n += 1) {
      const vm = [...vms.values()][n % vms.size] ?? '';
      count(
        `read ${await soap.read('VirtualMachine', vm, path).then((found) => (found.has(path) ? 'success' : 'nothing'), wordOf)}`,
      );
      await sleep(READ_PAUSE_MS);
    }
  };
  const power = async (vm: string): Promise<void> => {
    while (!stopping) {
      const state = await soap
        .read('VirtualMachine', vm, 'runtime.powerState')
        .then((found) => found.get('runtime.powerState'), wordOf);
      const method = state === 'poweredOn' ? 'PowerOffVM_Task' : 'PowerOnVM_Task';
      count(`power ${(await soap.run(method, 'VirtualMachine', vm).catch(wordOf)) ?? 'success'}`);
      await sleep(POWER_PAUSE_MS);
    }
  };
  const loops = [reads('summary'), reads('config'), ...[...vms.values()].map(power)];
  return {
    outcomes,
    switched: () => outcomes.get('power success') ?? 0,
    stop: async () => {
      stopping = true;
      await Promise.all(loops);
      soap.close();
    },
  };
};
