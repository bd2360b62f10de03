/** A host's screen is dialled on the host and nowhere else, whatever the host says. */
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { addressOn, openHostSocket } from '../../../agent/connections/host-socket.ts';
import type { Endpoint } from '../../../mappings/generic/platform.ts';

const local: Endpoint = { kind: 'unix', path: '/run/x' };
const remote: Endpoint = { kind: 'tls', host: 'far.example', port: 16514 };
const at = (endpoint: Endpoint, args: Readonly<Record<string, unknown>>): unknown => {
  const found = addressOn(endpoint, args);
  return found.ok ? found.value : found.fault.kind;
};

describe('the address of a screen', () => {
  it('on this machine is the one it listens on, when that is ours', () => {
    expect(at(local, { address: '127.0.0.1', port: 5900 })).toEqual({ host: '127.0.0.1', port: 5900 });
    expect(at(local, { address: '0.0.0.0', port: 5900 })).toEqual({ host: '127.0.0.1', port: 5900 });
    expect(at(local, { path: '/run/screen' })).toEqual({ path: '/run/screen' });
    expect(at(local, { address: '203.0.113.7', port: 5900 })).toBe('not-supported');
  });

  it('on another machine is where its API was reached', () => {
    expect(at(remote, { address: '0.0.0.0', port: 5901 })).toEqual({ host: 'far.example', port: 5901 });
    expect(at(remote, { address: '203.0.113.7', port: 5901 })).toEqual({ host: 'far.example', port: 5901 });
    expect(at(remote, { address: '127.0.0.1', port: 5901 })).toBe('not-supported');
    expect(at(remote, { path: '/run/screen' })).toBe('not-supported');
  });

  it('is one', () => {
    for (const port of [0, -1, 70_000, Number.NaN, '5900', undefined])
      expect(at(local, { address: '', port })).toBe('invalid-state');
  });
});

describe('a stream over it', () => {
  it('carries bytes both ways and ends with the socket', async () => {
    const server = createServer((socket) => {
      socket.write('hello ');
      socket.on('data', (bytes: Buffer) => socket.end(bytes));
    });
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    const opened = openHostSocket(local, { address: '127.0.0.1', port });
    if (!opened.ok) throw new Error(opened.fault.text);
    const { stream } = opened.value;
    let came = '';
    stream.onChunk((bytes) => {
      came += Buffer.from(bytes).toString();
    });
    expect((await stream.opened).ok).toBe(true);
    stream.write(Buffer.from('world'));
    expect((await stream.finished).ok).toBe(true);
    expect(came).toBe('hello world');
    server.close();
  });

  it('where nobody listens does not open', async () => {
    const opened = openHostSocket(local, { address: '127.0.0.1', port: 1 });
    if (!opened.ok) throw new Error(opened.fault.text);
    expect(await opened.value.stream.opened).toMatchObject({ ok: false, fault: { kind: 'host-communication' } });
  });
});
