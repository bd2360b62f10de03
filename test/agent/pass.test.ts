/** The route pass, judged over real sockets: every byte of both directions unchanged, exchanges noted beside it, nothing in its way. */
import { createHash, randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpDialer } from '../../agent/connections/host-connection.ts';
import type { Hops } from '../../agent/hops.ts';
import { type Listener, openListener } from '../../agent/listener.ts';
import { createRelay } from '../../agent/pass.ts';
import type { Platform } from '../../mappings/generic/platform.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import type { Hop } from '../../runtime/protocol.ts';
import { fingerprints, makeCa, makeLeaf } from '../../runtime/tls.ts';
import { dialerTo, serveWeb } from './connections/web-host.ts';

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const noted: Hop[] = [];
const hops = (isWanted = true): Pick<Hops, 'wanted' | 'note'> => {
  noted.length = 0;
  return { wanted: () => isWanted, note: (hop) => void noted.push(hop) };
};
/** A front that reads a call's name out of the first word of a body. */
const platform = {
  front: {
    decode: ({ body }: { body: Uint8Array }) => {
      const word = /^\w+/.exec(Buffer.from(body).toString())?.[0] ?? '';
      if (word === 'throw') throw new Error('not for us');
      return { kind: 'call', call: { method: word, target: { type: 't', id: 'i' }, args: { secret: 'x' } } };
    },
  },
} as unknown as Platform;

const relayTo = async (
  dialer: HttpDialer,
  more: { isWanted?: boolean; tls?: ReturnType<typeof makeLeaf> } = {},
): Promise<Listener> => {
  const relay = createRelay({
    counts: { ended: () => {}, now: () => 0 },
    front: 'f',
    platform,
    dialer,
    hops: hops(more.isWanted),
    clock: systemClock,
    log: silentLog,
  });
  const listener = await openListener({ address: '127.0.0.1', port: 0, tls: more.tls, relay, log: silentLog });
  closers.push(() => listener.close());
  return listener;
};

/** A host that is scripted byte by byte: what it gets, and what it says to each connection. */
const rawHost = async (serve: (socket: Socket) => void): Promise<{ port: number; got: () => string }> => {
  let got = '';
  const server: Server = createServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      got += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return { port: (server.address() as AddressInfo).port, got: () => got };
};

