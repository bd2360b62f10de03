/** A listener on a real socket, spoken to in raw bytes: order, framing, back-pressure, what ends a connection. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client } from '../../../agent/client.ts';
import type { ServedFront } from '../../../agent/front.ts';
import { type Listener, openListener } from '../../../agent/listener.ts';
import type { Router } from '../../../agent/router.ts';
import type { Call } from '../../../mappings/generic/call.ts';
import type { Decoded, HttpRequest } from '../../../mappings/generic/platform.ts';
import { LIMITS } from '../../../runtime/limits.ts';
import { type Log, silentLog } from '../../../runtime/log.ts';
import { makeCa, makeLeaf } from '../../../runtime/tls.ts';

const MOST = 1000;
type Acts = (client: Client, call: Call) => Promise<void> | void;

let listener: Listener;
let acts: Acts;
let decoded: string[];
let errors: unknown[];
const clients: RawClient[] = [];

const answerText = (client: Client, body: string): void =>
  client.answer({ status: 200, headers: { 'content-type': 'x/y' }, body });

/** Paths below /s are streams; a call has an argument when its body has an '='. */
const front = {
  instance: { name: 'front' },
  front: {
    maxBodyBytes: MOST,
    isStream: (_method: string, path: string) => path.startsWith('/s'),
    decode: ({ method, path, body }: HttpRequest): Decoded => {
      const text = Buffer.from(body).toString();
      decoded.push(text);
      if (path.startsWith('/s')) return { kind: 'stream', stream: { method: method as 'PUT', path, query: {} } };
      return {
        kind: 'call',
        call: {
          method: path,
          target: { type: '', id: text },
          args: text.includes('=') ? { text } : {},
          version: '',
          operation: '',
        },
      };
    },
    encode: (_call: Call, reply: { fault?: { text: string } }) => ({
      status: 500,
      headers: {},
      body: reply.fault?.text ?? '',
    }),
  },
} as unknown as ServedFront;
const router = {
  follow: () => undefined,
  call: (_front: ServedFront, call: Call, client: Client) => acts(client, call),
  stream: async (_front: ServedFront, _stream: unknown, client: Client) => acts(client, { method: 'stream' } as Call),
} as unknown as Router;

type RawClient = {
  readonly socket: Socket;
  text: string;
  closed: boolean;
  until(pattern: RegExp | string): Promise<string>;
  ended(): Promise<string>;
};
const rawClient = (socket: Socket, sent = ''): RawClient => {
  const client: RawClient = {
    socket,
    text: '',
    closed: false,
    until: async (pattern) => {
      await expect.poll(() => client.text, { interval: 5, timeout: 5000 }).toMatch(pattern);
      return client.text;
    },
    ended: async () => {
      await expect.poll(() => client.closed, { interval: 5, timeout: 5000 }).toBe(true);
      return client.text;
    },
  };
  socket.on('data', (bytes) => {
    client.text += bytes.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    client.closed = true;
  });
  if (sent !== '') socket.write(sent, 'latin1');
  clients.push(client);
  return client;
};
const send = (text: string): RawClient => rawClient(connect(listener.port, '127.0.0.1'), text);
const post = (path: string, body: string, fields = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
const GET = 'GET /g HTTP/1.1\r\nHost: x\r\n\r\n';
const log: Log = { ...silentLog, error: (fields: unknown) => void errors.push(fields) } as Log;

const open = async (tls?: Parameters<typeof openListener>[0]['tls']): Promise<void> => {
  listener = await openListener({ address: '127.0.0.1', port: 0, tls, log });
  listener.serve([front], router);
};
beforeEach(async () => {
  acts = (client, call) => answerText(client, `<${call.method}:${call.target?.id ?? ''}>`);
  decoded = [];
  errors = [];
  await open();
});
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await listener.close();
  vi.useRealTimers();
});

