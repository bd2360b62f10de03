/** A small fleet on a real server: every agent lists, and changes on the hosts reach clients that watch. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const MEASURE = fileURLToPath(new URL('../bench/fleet.ts', import.meta.url));

test('a fleet is listed, and what changes on its hosts reaches the clients of its fronts', async () => {
  const size = ['--hosts', '6', '--vms', '5', '--changes', '60', '--watchers', '3', '--seconds', '2', '--warm', '1'];
  const { stdout } = await promisify(execFile)(process.execPath, [MEASURE, ...size], { timeout: 60_000 });
  expect(stdout).toContain('6 agents, 30 VMs: all listed');
  expect(stdout).toContain('3 clients watch 5 VMs each');
  expect(Number(/(\d+) samples/.exec(stdout)?.[1])).toBeGreaterThan(10);
}, 90_000);
