/** The agent's half of a connection, judged with a transport of lines over a real socket, and with none for embedded endpoints. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Connection, openConnection } from '../../../agent/connections/connection.ts';
import type { Outcome } from '../../../mappings/generic/faults.ts';
import type { Endpoint, HostTransport } from '../../../mappings/generic/platform.ts';

/** A transport of lines: what the socket half needs, and nothing of any platform. */
const lineTransport = (): HostTransport & {
  heard: string[];
  ended: string[];
  say(line: string): void;
  hold(on: boolean): void;
} => {
  const heard: string[] = [];
  const ended: string[] = [];
  const output: Uint8Array[] = [Buffer.from('hello\n')];
  let wake = (): void => {};
  let held = false;
  let resolveReady: (outcome: Outcome<undefined>) => void;
  const ready = new Promise<Outcome<undefined>>((resolve) => {
    resolveReady = resolve;
  });
  return {
    heard,
    ended,
    ready,
    receive: (bytes) => {
      const text = Buffer.from(bytes).toString();
      if (text.includes('garbage')) throw new Error('garbage came');
      heard.push(text);
      if (text.includes('welcome')) resolveReady({ ok: true, value: undefined });
    },
    say: (line) => {
      output.push(Buffer.from(line));
      wake();
    },
    hold: (on) => {
      held = on;
      wake();
    },
    tick: () => {},
    drain: () => output.splice(0),
    call: () => Promise.reject(new Error('not here')),
    stream: () => {
      throw new Error('not here');
    },
    onEvent: () => {},
    closed: (reason) => {
      ended.push(reason);
      resolveReady({ ok: false, fault: { kind: 'host-communication', members: {}, text: reason } });
    },
    onOutput: (listener) => {
      wake = listener;
    },
    wakeAt: () => undefined,
    paused: () => held,
  };
};

let server: Server | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});
const listen = async (talk: (socket: Socket) => void): Promise<Endpoint> => {
  const made = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    talk(socket);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const address = made.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { kind: 'tcp', host: '127.0.0.1', port: address.port };
};
const opened = <T extends HostTransport>(outcome: Outcome<Connection<T>>): Connection<T> => {
  if (!outcome.ok) throw new Error(outcome.fault.text);
  return outcome.value;
};
const soon = (ms = 30): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a connection', () => {
  it('sends what the transport has at connect, opens when it is ready, and leaves all of one turn in one write', async () => {
    const got: string[] = [];
    const endpoint = await listen((socket) =>
      socket.on('data', (bytes) => {
        got.push(bytes.toString());
        if (got.length === 1) socket.write('welcome');
      }),
    );
    const transport = lineTransport();
    await using connection = opened(await openConnection({ endpoint, transport }));
    expect(connection.isOpen).toBe(true);
    transport.say('a');
    transport.say('b');
    transport.say('c');
    await soon();
    expect(got).toEqual(['hello\n', 'abc']);
  });

  it('ends with the reason when the transport cannot understand the peer', async () => {
    const endpoint = await listen((socket) => socket.write('welcome'));
    const transport = lineTransport();
    const connection = opened(await openConnection({ endpoint, transport }));
    sockets[0]?.write('garbage');
    expect(await connection.closed).toContain('garbage came');
    expect(transport.ended).toHaveLength(1);
    expect(connection.isOpen).toBe(false);
  });

  it('tells the transport once when the peer goes', async () => {
    const endpoint = await listen((socket) => socket.write('welcome'));
    const transport = lineTransport();
    const connection = opened(await openConnection({ endpoint, transport }));
    sockets[0]?.end();
    expect(await connection.closed).toContain('closed by the host');
    await connection.close();
    expect(transport.ended).toHaveLength(1);
  });

  it('stops reading while the transport is paused', async () => {
    const endpoint = await listen((socket) => socket.write('welcome'));
    const transport = lineTransport();
    await using _connection = opened(await openConnection({ endpoint, transport }));
    transport.hold(true);
    await soon();
    sockets[0]?.write('more');
    await soon();
    expect(transport.heard.join('')).toBe('welcome');
    transport.hold(false);
    await soon();
    expect(transport.heard.join('')).toBe('welcomemore');
  });

  it('gives up a log-in that takes too long, and a port that nobody listens on', async () => {
    const endpoint = await listen(() => {});
    expect(await openConnection({ endpoint, transport: lineTransport(), openLimitMs: 50 })).toMatchObject({
      ok: false,
      fault: { text: expect.stringContaining('50 ms') },
    });
    const nobody = await openConnection({
      endpoint: { kind: 'unix', path: '/nowhere/at/all' },
      transport: lineTransport(),
    });
    expect(nobody).toMatchObject({ ok: false, fault: { kind: 'host-communication' } });
    const embedded = await openConnection({
      endpoint: { kind: 'embedded' },
      transport: lineTransport(),
      openLimitMs: 50,
    });
    expect(embedded).toMatchObject({ ok: false, fault: { text: expect.stringContaining('50 ms') } });
    expect(await openConnection({ endpoint: { kind: 'tls' }, transport: lineTransport() })).toMatchObject({
      ok: false,
      fault: { kind: 'not-supported' },
    });
  });

  it('needs no socket for an embedded endpoint: only time passes on it', async () => {
    const line = lineTransport();
    let wakeAt: number | undefined;
    const ticks: number[] = [];
    const transport = {
      ...line,
      ready: Promise.resolve({ ok: true as const, value: undefined }),
      tick: (nowMs: number) => {
        ticks.push(nowMs);
        wakeAt = ticks.length === 1 ? nowMs + 20 : undefined;
        if (ticks.length === 3) throw new Error('broke');
      },
      wakeAt: () => wakeAt,
    };
    const connection = opened(await openConnection({ endpoint: { kind: 'embedded' }, transport }));
    await expect.poll(() => ticks.length).toBe(2);
    expect((ticks[1] ?? 0) - (ticks[0] ?? 0)).toBeGreaterThan(10);
    transport.say('a call was made');
    expect(await connection.closed).toContain('broke');
    expect(connection.isOpen).toBe(false);
  });
});
