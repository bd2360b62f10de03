/** `npm run fleet`: one server, a fleet of simulated agents and watching clients; memory, processor time, first listing and lateness of changes out. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { FleetReady } from '../../cli/sim-fleet.ts';
import { residentKiB } from './cases.ts';
import { median, quantile } from './figures.ts';
import { openSession, type VimSession } from './vim-session.ts';

const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
/** The kernel's clock ticks of /proc/PID/stat, in a second. */
const TICKS = 100;
const NAMED = /changed-\d+-(\d{13})</g;

const { values: flags } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000' },
    vms: { type: 'string', default: '100' },
    /** Over the fleet, a second. */
    changes: { type: 'string', default: '200' },
    /** Clients that watch all VMs of a host each. */
    watchers: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '30' },
    /** Before it is measured: first reads, whose documents are made. */
    warm: { type: 'string', default: '5' },
    limit: { type: 'string', default: '600' },
  },
});
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Of the process and its threads: user and system. */
const processorSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};

const programs: ChildProcess[] = [];
const start = async <T>(args: readonly string[], readyFile: string): Promise<{ child: ChildProcess; ready: T }> => {
  const child = spawn(PROGRAM, [...args, '--ready-file', readyFile], { stdio: ['ignore', 'ignore', 'inherit'] });
  programs.push(child);
  const endMs = Date.now() + Number(flags.limit) * 1000;
  while (!existsSync(readyFile)) {
    if (child.exitCode !== null) throw new Error(`transvisor ${args[0]} ended with ${child.exitCode}`);
    if (Date.now() > endMs) throw new Error(`transvisor ${args[0]} is not ready after ${flags.limit} s`);
    await sleep(20);
  }
  return { child, ready: JSON.parse(readFileSync(readyFile, 'utf8')) as T };
};

/** Every change that reaches one client, in ms since it was made on the host. */
const watch = async (session: VimSession, until: () => boolean, late: number[]): Promise<void> => {
  const next = await session.watch(['name']);
  while (!until()) {
    const text = await next();
    const now = Date.now();
    for (const [, madeMs] of text.matchAll(NAMED)) late.push(now - Number(madeMs));
  }
};

const folder = mkdtempSync(join(tmpdir(), 'tvf-'));
try {
  const link = ['--link', `unix:${join(folder, 'link')}`, '--link-token-file', join(folder, 'token')];
  const server = await start(
    ['server', '--state', join(folder, 'state'), '--port', 'admin=0', '--log-level', 'warn', ...link],
    join(folder, 'server.json'),
  );
  const pid = server.child.pid ?? 0;
  const emptyKiB = residentKiB(pid);
  const { ready } = await start<FleetReady>(
    [
      'sim',
      'fleet',
      ...link,
      '--hosts',
      flags.hosts,
      '--vms',
      flags.vms,
      '--changes',
      flags.changes,
      '--fronts',
      flags.watchers,
    ],
    join(folder, 'fleet.json'),
  );
  const listedCpu = processorSeconds(pid);
  const listedKiB = residentKiB(pid);
  const count = ready.hosts * ready.vms;
  say(
    `${ready.hosts} agents, ${count.toLocaleString('en')} VMs: all listed after ${ready.listedSeconds.toFixed(1)} s, ${listedCpu.toFixed(1)} s of the server's processor time`,
  );
  say(
    `server's memory: ${(emptyKiB / 1024).toFixed(0)} MiB empty, ${(listedKiB / 1024).toFixed(0)} MiB listed, ${((listedKiB - emptyKiB) / count).toFixed(1)} KiB a VM`,
  );

  let over = false;
  const late: number[] = [];
  const sessions = await Promise.all(
    ready.fronts.map(({ url }) => openSession({ url, user: ready.user, password: ready.password })),
  );
  const begunMs = Date.now();
  const watching = sessions.map((session) => watch(session, () => over, late));
  const failed = Promise.race(watching);
  await Promise.race([failed, sleep(Number(flags.warm) * 1000)]);
  say(`${sessions.length} clients watch ${ready.vms} VMs each, after ${((Date.now() - begunMs) / 1000).toFixed(1)} s`);
  late.length = 0;
  const beforeCpu = processorSeconds(pid);
  await Promise.race([failed, sleep(Number(flags.seconds) * 1000)]);
  over = true;
  const busy = (processorSeconds(pid) - beforeCpu) / Number(flags.seconds);
  say(
    `${flags.changes} changes a second on all hosts: ${(busy * 100).toFixed(0)} % of one core, ${(residentKiB(pid) / 1024).toFixed(0)} MiB`,
  );
  if (late.length === 0) throw new Error('no change reached a client');
  say(
    `a change to the client that watches it: median ${median(late)} ms, p99 ${quantile(late, 0.99)} ms, ${late.length} samples`,
  );
  for (const session of sessions) session.close();
  await Promise.allSettled(watching);
} finally {
  for (const child of programs.toReversed()) child.kill('SIGTERM');
  await Promise.all(
    programs.map(async (child) => child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)))),
  );
  rmSync(folder, { recursive: true, force: true });
}
