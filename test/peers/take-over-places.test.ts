/** A take-over whose configuration puts fronts elsewhere: to a port another one has, to one of their own, away; who is connected stays so. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from './clients.ts';
import { copyProgram } from './program-copy.ts';
import { rawSoap } from './raw-soap.ts';
import { rawXenApi } from './raw-xenapi.ts';
import { PROGRAM, startTransvisor, type Transvisor } from './transvisor.ts';

/** All at once, so that they differ. */
const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  return servers.map((server) => {
    const at = server.address();
    server.close();
    return at !== null && typeof at === 'object' ? at.port : 0;
  });
};

const askTakeOver = (product: Transvisor, program: string): ReturnType<typeof runProgram> =>
  runProgram(program, [
    ...['take-over', '--json', '--admin', product.admin.url],
    ...['--token-file', join(product.state, 'admin-token')],
  ]);

test('a port that another program has refuses the take-over, and nothing is let go of', {
  timeout: 60_000,
}, async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const at = other.address();
  const port = at !== null && typeof at === 'object' ? at.port : 0;
  await using product = await startTransvisor({ host: 'sim:///default', fronts: ['vim25'] });
  const before = product.pid();
  const config = `[[front]]\nplatform = "vim25"\nport = ${Number(new URL(product.url).port)}\n[[front]]\nplatform = "xenapi"\nport = ${port}\n`;
  const soap = rawSoap(product);
  expect((await soap.logIn()).fault).toBeUndefined();
  writeFileSync(join(dirname(product.state), 'transvisor.toml'), config);
  const why = `EADDRINUSE: address already in use 127.0.0.1:${port}`;
  // Once and again: each is told of its own refusal, at once.
  for (const _ of [1, 2]) {
    const asked = await askTakeOver(product, PROGRAM);
    expect([asked.code, JSON.parse(asked.stdout)]).toEqual([1, { before, why: expect.stringContaining(why) }]);
  }
  expect(product.wholeLog()).toMatch(/take-over: this program stays: .*EADDRINUSE/);
  expect([product.pid(), product.alive()]).toEqual([before, true]);
  expect((await soap.call('CurrentTime', 'ServiceInstance', 'ServiceInstance')).status).toBe(200);
  soap.close();
  other.close();
});

test('fronts come together at one port, part again and go, without an open session ended', {
  timeout: 180_000,
}, async () => {
  const [shared = 0, own = 0] = await freePorts(2);
  const front = (platform: string, port: number): string => `[[front]]\nplatform = "${platform}"\nport = ${port}\n`;
  using copy = copyProgram();
  await using product = await startTransvisor({
    host: 'sim:///default',
    fronts: [],
    config: front('vim25', shared),
    program: copy.program,
  });
  const at = (port: number) => ({ url: `https://127.0.0.1:${port}`, user: product.user, password: product.password });
  let taken = 0;
  const takeOver = async (config: string): Promise<void> => {
    writeFileSync(join(dirname(product.state), 'transvisor.toml'), config);
    const asked = await askTakeOver(product, copy.program);
    expect([asked.code, asked.stderr]).toEqual([0, '']);
    taken += 1;
    const told = () => product.wholeLog().match(/serves, this one ends/g)?.length;
    await expect.poll(told, { timeout: 20_000 }).toBe(taken);
  };
  const vim25 = (port: number) => rawSoap({ ...at(port), url: `${at(port).url}/sdk` });
  const now = async (soap: ReturnType<typeof vim25>): Promise<number> =>
    (await soap.call('CurrentTime', 'ServiceInstance', 'ServiceInstance')).status;

  const first = vim25(shared);
  expect((await first.logIn()).fault).toBeUndefined();

  // A second front comes to the port.
  await takeOver(front('vim25', shared) + front('xenapi', shared));
  expect(await now(first)).toBe(200);
  const xen = rawXenApi(at(shared));
  await xen.logIn();
  expect(await xen.call('VM.get_by_name_label', 'demo-1')).toHaveLength(1);

  // The first one goes to a port of its own.
  await takeOver(front('vim25', own) + front('xenapi', shared));
  const moved = vim25(own);
  expect((await moved.logIn()).fault).toBeUndefined();
  expect(await xen.call('VM.get_by_name_label', 'demo-1')).toHaveLength(1);

  // It goes altogether: its port is closed, not left to wait.
  await takeOver(front('xenapi', shared));
  await expect
    .poll(() => now(vim25(own)).catch(({ code }: NodeJS.ErrnoException) => code), { timeout: 10_000 })
    .toBe('ECONNREFUSED');
  expect(await xen.call('VM.get_by_name_label', 'demo-1')).toHaveLength(1);
  for (const client of [first, moved, xen]) client.close();
  expect(product.wholeLog()).not.toContain('"level":"error"');
  expect(await product.stop()).toEqual([0]);
});
