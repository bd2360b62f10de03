/** Hosts and a number of commands in; clients of two vendors that send them, and how each ended for its client, out. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { requireClient } from '../peers/clients.ts';
import type { FrontName } from '../peers/transvisor.ts';
import { type DrillHost, type Estate, VENDORS } from './estate.ts';

export type Sent = {
  readonly vendor: FrontName;
  readonly host: DrillHost;
  readonly machine: string;
  /** What it wrote; absent for a power command. */
  readonly marker?: string;
  readonly switch?: 'on' | 'off';
  readonly sentMs: number;
  readonly ms: number;
  /** `success`, or the fault's own name, or how the connection broke. */
  readonly answer: string;
  readonly broken: boolean;
  /** Faults of reads while it waited for its end. */
  readonly told: readonly string[];
};

export type Commands = {
  readonly sent: readonly Sent[];
  /** Of those with a marker, how many have ended for their client. */
  readonly written: () => number;
  readonly ended: Promise<void>;
  readonly stop: () => void;
};

const PYTHON = fileURLToPath(new URL('../../.cache/venv/bin/python', import.meta.url));
const PROGRAM = fileURLToPath(new URL('commands.py', import.meta.url));
const SWITCH_EVERY = 40;
const PAUSE_S = 0.005;

export const startCommands = async (
  estate: Estate,
  hosts: readonly DrillHost[],
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<Commands> => {
  for (const client of ['pyvmomi', 'xenapi-py'] as const) requireClient(client);
  const sent: Sent[] = [];
  const pairs = hosts.flatMap((host) => VENDORS.map((vendor) => ({ host, vendor })));
  const children = pairs.map(({ host, vendor }, at) => {
    const child = spawn(PYTHON, [PROGRAM], { stdio: ['pipe', 'pipe', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString('utf8')).slice(-4096);
    });
    child.stdin.on('error', () => {}); // it ended: its exit says so
    const { url, user, password } = estate.front(host, vendor);
    const setting = {
      ...{ vendor, url, user, password, name: `${vendor}-${host.name}`, seed: seed + at, pause: PAUSE_S },
      ...{ machines: host.machines, switched: host.switched[vendor], switchEvery: SWITCH_EVERY },
      count: Math.floor(count / pairs.length) + (at < count % pairs.length ? 1 : 0),
    };
    child.stdin.write(`${JSON.stringify(setting)}\n`);
    const lines = createInterface({ input: child.stdout });
    const ready = new Promise<void>((resolve) => lines.once('line', () => resolve()));
    const ended = new Promise<void>((resolve, reject) => {
      // Not at its exit: what it said last is still on its way then.
      child.once('close', (code) =>
        code === 0 ? resolve() : reject(new Error(`the ${vendor} client ended with ${code}: ${complaint}`)),
      );
      child.once('error', reject);
    });
    ended.catch(() => {}); // whoever waits for the end hears of it
    const begin = (): void => {
      lines.on('line', (line) => sent.push({ ...(JSON.parse(line) as Sent), vendor, host }));
      child.stdin.write('begin\n');
    };
    return { child, ready, ended, begin };
  });
  const stop = (): void => {
    for (const { child } of children) child.kill('SIGKILL');
  };
  try {
    await Promise.all(children.map(({ ready, ended }) => Promise.race([ready, ended])));
  } catch (error) {
    stop();
    throw error;
  }
  for (const { begin } of children) begin();
  return {
    sent,
    written: () => sent.filter(({ marker }) => marker !== undefined).length,
    ended: Promise.all(children.map(({ ended }) => ended)).then(() => {}),
    stop,
  };
};