describe('answers', () => {
  test('a short answer leaves with its head, a length and a date', async () => {
    const text = await send(post('/a', 'b')).until('</a:b>');
    expect(text).toMatch(
      /^HTTP\/1\.1 200 OK\r\ncontent-type: x\/y\r\ndate: [^\r]* GMT\r\ncontent-length: 6\r\n\r\n<\/a:b>$/,
    );
  });
  test('requests sent ahead are answered in their order, however long each takes', async () => {
    const waits: (() => void)[] = [];
    acts = async (client, call) => {
      if (call.target.id === '1') await new Promise<void>((resolve) => waits.push(resolve));
      answerText(client, `<${call.target.id}>`);
    };
    const client = send(['1', '2', '3'].map((n) => post('/', n)).join(''));
    await expect.poll(() => waits.length).toBe(1);
    expect(decoded).toEqual(['1']);
    waits[0]?.();
    expect((await client.until('<3>')).match(/<\d>/g)).toEqual(['<1>', '<2>', '<3>']);
  });
  test('text beyond ASCII has its length in bytes', async () => {
    acts = (client) => answerText(client, 'ä€😀.');
    const text = await send(GET).until(/\.$/);
    expect(text).toContain('content-length: 10\r\n');
    expect(Buffer.from(text, 'latin1').toString()).toMatch(/ä€😀\.$/);
  });
  test('an answer in pieces is chunked, or ends with the connection of an old client', async () => {
    acts = (client) => {
      client.open({ status: 200, headers: {} }, -1);
      void client.write('abc');
      void client.write(new Uint8Array());
      void client.write(Buffer.alloc(10_000, 'd'));
      client.end();
    };
    const text = await send(GET).until('0\r\n\r\n');
    expect(text).toContain(`transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2710\r\n${'d'.repeat(10_000)}\r\n0\r\n\r\n`);
    const old = await send('GET / HTTP/1.0\r\n\r\n').ended();
    expect(old).not.toContain('chunked');
    expect(old).toMatch(/connection: close\r\n\r\nabcd{10000}$/);
  });
  test('an answer of another length than announced is broken off', async () => {
    acts = (client) => {
      client.open({ status: 200, headers: {} }, 5);
      void client.write('abc');
      client.end();
    };
    expect(await send(GET).ended()).not.toContain('abcde');
    acts = (client) => {
      client.open({ status: 200, headers: {} }, 2);
      void client.write('abc');
    };
    await send(GET).ended();
    expect(errors).toHaveLength(1);
  });
  test('HEAD tells the length and sends no body; 204 tells none', async () => {
    const client = send(GET.replace('GET', 'HEAD'));
    expect(await client.until('\r\n\r\n')).toMatch(/content-length: 5\r\n\r\n$/);
    acts = (one) => one.answer({ status: 204, headers: {}, body: '' });
    client.socket.write(GET);
    expect(await client.until(/204 No Content[\s\S]*\r\n\r\n/)).not.toMatch(/204[\s\S]*content-length/);
  });
  test('a field that would break the head is an error of ours, and no answer', async () => {
    acts = (client) => client.answer({ status: 200, headers: { a: 'b\r\nc: d' }, body: '' });
    expect(await send(GET).ended()).toBe('');
    expect(errors).toHaveLength(1);
  });
  test('a client that asks on and reads nothing is held back', async () => {
    let asked = 0;
    acts = (client) => {
      asked++;
      answerText(client, 'x'.repeat(100_000));
    };
    const client = send('');
    client.socket.pause();
    client.socket.write(GET.repeat(1000));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(asked).toBeLessThan(200);
    client.socket.resume();
    await expect.poll(() => asked, { timeout: 10_000 }).toBe(1000);
  });
});

describe('repeated requests', () => {
  test('are decoded once when they have no arguments, each time when they have', async () => {
    const client = send('');
    for (const [n, body] of ['one', 'one', 'two', 'a=b', 'a=b', 'a=b'].entries()) {
      client.socket.write(post('/', body));
      await expect.poll(() => client.text.split('<').length - 1).toBe(n + 1);
    }
    expect(client.text.match(/<[^>]*>/g)).toEqual(['</:one>', '</:one>', '</:two>', '</:a=b>', '</:a=b>', '</:a=b>']);
    expect(decoded).toEqual(['one', 'two', 'a=b', 'a=b', 'a=b']);
  });
  test('the same body under another head is another request', async () => {
    const client = send(post('/a', 'one') + post('/b', 'one') + post('/a', 'one', 'X: y\r\n'));
    await expect.poll(() => client.text.match(/<[^>]*>/g)).toEqual(['</a:one>', '</b:one>', '</a:one>']);
    expect(decoded).toHaveLength(3);
  });
});

