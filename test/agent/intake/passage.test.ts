/** Connections that pass through: the same bytes both ways, half-closed as their ends half-close, held as the slower end holds them; and their bounds. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createPassage, type Passage, type PassageOptions } from '../../../agent/intake/passage.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { type Log, silentLog } from '../../../runtime/log.ts';

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const listening = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(() => server.close());
  const at = server.address();
  return typeof at === 'object' ? (at?.port ?? 0) : 0;
};
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });

interface Rig {
  readonly passage: Passage;
  readonly lines: string[];
  dial(): Socket;
}
/** `port`: of the destination. */
const rig = async (port: number, limits?: Partial<NonNullable<PassageOptions['limits']>>): Promise<Rig> => {
  const lines: string[] = [];
  const note = (fields: { readonly outcome?: string }, text: string): void =>
    void lines.push(`${fields.outcome}: ${text}`);
  const log: Log = { ...silentLog, info: note, warn: note };
  const passage = createPassage({
    clock: systemClock,
    log,
    limits: { passages: 10, passageIdleMs: 60_000, hostConnectMs: 5000, ...limits },
  });
  opened.push(() => passage.close());
  const gate = await listening(
    createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {});
      const client = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
      passage.pass({ socket, early: Buffer.from('early '), client, to: { host: '127.0.0.1', port }, gate: 'g' });
    }),
  );
  return {
    passage,
    lines,
    dial: () => {
      const socket = connect({ port: gate, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => {});
      opened.push(() => socket.destroy());
      return socket;
    },
  };
};
/** All that it says; a loop over the socket would end the other direction as well. */
const text = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let all = '';
    socket.on('data', (bytes) => {
      all += bytes;
    });
    socket.once('end', () => resolve(all));
  });

test('a client that has said all still hears the answer', async () => {
  const port = await listening(
    createServer({ allowHalfOpen: true }, async (socket) => {
      const heard = await text(socket);
      socket.end(`heard ${heard}`);
    }),
  );
  const { dial, lines } = await rig(port);
  const client = dial();
  client.end('all');
  expect(await text(client)).toBe('heard early all');
  await expect.poll(() => lines).toEqual([`ok: gate g: passed through to 127.0.0.1:${port}, 9 bytes there, 15 back`]);
});

test('a server that has said all still hears the client', async () => {
  let heard = '';
  const port = await listening(
    createServer({ allowHalfOpen: true }, async (socket) => {
      socket.end('bye');
      heard = await text(socket);
    }),
  );
  const { dial } = await rig(port);
  const client = dial();
  expect(await text(client)).toBe('bye');
  client.end('one more thing');
  await expect.poll(() => heard).toBe('early one more thing');
});

test('bytes arrive as they were sent, and a slow end holds the other', async () => {
  const sent = randomBytes(48 * 1024 * 1024);
  const digest = createHash('sha256');
  let slow: Socket | undefined;
  const port = await listening(
    createServer({ pauseOnConnect: true }, (socket) => {
      slow = socket;
    }),
  );
  const { dial } = await rig(port);
  const client = dial();
  client.end(sent);
  await expect.poll(() => slow !== undefined).toBe(true);
  // Until nothing moves any more.
  let before = -1;
  await expect
    .poll(
      () => {
        const isStill = client.writableLength === before;
        before = client.writableLength;
        return isStill;
      },
      { interval: 200, timeout: 15_000 },
    )
    .toBe(true);
  // What the kernel keeps for four sockets on the way, and little more.
  expect(client.writableLength).toBeGreaterThan(16 * 1024 * 1024);
  for await (const bytes of slow as Socket) digest.update(bytes);
  const wanted = createHash('sha256').update('early ').update(sent).digest('hex');
  expect(digest.digest('hex')).toBe(wanted);
});

test('a client is reset when its destination is, and the other way round', async () => {
  const sockets: Socket[] = [];
  const port = await listening(
    createServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      sockets.push(socket);
    }),
  );
  const { dial, lines } = await rig(port);
  const [first, second] = [dial(), dial()];
  const errors: (string | undefined)[] = [];
  first.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
  await expect.poll(() => sockets.length).toBe(2);
  const ofFirst = sockets.find((socket) => socket.readable);
  expect(ofFirst).toBeDefined();
  for (const socket of sockets) socket.resetAndDestroy();
  await Promise.all([closed(first), closed(second)]);
  expect(errors).toEqual(['ECONNRESET']);
  const third = dial();
  await expect.poll(() => sockets.length).toBe(3);
  third.resetAndDestroy();
  await closed(sockets[2] as Socket);
  await expect.poll(() => lines.length).toBe(3);
  for (const line of lines) expect(line).toMatch(/^read ECONNRESET: gate g: passed through/);
});

test('a destination that is away resets the client', async () => {
  const gone = createServer();
  const port = await listening(gone);
  gone.close();
  await once(gone, 'close');
  const { dial, lines } = await rig(port);
  const client = dial();
  await closed(client);
  await expect.poll(() => lines.length).toBe(1);
  expect(lines[0]).toContain('ECONNREFUSED');
});

test('more than there may be are refused, and have room again when others end', async () => {
  const port = await listening(createServer((socket) => socket.on('error', () => {}).resume()));
  const { dial, lines } = await rig(port, { passages: 1 });
  const first = dial();
  await once(first, 'connect');
  const second = dial();
  await closed(second);
  expect(lines).toEqual([`refused: gate g: not passed through to 127.0.0.1:${port}: 1 connections pass already`]);
  first.end();
  first.resume();
  await closed(first);
  await expect.poll(() => lines.length).toBe(2);
  const third = dial();
  await once(third, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(third.destroyed).toBe(false);
});

test('one on which nothing moves for long ends', async () => {
  const port = await listening(createServer((socket) => socket.on('error', () => {}).resume()));
  const { dial, lines } = await rig(port, { passageIdleMs: 100 });
  const client = dial();
  await closed(client);
  await expect.poll(() => lines.length).toBe(1);
  expect(lines[0]).toMatch(/^idle: /);
});

test('a drain waits for those that pass, up to its limit', async () => {
  const port = await listening(createServer((socket) => socket.on('error', () => {}).resume()));
  const { dial, passage } = await rig(port);
  const client = dial();
  await once(client, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 50));
  let drained = 0;
  const count = (): void => void drained++;
  void passage.drain(60_000).then(count);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(drained).toBe(0);
  client.end();
  client.resume();
  await expect.poll(() => drained).toBe(1);
  const other = dial();
  await once(other, 'connect');
  await passage.drain(50);
  expect(other.destroyed).toBe(false);
});
