/** Detection with a log-in: a host tells more in a session, which is ended; nobody else is told the password. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DetectOptions, detect } from '../../agent/detect.ts';
import { startXenHost, type XenHost } from '../../fixtures/xenapi-host/server.ts';
import { vim25 } from '../../mappings/vim25/platform.ts';
import { xenapi } from '../../mappings/xenapi/platform.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { Secret } from '../../runtime/secret.ts';

const PASSWORD = 'secret of the host';
let host: XenHost;
beforeAll(async () => {
  host = await startXenHost({ user: 'root', password: PASSWORD, vms: 0, loginDelayMs: 1 });
});
afterAll(() => host.close());

const dialerWith =
  (password: string): NonNullable<DetectOptions['dialer']> =>
  (platform, uri) => {
    const reached = platform.converse?.(uri);
    if (reached?.ok !== true) throw new Error(`${uri} cannot be dialled`);
    const { endpoint, open } = reached.value;
    return { endpoint, converse: open, credentials: () => ({ user: 'root', password: new Secret(password) }) };
  };
const at = (port: number, dialer?: DetectOptions['dialer']) =>
  detect({ address: `127.0.0.1:${port}`, platforms: [vim25, xenapi], clock: systemClock, log: silentLog, dialer });
/** That are still open. */
const sessions = () => host.sim.db.count('session');

test('a host tells its product and version in a session, and the session is ended', async () => {
  const [told, ...others] = await at(host.port, dialerWith(PASSWORD));
  expect(others).toEqual([]);
  expect(told).toEqual({
    platform: 'xenapi',
    title: xenapi.title,
    product: 'XenServer',
    version: '8.4.0',
    uri: `xenapi+http://127.0.0.1:${host.port}/`,
    fingerprint: '',
  });
  expect(sessions()).toBe(0);
});

test('without a log-in it says that it is there', async () => {
  expect(await at(host.port)).toMatchObject([{ platform: 'xenapi', product: 'XenAPI', version: '' }]);
});

test('a refused log-in is told beside what was found, without the password', async () => {
  const [found] = await at(host.port, dialerWith('a wrong password'));
  expect(found).toMatchObject({ platform: 'xenapi', version: '' });
  expect(found?.refused).toMatch(/refuses the log-in of user "root"/);
  expect(found?.refused).not.toContain('a wrong password');
  expect(sessions()).toBe(0);
});

test('what is no host of a known API is not logged in to', async () => {
  let asked = '';
  const other = createServer((request, answer) => {
    request.on('data', (part: Buffer) => {
      asked += part.toString();
    });
    request.on('end', () => answer.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello</p>'));
  });
  await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
  try {
    expect(await at((other.address() as AddressInfo).port, dialerWith(PASSWORD))).toEqual([]);
    expect(asked).toContain('system.listMethods');
    expect(asked).not.toContain(PASSWORD);
  } finally {
    await new Promise((resolve) => void other.close(resolve));
  }
});
