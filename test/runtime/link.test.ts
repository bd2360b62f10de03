/** The link: typed calls over a channel that may be late, lossy and out of order, and over real sockets. */
import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Channel, LinkDown, openLink } from '../../runtime/link.ts';
import { parseLinkAddress } from '../../runtime/link-address.ts';
import { dialLink } from '../../runtime/link-dial.ts';
import { memoryPair, type Weather } from '../../runtime/link-memory.ts';
import { type LinkServer, serveLink } from '../../runtime/link-ws.ts';
import { silentLog } from '../../runtime/log.ts';
import { Secret } from '../../runtime/secret.ts';
import { temporaryFolder } from '../temporary.ts';

interface Left {
  echo(value: unknown): Promise<unknown>;
}
interface Right {
  add(a: number, b: number): Promise<number>;
  fails(): Promise<void>;
  never(): Promise<void>;
  twice(value: unknown): Promise<unknown>;
}

const options = { log: silentLog, unlimited: [] as string[], callMs: 200 };

const ends = (weather: Weather = {}) => {
  const pair = memoryPair(weather);
  const left = openLink<Right>({ echo: async (value: unknown) => value } satisfies Left, pair.left, options);
  const right = openLink<Left>(
    (back: Left) => ({
      add: async (a: number, b: number) => a + b,
      fails: async () => {
        throw new Error('our bug');
      },
      never: () => new Promise<void>(() => {}),
      twice: async (value: unknown) => [await back.echo(value), await back.echo(value)],
    }),
    pair.right,
    options,
  );
  return { pair, left, right };
};

describe('the in-memory link', () => {
  test('calls go both ways, nested, with bytes and absent members intact', async () => {
    const { left, right } = ends();
    expect(await left.remote.add(2, 3)).toBe(5);
    const value = { bytes: new Uint8Array([1, 2, 255]), deep: { list: [1, 'zwei', null, true, 2 ** 40] } };
    const back = (await right.remote.echo(value)) as typeof value;
    expect(new Uint8Array(back.bytes)).toEqual(value.bytes);
    expect(back.deep).toEqual(value.deep);
    expect(await left.remote.twice('x')).toEqual(['x', 'x']);
    expect(await right.remote.echo(undefined)).toBeUndefined();
  });

  test('a message is a copy: what the receiver gets does not change with what was sent', async () => {
    const { right } = ends();
    const sent = { count: 1 };
    const answer = right.remote.echo(sent);
    sent.count = 2;
    expect(await answer).toEqual({ count: 1 });
  });

  test('nothing is delivered in the turn in which it was sent', () => {
    const pair = memoryPair();
    const seen: number[] = [];
    pair.right.onMessage((bytes) => seen.push(bytes[0] ?? -1));
    void pair.left.send(new Uint8Array([7]));
    expect(seen).toEqual([]);
  });

  test('what the other side throws is an error with its text, and the link lives on', async () => {
    const { left } = ends();
    await expect(left.remote.fails()).rejects.toThrow('our bug');
    expect(await left.remote.add(1, 1)).toBe(2);
  });

  test('only own functions can be called: nothing that objects inherit', async () => {
    const { left } = ends();
    const remote = left.remote as unknown as Record<string, () => Promise<unknown>>;
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'missing']) {
      await expect(remote[name]?.()).rejects.toThrow(/not found/);
    }
  });

  test('messages that overtake each other reach their own callers', async () => {
    const { left } = ends({ pick: (waiting) => waiting - 1, delayMs: () => Math.random() * 8 });
    const sums = await Promise.all(Array.from({ length: 50 }, (_, n) => left.remote.add(n, 1000)));
    expect(sums).toEqual(Array.from({ length: 50 }, (_, n) => n + 1000));
  });

  test('a lost message ends the call with LinkDown after its limit', async () => {
    let lost = 0;
    const { left } = ends({ drop: () => lost++ === 0 });
    await expect(left.remote.add(1, 1)).rejects.toBeInstanceOf(LinkDown);
    expect(await left.remote.add(1, 2)).toBe(3);
  });

  test('a cut ends every call under way and all later ones with LinkDown', async () => {
    const { left, pair } = ends();
    const waiting = left.remote.never();
    waiting.catch(() => {});
    await left.remote.add(1, 1);
    pair.cut('the plug was pulled');
    await expect(waiting).rejects.toBeInstanceOf(LinkDown);
    await expect(left.remote.add(1, 1)).rejects.toBeInstanceOf(LinkDown);
    expect(await left.closed).toBe('the plug was pulled');
  });

  test('bytes that are no message break the link off instead of leaving callers waiting', async () => {
    const { left, pair } = ends();
    await left.remote.add(1, 1);
    void pair.right.send(new Uint8Array([0xc1]));
    void pair.right.send(new Uint8Array([0x93, 1, 2]));
    void pair.right.send(new Uint8Array([0x81, 0xa1, 0x74, 0xa1, 0x78]));
    expect(await left.closed).toBe('unreadable message');
  });

  test('a sender is held while more than the mark waits', async () => {
    const pair = memoryPair();
    const big = new Uint8Array(3 * 1024 * 1024);
    expect(pair.left.send(big)).toBeUndefined();
    const held = pair.left.send(big);
    expect(held).toBeInstanceOf(Promise);
    pair.right.onMessage(() => {});
    await held;
  });
});

