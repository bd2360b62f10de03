/** Unmodified govc, pyVmomi and xen-api as programs of the client's namespace: an endpoint in; connect, list, power on and off out. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ActProgram, openActs } from './act-program.ts';
import { requireClient } from './clients.ts';
import type { Place } from './netns.ts';
import { PASSWORD, USER } from './netns-programs.ts';

export type PowerClient = {
  readonly names: () => Promise<readonly string[]>;
  readonly power: (name: string, what: 'on' | 'off') => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};
/** Connected, when it is given. `origin`: scheme, name or address, and port if it is not the standard one. */
export type OpenClient = (place: Place, origin: string) => Promise<PowerClient>;

const openGovc: OpenClient = async (place, origin) => {
  const env = {
    GOVC_URL: `${origin}/sdk`,
    GOVC_USERNAME: USER,
    GOVC_PASSWORD: PASSWORD,
    GOVC_INSECURE: 'true',
    GOVC_PERSIST_SESSION: 'false',
  };
  const govc = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await place.run([requireClient('govc'), ...words], { env, timeoutMs: 30_000 });
    if (code !== 0) throw new Error(`govc at ${origin}: ${words.join(' ')}: ${stderr.trim()}`);
    return stdout;
  };
  return {
    names: async () =>
      (await govc('find', '-type', 'm'))
        .split('\n')
        .flatMap((path) => (path === '' ? [] : [path.split('/').at(-1) ?? ''])),
    power: async (name, what) => void (await govc('vm.power', `-${what}`, name)),
    [Symbol.asyncDispose]: async () => {},
  };
};

const acting = (program: ActProgram, names: () => Promise<readonly string[]>): PowerClient => ({
  names,
  power: async (name, what) => void (await program.act('power', { name, do: what })),
  [Symbol.asyncDispose]: async () => {
    await program.act('close').catch(() => {}); // a session that is gone needs no end
    await program.close();
  },
});

const connected = async (program: ActProgram, origin: string): Promise<ActProgram> => {
  try {
    await program.act('connect');
    return program;
  } catch (error) {
    await program.close();
    throw new Error(`${origin}: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const openPyvmomi: OpenClient = async (place, origin) => {
  const python = join(dirname(requireClient('pyvmomi')), 'bin', 'python');
  const words = [python, beside('netns-pyvmomi.py'), origin, USER, PASSWORD];
  const program = await connected(openActs(...place.command(...words)), origin);
  return acting(program, async () => (await program.act('names')) as string[]);
};

const openXen: OpenClient = async (place, origin) => {
  const folder = dirname(requireClient('xen-api'));
  const words = [process.execPath, beside('matrix/xen-api.mjs'), folder, origin, USER, PASSWORD, 'json-rpc'];
  const program = await connected(openActs(...place.command(...words)), origin);
  return acting(program, async () =>
    ((await program.act('estate')) as { machines: { name: string }[] }).machines.map(({ name }) => name),
  );
};

/** Of two vendors. */
export const CLIENTS = { govc: openGovc, pyVmomi: openPyvmomi, 'xen-api': openXen } as const;
