/** Gates on loopback before something else: what is for no front passes through to it untouched. */
import { once } from 'node:events';
import { BlockList, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../../../runtime/clock.ts';
import { LIMITS } from '../../../runtime/limits.ts';
import { closed, dial, type FrontInput, GET, listening, openServed, overTls, pairs } from './gate-rig.ts';

describe('a connection for no front passes through', () => {
  const fronts: readonly FrontInput[] = [
    { name: 'a', at: [{ host: 'a.example' }] },
    { name: 'c', secure: false, at: [{ host: 'c.example' }] },
  ];
  const back = (): Server =>
    createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => socket.write(`<${bytes.toString('latin1')}>`, 'latin1'));
    });

  test('untouched, whatever it speaks', async () => {
    const port = await listening(back());
    const { gate, lines } = await openServed(fronts, { passage: { host: '127.0.0.1', port } });
    for (const bytes of [
      Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n'),
      Buffer.from([0, 0, 0, 28, 32, 0, 128, 134, 0, 0, 0, 1, 0, 0, 0, 66, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(GET('z.example')),
    ]) {
      const socket = dial(gate.port);
      socket.end(bytes);
      await closed(socket);
      expect(socket.said).toBe(`<${bytes.toString('latin1')}>`);
    }
    await expect.poll(() => lines.length).toBe(3);
    expect(lines[0]).toMatch(
      new RegExp(`^gate g: passed through to 127.0.0.1:${port}, 23 bytes there, 25 back \\(127.0.0.1:\\d+\\)$`),
    );
  });

  test('with the certificate of its destination, and the fronts beside it answer', async () => {
    const pair = pairs['beyond'];
    const port = await listening(
      createTlsServer({ key: pair?.key, cert: pair?.certificate }, (socket) =>
        socket.on('error', () => {}).end('HTTP/1.1 200 OK\r\n\r\nbeyond'),
      ),
    );
    const { gate } = await openServed(fronts, { passage: { host: '127.0.0.1', port } });
    const passed = { body: 'beyond', certificate: 'beyond.certificate' };
    expect(await overTls(gate.port, { servername: 'z.example' })).toMatchObject(passed);
    expect(await overTls(gate.port)).toMatchObject(passed);
    expect((await overTls(gate.port, { servername: 'a.example' })).body).toBe('a 127.0.0.1');
  });

  test('after a while where its server is the one who speaks first', async () => {
    const clock = manualClock();
    const port = await listening(createServer((socket) => socket.end('RFB 003.008\n')));
    const { gate } = await openServed(fronts, { passage: { host: '127.0.0.1', port } }, clock);
    const silent = dial(gate.port);
    await once(silent, 'connect');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(silent.said).toBe('');
    clock.advance(LIMITS.gateSilenceMs);
    await expect.poll(() => silent.said).toBe('RFB 003.008\n');
  });

  test('to where a load balancer says that it wanted to go', async () => {
    const trusted = new BlockList();
    trusted.addAddress('127.0.0.1');
    const port = await listening(back());
    const { gate } = await openServed(fronts, { trusted, passage: 'original' });
    const socket = dial(gate.port);
    socket.end(`PROXY TCP4 198.51.100.7 127.0.0.1 50001 ${port}\r\nSSH-2.0-x\r\n`);
    await closed(socket);
    expect(socket.said).toBe('<SSH-2.0-x\r\n>');
  });

  test('but never back to the gate itself', async () => {
    const { gate, lines } = await openServed(fronts, { passage: 'original' });
    const socket = dial(gate.port);
    socket.write('SSH-2.0-x\r\n');
    await closed(socket);
    expect(socket.said).toBe('');
    await expect.poll(() => lines.length).toBe(2);
    expect(lines.join('\n')).toContain('not passed through to 127.0.0.1');
    expect(lines.join('\n')).toContain('it is our own: the destination leads back here');
  });
});