describe('the link over sockets', () => {
  const token = new Secret('a-shared-token');
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const folder = temporaryFolder();

  const serve = async (path: string, accept: (channel: Channel) => void): Promise<LinkServer> => {
    const server = await serveLink({ kind: 'unix', path }, token, silentLog, accept);
    closers.push(() => server.close());
    return server;
  };
  const answer = (channel: Channel): void => {
    openLink({ add: async (a: number, b: number) => a + b }, channel, options);
  };

  test('calls pass, on a socket file that only its owner can open', async () => {
    const path = join(folder, 'one.sock');
    await serve(path, answer);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const channel = await new Promise<Channel>((resolve) => {
      const dialling = dialLink({ kind: 'unix', path }, token, silentLog, resolve);
      closers.push(() => dialling.close());
    });
    const link = openLink<Right>({}, channel, options);
    expect(await link.remote.add(20, 22)).toBe(42);
  });

  test('a wrong token is refused and no channel comes up', async () => {
    let accepted = 0;
    const server = await serveLink({ kind: 'tcp', host: '127.0.0.1', port: 0 }, token, silentLog, () => accepted++);
    closers.push(() => server.close());
    const port = server.address.kind === 'tcp' ? server.address.port : 0;
    for (const authorization of ['Bearer wrong', `Bearer ${token}`, '']) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/link`, { headers: { authorization } });
      const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
      expect(error.message).toContain('401');
    }
    expect(accepted).toBe(0);
  });

  test('the agent finds a server that comes later, and again after it was away', async () => {
    const path = join(folder, 'two.sock');
    const links: ReturnType<typeof openLink<Right>>[] = [];
    const dialling = dialLink({ kind: 'unix', path }, token, silentLog, (channel) =>
      links.push(openLink<Right>({}, channel, options)),
    );
    closers.push(() => dialling.close());
    const first = await serveLink({ kind: 'unix', path }, token, silentLog, answer);
    await expect.poll(() => links.length, { timeout: 5000 }).toBe(1);
    expect(await links[0]?.remote.add(1, 2)).toBe(3);
    await first.close();
    await expect(links[0]?.remote.add(1, 2)).rejects.toBeInstanceOf(LinkDown);
    await serve(path, answer);
    await expect.poll(() => links.length, { timeout: 5000 }).toBe(2);
    expect(await links[1]?.remote.add(3, 4)).toBe(7);
  });

  test('a socket file left by a killed server is taken over, that of a live one is not', async () => {
    const path = join(folder, 'three.sock');
    await serve(path, answer);
    await expect(serveLink({ kind: 'unix', path }, token, silentLog, answer)).rejects.toThrow(/another server/);
    await new Promise<void>((resolve) =>
      connect(path)
        .once('connect', () => resolve())
        .unref(),
    );
  });

  test('addresses are read, and what is none is refused', () => {
    expect(parseLinkAddress('unix:/run/x')).toEqual({ kind: 'unix', path: '/run/x' });
    expect(parseLinkAddress('tcp:[::1]:80')).toEqual({ kind: 'tcp', host: '::1', port: 80 });
    for (const text of ['', 'unix:', 'tcp:host', 'tcp:host:99999', 'http://x'])
      expect(parseLinkAddress(text)).toBeUndefined();
  });
});
