/** Two transform servers on one real Redis: a sheet that one takes is judged and used by both, lasts, and is withdrawn at both. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from './describe-with.ts';
import { REDIS_CLIENTS } from './redis.ts';
import { endTest, openState } from './redis-state.ts';
import { type RunningServer, type Servers, startServers } from './servers.ts';

const ID = 'libvirt.to-generic.vm';
const PATH = 'mappings/libvirt/to-generic/vm.xsl';
const LIMIT = { timeout: 60_000, interval: 250 };

interface Sheet {
  readonly text: string;
  readonly changedHere?: { readonly by: string };
  readonly golden: readonly { readonly why?: string }[];
}
interface AuditLine {
  readonly verb: string;
  readonly user: string;
  readonly target: string;
  readonly outcome: string;
}

const ask = async <T>({ ready }: RunningServer, path: string, init: RequestInit = {}): Promise<[number, T]> => {
  const { url, token } = (ready as { readonly admin: { readonly url: string; readonly token: string } }).admin;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v1${path}`, { ...init, headers });
  return [answer.status, (await answer.json()) as T];
};
const sheetOf = async (server: RunningServer): Promise<Sheet> => (await ask<Sheet>(server, `/sheets/${ID}`))[1];
const textOf = async (server: RunningServer): Promise<string> => (await sheetOf(server)).text;
const put = (server: RunningServer, text: string) =>
  ask<{ changed?: readonly string[]; detail?: string }>(server, `/sheets/${ID}`, {
    method: 'PUT',
    body: JSON.stringify({ text }),
  });
const adopted = async (server: RunningServer): Promise<readonly AuditLine[]> =>
  (await ask<{ items: readonly AuditLine[] }>(server, '/audit'))[1].items.filter(({ verb }) => verb === 'sheet.adopt');

describeWith(REDIS_CLIENTS, 'sheets of servers that share their state', () => {
  let servers: Servers;
  let one: RunningServer;
  let two: RunningServer;
  let own: string;
  let better: string;

  beforeAll(async () => {
    servers = await startServers();
    [one, two] = await Promise.all([servers.server('one'), servers.server('two')]);
    await servers.agent('agent', { hosts: ['local=sim:///default?vms=2'], servers: ['one', 'two'] });
    own = await textOf(one);
    better = own.replace('</xsl:stylesheet>', '<!-- better --></xsl:stylesheet>');
  });
  afterAll(async () => {
    await endTest();
    await servers?.[Symbol.asyncDispose]();
  });

  test('a sheet that one takes is in use at both, and the audit says so', async () => {
    expect((await one.cells()).here.map(({ cell }) => cell)).toEqual(['local']);
    // The one that has no cell.
    expect(await put(two, better)).toEqual([200, expect.objectContaining({ changed: [PATH] })]);
    await expect.poll(() => textOf(one), LIMIT).toBe(better);
    const { changedHere, golden } = await sheetOf(one);
    expect(changedHere).toMatchObject({ by: 'token' });
    expect(golden.filter(({ why }) => why !== undefined)).toEqual([]);
    expect(await adopted(one)).toEqual([expect.objectContaining({ user: 'token', target: PATH, outcome: 'success' })]);
    expect(servers.log('two')).toContain('admin: PUT /sheets/:id');
  });

  test('one that golden pairs refuse is in use nowhere', async () => {
    const [status, { detail }] = await put(one, own.replace('<name><xsl:value-of', '<name>worse-<xsl:value-of'));
    expect([status, detail]).toEqual([409, expect.stringContaining('another document than the golden pair')]);
    expect(await textOf(one)).toBe(better);
    expect(await textOf(two)).toBe(better);
  });

  test('it outlasts a kill -9 of Redis and of a server, and is in use at a server that joins later', async () => {
    await servers.redis.kill();
    expect((await put(one, `${better}<!-- while it is away -->`))[0]).toBe(409);
    await servers.redis.start();
    await two.kill9();
    two = await servers.server('two');
    const three = await servers.server('three');
    for (const server of [one, two, three]) await expect.poll(() => textOf(server), LIMIT).toBe(better);
    expect(servers.log('three')).toContain(`as another server has them: ${PATH}`);
    await three.stop();
  });

  test('withdrawn at one it is withdrawn at both', async () => {
    await expect.poll(async () => (await ask<unknown>(one, `/sheets/${ID}`, { method: 'DELETE' }))[0], LIMIT).toBe(200);
    for (const server of [one, two]) {
      await expect.poll(() => textOf(server), LIMIT).toBe(own);
      expect((await sheetOf(server)).changedHere).toBeUndefined();
    }
  });

  test('a change is taken upon the newest state only', async () => {
    const [a, b] = await Promise.all([openState(servers.redis.url, 'a'), openState(servers.redis.url, 'b')]);
    const [first, second] = [randomUUID(), randomUUID()];
    const { version } = await a.texts.read();
    const written = await Promise.all([a.texts.write(version, first, 'of a'), b.texts.write(version, second, 'of b')]);
    expect([...written].sort()).toEqual([false, true]);
    expect(await b.texts.version()).toBe(version + 1);
    const { texts } = await a.texts.read();
    expect([texts.has(first), texts.has(second)]).toEqual(written);
    expect(await b.texts.write(version + 1, written[0] ? first : second, undefined)).toBe(true);
    const now = await a.texts.read();
    expect([now.version, now.texts.has(first), now.texts.has(second)]).toEqual([version + 2, false, false]);
  });
});
