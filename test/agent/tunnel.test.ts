/** A connection taken over from HTTP: bytes both ways, raw and as WebSocket messages; and a body that outlives its client. */
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Client } from '../../agent/client.ts';
import type { ServedFront } from '../../agent/front.ts';
import { type Listener, openListener } from '../../agent/listener.ts';
import type { Router } from '../../agent/router.ts';
import { runTunnel, type TunnelTarget } from '../../agent/tunnel.ts';
import type { Outcome } from '../../mappings/generic/faults.ts';
import type { HostStream } from '../../mappings/generic/platform.ts';
import { silentLog } from '../../runtime/log.ts';

const target: TunnelTarget = {
  kind: 'tunnel',
  status: 200,
  headers: { 'x-y': 'z' },
  protocols: ['binary'],
  call: { procedure: 'console.open', args: {} },
};

/** A host's end of a stream in memory. */
const hostEnd = () => {
  const { promise: finished, resolve: finish } = Promise.withResolvers<Outcome<undefined>>();
  let listener: ((bytes: Uint8Array) => void) | undefined;
  let pausing = false;
  const waiting: Uint8Array[] = [];
  const give = (): void => {
    while (listener && !pausing && waiting.length > 0) listener(waiting.shift() as Uint8Array);
  };
  const say = (text: string): void => {
    waiting.push(Buffer.from(text));
    give();
  };
  const end = { came: '', aborted: '', say, finish };
  const stream: HostStream = {
    opened: Promise.resolve({ ok: true, value: {} }),
    finished,
    onChunk: (take) => {
      listener = take;
      give();
    },
    pause: () => {
      pausing = true;
    },
    resume: () => {
      pausing = false;
      give();
    },
    write: (bytes) => {
      end.came += Buffer.from(bytes).toString();
    },
    drained: () => Promise.resolve(),
    end: () => {},
    abort: (reason) => {
      end.aborted = reason;
    },
  };
  return { end, stream };
};

let listener: Listener;
let act: (client: Client) => Promise<unknown>;
const sockets: Socket[] = [];

beforeEach(async () => {
  const front = {
    instance: { name: 'front' },
    front: {
      maxBodyBytes: 1000,
      isStream: () => true,
      decode: () => ({ kind: 'stream', stream: { method: 'GET', path: '/', query: {} } }),
    },
  } as unknown as ServedFront;
  const router = {
    follow: () => undefined,
    stream: async (_front: unknown, _stream: unknown, client: Client) => void (await act(client)),
  } as unknown as Router;
  listener = await openListener({ address: '127.0.0.1', port: 0, tls: undefined, log: silentLog });
  listener.serve([front], router);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await listener.close();
});

const dial = (): { socket: Socket; text: () => string; closed: () => boolean } => {
  const socket = connect(listener.port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  let closed = false;
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  socket.on('close', () => {
    closed = true;
  });
  socket.on('error', () => {});
  return { socket, text: () => text, closed: () => closed };
};

test('raw: what the client sent behind its request comes first, what the host says at once comes too', async () => {
  const { end, stream } = hostEnd();
  end.say('greeting');
  act = (client) => runTunnel(client, target, stream, false);
  const { socket, text, closed } = dial();
  socket.write('CONNECT /console?uuid=x HTTP/1.0\r\n\r\nearly ');
  await expect.poll(text).toBe('HTTP/1.1 200 OK\r\nx-y: z\r\n\r\ngreeting');
  socket.write('bird');
  await expect.poll(() => end.came).toBe('early bird');
  end.say(' and more');
  await expect.poll(text).toContain('greeting and more');
  end.finish({ ok: true, value: undefined });
  await expect.poll(closed).toBe(true);
});

test('raw: a client that goes takes the stream with it', async () => {
  const { end, stream } = hostEnd();
  act = (client) => runTunnel(client, target, stream, false);
  const { socket, text } = dial();
  socket.write('CONNECT / HTTP/1.0\r\n\r\n');
  await expect.poll(text).toContain('\r\n\r\n');
  socket.destroy();
  await expect.poll(() => end.aborted).toBe('the client is gone');
});

test('WebSocket: messages are bytes, the subprotocol is agreed on, the end has a code', async () => {
  const { end, stream } = hostEnd();
  end.say('greeting');
  act = (client) => runTunnel(client, target, stream, true);
  const socket = new WebSocket(`ws://127.0.0.1:${listener.port}/console`, ['other', 'binary']);
  const came: string[] = [];
  socket.on('message', (data: Buffer) => came.push(data.toString()));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise((resolve) => socket.once('open', resolve));
  expect(socket.protocol).toBe('binary');
  await expect.poll(() => came).toEqual(['greeting']);
  socket.send(Buffer.from('question'));
  await expect.poll(() => end.came).toBe('question');
  end.say('answer');
  await expect.poll(() => came).toEqual(['greeting', 'answer']);
  end.finish({ ok: false, fault: { kind: 'internal', members: {}, text: '' } });
  expect(await closed).toBe(1011);
});

test('WebSocket: a handshake that is none is answered, and the stream is given up', async () => {
  const { end, stream } = hostEnd();
  act = (client) => runTunnel(client, target, stream, true);
  const { socket, text } = dial();
  socket.write('GET /console HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
  await expect.poll(text).toMatch(/^HTTP\/1\.1 400 /);
  await expect.poll(() => end.aborted).not.toBe('');
});

test('a body whose client closed behind it is read to its last byte, then it ends with an error', async () => {
  let came = '';
  let why = '';
  act = async (client) => {
    // Everything has arrived, and the client is gone, before anybody reads.
    await expect.poll(() => client.gone, { timeout: 10_000 }).toBe(true);
    try {
      for await (const bytes of client.body()) came += bytes.toString();
    } catch (error) {
      why = String(error);
    }
  };
  const { socket } = dial();
  socket.write(`PUT /x HTTP/1.1\r\nhost: x\r\ncontent-length: ${2 ** 50}\r\n\r\nall there is`);
  socket.end();
  await expect.poll(() => why, { timeout: 10_000 }).toContain('went away');
  expect(came).toBe('all there is');
});