describe('bodies', () => {
  test('a client that waits for 100 Continue gets it, unless its body is refused', async () => {
    const head = (length: number): string =>
      `POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
    const client = send(head(3));
    expect(await client.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.socket.write('abc');
    await client.until('</:abc>');
    const refused = await send(head(MOST + 1)).ended();
    expect(refused).toMatch(/^HTTP\/1\.1 500 [\s\S]*connection: close/);
    expect(refused).not.toContain('100 Continue');
  });
  test('a body too large is refused at once and swallowed, a far too large one ends the connection', async () => {
    const client = send(post('/', 'x'.repeat(MOST + 1)) + GET);
    const text = await client.until('</g:>');
    expect(text).toContain(`larger than ${MOST} bytes`);
    const huge = send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${LIMITS.drainBodyBytes * 3}\r\n\r\n`);
    const room = (): void => {
      while (!huge.closed && huge.socket.write(Buffer.alloc(65_536)));
    };
    huge.socket.on('drain', room);
    room();
    expect(await huge.ended()).toMatch(/connection: close/);
  });
  test('a body that breaks its chunks gets 400 and the end', async () => {
    const client = send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX');
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(decoded).toEqual([]);
  });
  test('a pulled body holds the client back until it is read, and arrives whole', async () => {
    const [total, piece] = [32 * 1024 * 1024, Buffer.alloc(65_536, 'p')];
    let start = (): void => {};
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    acts = async (client) => {
      await started;
      let count = 0;
      for await (const bytes of client.body()) count += bytes.length;
      answerText(client, `<${count}>`);
    };
    const client = send(`PUT /s HTTP/1.1\r\nHost: x\r\nContent-Length: ${total}\r\n\r\n`);
    let sent = 0;
    const room = (): void => {
      while (sent < total) {
        sent += piece.length;
        if (!client.socket.write(piece)) return;
      }
    };
    client.socket.on('drain', room);
    room();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sent).toBeLessThan(total);
    start();
    await client.until(`<${total}>`);
    client.socket.write(GET);
    await client.until('<0>');
  });
  test('what nobody pulls of a body is swallowed, and the connection lives on', async () => {
    acts = (client, call) => answerText(client, `<${call.method}>`);
    const client = send(`PUT /s HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(200_000)}${GET}`);
    expect((await client.until('</g>')).match(/<[^>]*>/g)).toEqual(['<stream>', '</g>']);
  });
  test('a client that goes away in its body ends it with an error', async () => {
    let ended: unknown;
    acts = async (client) => {
      try {
        for await (const _ of client.body());
      } catch (error) {
        ended = error;
      }
    };
    const client = send('PUT /s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    await expect.poll(() => decoded.length).toBe(1);
    client.socket.end();
    await expect.poll(() => ended).toBeInstanceOf(Error);
  });
});

describe('what ends a connection', () => {
  test('the client says so', async () => {
    expect(await send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n') + GET).ended()).toMatch(
      /connection: close[\s\S]*<\/g:>$/,
    );
    expect(decoded).toHaveLength(1);
  });
  test('what cannot be read, after the answers before it', async () => {
    expect(await send(`${GET}nonsense\r\n\r\n`).ended()).toMatch(
      /<\/g:>HTTP\/1\.1 400 Bad Request\r\n[\s\S]*connection: close/,
    );
  });
  test('a head or a body that does not come, and rest, each in its time', async () => {
    await listener.close();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await open();
    const pass = async (ms: number): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      vi.advanceTimersByTime(ms);
    };
    const head = send('GET / HT');
    const body = send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab');
    const rest = send(GET);
    const silent = send('');
    await rest.until('<');
    await pass(LIMITS.httpHeadersMs + 2 * LIMITS.httpTickMs);
    expect(await head.ended()).toMatch(/^HTTP\/1\.1 408 /);
    await silent.ended();
    expect(body.closed).toBe(false);
    await pass(LIMITS.httpRequestMs);
    await body.ended();
    expect(rest.closed).toBe(false);
    await pass(LIMITS.httpKeepAliveMs);
    await rest.ended();
  });
  test('a waiting client may wait as long as it likes', async () => {
    await listener.close();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await open();
    let waiting: Client | undefined;
    acts = (client) => {
      waiting = client;
    };
    const client = send(GET);
    await expect.poll(() => waiting).toBeDefined();
    vi.advanceTimersByTime(60 * 60_000);
    if (waiting !== undefined) answerText(waiting, '<late>');
    await client.until('<late>');
  });
  test('the listener closes: at rest at once, others with their answer', async () => {
    let waiting: Client | undefined;
    acts = (client) => {
      waiting = client;
    };
    const [busy, rest] = [send(GET), send('')];
    await expect.poll(() => waiting).toBeDefined();
    const closed = listener.close();
    await rest.ended();
    if (waiting !== undefined) answerText(waiting, '<last>');
    expect(await busy.ended()).toMatch(/connection: close[\s\S]*<last>$/);
    await closed;
  });
  test('a client that is gone is told of, once', async () => {
    let gone = 0;
    let waiting: Client | undefined;
    acts = (client) => {
      waiting = client;
      client.onGone(() => gone++);
    };
    const client = send(GET);
    await expect.poll(() => waiting).toBeDefined();
    client.socket.resetAndDestroy();
    await expect.poll(() => gone).toBe(1);
    expect(waiting?.gone).toBe(true);
    expect(() => waiting && answerText(waiting, 'x')).not.toThrow();
  });
});

describe('TLS', () => {
  test('the same over TLS; what is no TLS is closed', async () => {
    await listener.close();
    await open(makeLeaf(makeCa(Date.now()), ['localhost'], Date.now()));
    const client = rawClient(
      connectTls({ port: listener.port, host: '127.0.0.1', rejectUnauthorized: false }),
      post('/a', 'b') + post('/a', 'c'),
    );
    expect((await client.until('</a:c>')).match(/<[^>]*>/g)).toEqual(['</a:b>', '</a:c>']);
    expect(await send(GET).ended()).not.toContain('HTTP');
  });
  test('before the front is there, requests get 503', async () => {
    await listener.close();
    listener = await openListener({ address: '127.0.0.1', port: 0, tls: undefined, log });
    expect(await send(GET).ended()).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1/);
  });
});
