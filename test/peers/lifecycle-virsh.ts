/** The lifecycle's acts as far as libvirt's own ESX driver goes: `virsh -c esx://`. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Endpoint, type Output, requireClient, runProgram } from './clients.ts';
import type { LifecycleClient } from './lifecycle-steps.ts';
import { esxAuthFile, esxUri } from './transvisor.ts';

const POWER: Readonly<Record<string, string>> = { running: 'poweredOn', paused: 'suspended', 'shut off': 'poweredOff' };

const virshEsx = (
  endpoint: Endpoint,
): {
  run: (...args: string[]) => Promise<string>;
  result: (...args: string[]) => Promise<Output>;
  close: () => void;
} => {
  const folder = mkdtempSync(join(tmpdir(), 'tvv-'));
  const authfile = esxAuthFile(endpoint, join(folder, 'auth.conf'));
  const result = (...args: string[]): Promise<Output> =>
    runProgram(requireClient('virsh'), ['-q', '-c', esxUri(endpoint), ...args], {
      timeoutMs: 60_000,
      env: { LIBVIRT_AUTH_FILE: authfile },
    });
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await result(...args);
    if (code !== 0) throw new Error(`virsh esx ${args.join(' ')}: ${stderr.trim()}`);
    return stdout;
  };
  return { run, result, close: () => rmSync(folder, { recursive: true, force: true }) };
};

export const virshClient = (endpoint: Endpoint): LifecycleClient => {
  const { run, close } = virshEsx(endpoint);
  return {
    connect: async () =>
      `${await run('version')}${await run('hostname')}`.replace(/hypervisor: (\S+)/, 'hypervisor: $1'),
    list: async () => (await run('list', '--all', '--name')).split('\n').filter((line) => line !== ''),
    see: async (name) => {
      const text = await run('dominfo', name);
      const field = (label: string): string => new RegExp(`^${label}:\\s+(.*)$`, 'm').exec(text)?.[1] ?? '';
      return {
        power: POWER[field('State')] ?? field('State'),
        memoryMiB: Number.parseInt(field('Max memory'), 10) / 1024,
        cpus: Number(field('CPU\\(s\\)')),
      };
    },
    powerOn: async (name) => void (await run('start', name)),
    powerOff: async (name) => void (await run('destroy', name)),
    shutdown: async (name) => void (await run('shutdown', name)),
    suspend: async (name) => void (await run('suspend', name)),
    resume: async (name) => void (await run('resume', name)),
    screenshot: async (name) => {
      const folder = mkdtempSync(join(tmpdir(), 'tvs-'));
      try {
        await run('screenshot', name, join(folder, 'screen.png'));
        return readFileSync(join(folder, 'screen.png'));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    takeSnapshot: async (name, snapshot) => void (await run('snapshot-create-as', name, snapshot)),
    revert: async (name, snapshot) => void (await run('snapshot-revert', name, snapshot)),
    snapshots: async (name) => (await run('snapshot-list', name, '--name')).split('\n').filter((line) => line !== ''),
    // libvirt 9.0 refuses setmaxmem on ESX by itself (flags), and its setmem is a limit, not a size.
    destroy: async (name) => void (await run('undefine', name)),
    close: async () => close(),
  };
};