const talk = (port: number): { socket: Socket; heard: () => string; closed: Promise<void> } => {
  const socket = connect({ host: '127.0.0.1', port });
  let heard = '';
  socket.on('data', (bytes: Buffer) => {
    heard += bytes.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  closers.push(() => socket.destroy());
  return { socket, heard: () => heard, closed };
};
const until = async (isSo: () => boolean): Promise<void> => {
  for (let n = 0; n < 400 && !isSo(); n++) await delay(5);
  expect(isSo()).toBe(true);
};

const REQUEST = 'POST /sdk?token=abc HTTP/1.1\r\nhOsT: here\r\nContent-Length: 12\r\nX-Odd:  two  \r\n\r\nPowerOn body';
const ANSWER = 'HTTP/1.1 200 Fine\r\nSet-Cookie: a="b"; Path=/\r\nContent-Length: 4\r\n\r\ndone';

describe('bytes', () => {
  it('pass both ways to the letter, odd spellings and all', async () => {
    const host = await rawHost((socket) => socket.once('data', () => socket.write(ANSWER)));
    const { port } = await relayTo(dialerTo(host.port));
    const client = talk(port);
    client.socket.write(REQUEST);
    await until(() => client.heard().length === ANSWER.length);
    expect(client.heard()).toBe(ANSWER);
    expect(host.got()).toBe(REQUEST);
  });

  it('pass in bulk, with back-pressure, whatever they are', async () => {
    const large = randomBytes(16 * 1024 * 1024);
    const host = await rawHost((socket) => socket.pipe(socket));
    const { port } = await relayTo(dialerTo(host.port));
    const client = connect({ host: '127.0.0.1', port });
    const hash = createHash('sha256');
    let got = 0;
    client.on('data', (bytes: Buffer) => {
      got += bytes.length;
      hash.update(bytes);
    });
    client.write(large);
    await until(() => got === large.length);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(large).digest('hex'));
    client.destroy();
  });

  it('pass from TLS to TLS, and not at all to a host with another certificate', async () => {
    const ca = makeCa(Date.now());
    const own = makeLeaf(ca, ['127.0.0.1'], Date.now());
    const leaf = makeLeaf(ca, ['127.0.0.1'], Date.now());
    await using host = await serveWeb((_, response) => response.end('secure'), leaf);
    const asked = async (fingerprint: string): Promise<string> => {
      const { port } = await relayTo(dialerTo(host.port, { secure: true, fingerprint }), { tls: own });
      const socket = connectTls({ host: '127.0.0.1', port, ca: ca.certificate, servername: '' });
      let heard = '';
      socket.on('data', (bytes: Buffer) => {
        heard += bytes.toString();
      });
      socket.on('error', () => {});
      socket.write('GET /x HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n');
      await new Promise<void>((resolve) => socket.once('close', () => resolve()));
      return heard;
    };
    expect(await asked(fingerprints(leaf.certificate).sha256)).toMatch(/^HTTP\/1\.1 200[\s\S]*secure/);
    expect(await asked(fingerprints(own.certificate).sha256)).toBe('');
    expect(host.seen).toEqual(['GET /x']);
  });

  it('end with the host: what it said last is read whole', async () => {
    const large = 'x'.repeat(3_000_000);
    const host = await rawHost((socket) => socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${large}`)));
    const { port } = await relayTo(dialerTo(host.port));
    const client = talk(port);
    client.socket.pause();
    client.socket.write('GET / HTTP/1.0\r\n\r\n');
    await delay(100);
    client.socket.resume();
    await client.closed;
    expect(client.heard().length).toBe(large.length + 'HTTP/1.1 200 OK\r\n\r\n'.length);
    await until(() => noted.length === 1);
    expect(noted[0]?.detail).toMatchObject({ status: 200, answerBytes: large.length });
  });

  it('end with the client: the host hears of it in the middle of a poll', async () => {
    let isGone = false;
    const host = await rawHost((socket) => void socket.once('close', () => (isGone = true)));
    const { port } = await relayTo(dialerTo(host.port));
    const client = talk(port);
    client.socket.write(REQUEST);
    await until(() => host.got() === REQUEST);
    client.socket.destroy();
    await until(() => isGone);
    await until(() => noted.length === 1);
    expect(noted[0]?.detail).toMatchObject({ call: 'PowerOn', status: 0 });
  });

  it('close on a client whose host is away', async () => {
    const { port } = await relayTo(dialerTo(1));
    const client = talk(port);
    client.socket.write(REQUEST);
    await client.closed;
    expect(client.heard()).toBe('');
  });
});

describe('the exchange log', () => {
  it('sees method, path without its query, call, status, sizes and duration, in order, however the bytes are cut', async () => {
    const chunked = 'HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n';
    const answers = `HTTP/1.1 100 Continue\r\n\r\n${ANSWER}${chunked}HTTP/1.1 204 None\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n`;
    let whole = false;
    const host = await rawHost(async (socket) => {
      while (!whole) await delay(2);
      for (let n = 0; n < answers.length; n += 7) {
        socket.write(answers.slice(n, n + 7));
        await delay(1);
      }
    });
    const { port } = await relayTo(dialerTo(host.port));
    const client = talk(port);
    const sent = `${REQUEST}PUT /folder HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nDELETE /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n`;
    for (let n = 0; n < sent.length; n += 5) {
      client.socket.write(sent.slice(n, n + 5));
      await delay(1);
    }
    await until(() => host.got().length === sent.length);
    whole = true;
    await until(() => client.heard().length === answers.length);
    expect(client.heard()).toBe(answers);
    expect(host.got()).toBe(sent);
    await until(() => noted.length === 4);
    expect(noted.map(({ detail }) => detail)).toMatchObject([
      { method: 'POST', path: '/sdk', call: 'PowerOn', target: 'i', status: 200, requestBytes: 12, answerBytes: 4 },
      { method: 'PUT', path: '/folder', status: 500, requestBytes: 12 },
      { method: 'DELETE', path: '/a', status: 204, answerBytes: 0 },
      { method: 'HEAD', path: '/b', status: 200, answerBytes: 0 },
    ]);
    expect(JSON.stringify(noted)).not.toMatch(/abc"|secret/);
    expect(noted.every(({ shape, durationMs }) => shape === 'pass' && Number(durationMs) >= 0)).toBe(true);
    expect(new Set(noted.map(({ exchange }) => exchange)).size).toBe(4);
  });

  it.each([
    ['no HTTP at all', '\u0000\u0001\u0002 nonsense\r\n\r\n', 'and back\r\n\r\n'],
    ['a head without end', `GET / HTTP/1.1\r\nx: ${'y'.repeat(200_000)}`, 'HTTP/1.1 200 OK\r\n\r\n'],
    ['a chunk of no size', 'POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'HTTP/1.1 200 OK\r\n\r\nx'],
    ['an answer nobody asked for', 'GET / HTTP/1.1\r\n\r\n', `${ANSWER}${ANSWER}${ANSWER}`],
    ['a body its front cannot read', 'POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nthrow', ANSWER],
  ])('%s passes all the same', async (_, asked, answered) => {
    const host = await rawHost((socket) => socket.once('data', () => socket.write(answered, 'latin1')));
    const { port } = await relayTo(dialerTo(host.port));
    const client = talk(port);
    client.socket.write(asked, 'latin1');
    await until(() => host.got().length === asked.length && client.heard().length === answered.length);
    expect([host.got(), client.heard()]).toEqual([asked, answered]);
  });

  it('sees nothing of what is beyond its budget, which passes all the same', async () => {
    const host = await rawHost((socket) => socket.once('data', () => socket.write(ANSWER)));
    const { port } = await relayTo(dialerTo(host.port), { isWanted: false });
    const client = talk(port);
    client.socket.write(REQUEST);
    await until(() => client.heard() === ANSWER);
    expect(noted).toEqual([]);
  });

  it('sees an upgraded connection as one exchange', async () => {
    const host = await rawHost((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n');
        socket.pipe(socket);
      });
    });
    const { port } = await relayTo(dialerTo(host.port));
    const client = talk(port);
    client.socket.write('GET /console HTTP/1.1\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
    await until(() => client.heard().endsWith('\r\n\r\n'));
    client.socket.write('\u0001\u0002raw');
    await until(() => client.heard().endsWith('raw'));
    client.socket.destroy();
    await until(() => noted.length === 1);
    expect(noted[0]?.detail).toMatchObject({ path: '/console', status: 101, answerBytes: 5 });
  });
});

describe('the end of the listener', () => {
  it('lets an exchange that is under way come to its end, and ends idle connections', async () => {
    let answer = (): void => {};
    const host = await rawHost((socket) =>
      socket.once('data', () => {
        answer = () => void socket.write(ANSWER);
      }),
    );
    const listener = await relayTo(dialerTo(host.port));
    const [busy, idle] = [talk(listener.port), talk(listener.port)];
    busy.socket.write(REQUEST);
    await until(() => host.got() === REQUEST);
    const drained = listener.drain(10_000);
    await idle.closed;
    answer();
    await busy.closed;
    expect(busy.heard()).toBe(ANSWER);
    await drained;
  });
});
