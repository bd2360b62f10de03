/** Gates on loopback: which front a connection comes to, what becomes of those for none, and what load balancers say of their clients. */
import { BlockList, createServer, Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEntrance } from '../../../agent/acceptor.ts';
import { openGate } from '../../../agent/intake/gate.ts';
import { createPassage } from '../../../agent/intake/passage.ts';
import { createPassedOn } from '../../../agent/intake/sockets.ts';
import { manualClock, systemClock } from '../../../runtime/clock.ts';
import { LIMITS } from '../../../runtime/limits.ts';
import { silentLog } from '../../../runtime/log.ts';
import { closed, dial, type FrontInput, GET, listening, openServed, overHttp, overTls, said } from './gate-rig.ts';

describe('a connection comes to the front', () => {
  const fronts: readonly FrontInput[] = [
    { name: 'a', at: [{ host: '127.0.0.2' }, { host: 'a.example' }] },
    { name: 'b', at: [{ host: '127.0.0.3' }, { host: '::1' }, { host: 'b.example' }] },
    { name: 'c', secure: false, at: [{ host: '127.0.0.2' }, { host: 'c.example' }, { host: '10.0.0.9' }] },
  ];

  test('at the address it came to, IPv4 and IPv6, with that front’s certificate', async () => {
    const { gate } = await openServed(fronts, { listen: ['0.0.0.0', '::'] });
    expect(await overTls(gate.port, { host: '127.0.0.2' })).toMatchObject({
      body: 'a 127.0.0.1',
      certificate: 'a.certificate',
    });
    expect(await overTls(gate.port, { host: '127.0.0.3' })).toMatchObject({
      body: 'b 127.0.0.1',
      certificate: 'b.certificate',
    });
    expect(await overTls(gate.port, { host: '::1' })).toMatchObject({ body: 'b ::1', certificate: 'b.certificate' });
    expect(await overHttp(gate.port, 'x', '127.0.0.2')).toBe('c 127.0.0.1');
  });

  test('of the server name, and of the Host field without TLS', async () => {
    const { gate } = await openServed(fronts);
    expect(await overTls(gate.port, { servername: 'a.example' })).toMatchObject({
      body: 'a 127.0.0.1',
      certificate: 'a.certificate',
    });
    expect(await overTls(gate.port, { servername: 'B.Example' })).toMatchObject({
      body: 'b 127.0.0.1',
      certificate: 'b.certificate',
    });
    expect(await overHttp(gate.port, `C.example:${gate.port}`)).toBe('c 127.0.0.1');
    expect(await overHttp(gate.port, '10.0.0.9')).toBe('c 127.0.0.1');
  });

  test('at its address even where a name says another', async () => {
    const { gate } = await openServed(fronts, { listen: ['0.0.0.0'] });
    const { body } = await overTls(gate.port, { host: '127.0.0.2', servername: 'b.example' });
    expect(body).toBe('a 127.0.0.1');
  });

  test('at its address and port before one at its address alone', async () => {
    const { gate } = await openServed([{ name: 'a', at: [{ host: '127.0.0.1' }] }]);
    const other = await openServed([
      { name: 'a', at: [{ host: '127.0.0.1' }] },
      { name: 'b', at: [{ host: '127.0.0.1', port: gate.port }] },
    ]);
    expect((await overTls(other.gate.port)).body).toBe('a 127.0.0.1');
    gate.close();
    const again = await openServed(
      [
        { name: 'a', at: [{ host: '127.0.0.1' }] },
        { name: 'b', at: [{ host: '127.0.0.1', port: gate.port }] },
      ],
      { port: gate.port },
    );
    expect((await overTls(again.gate.port)).body).toBe('b 127.0.0.1');
  });

  test('that has no place of its own, when it is for no other', async () => {
    const { gate } = await openServed([...fronts.slice(0, 1), { name: 'b', at: [] }]);
    expect((await overTls(gate.port, { servername: 'a.example' })).body).toBe('a 127.0.0.1');
    expect((await overTls(gate.port, { servername: 'z.example' })).body).toBe('b 127.0.0.1');
    expect((await overTls(gate.port)).body).toBe('b 127.0.0.1');
  });

  test('that is the only one, whatever it is called', async () => {
    const { gate } = await openServed(fronts.slice(1));
    expect((await overTls(gate.port, { servername: 'z.example' })).body).toBe('b 127.0.0.1');
    expect(await overHttp(gate.port, 'z.example')).toBe('c 127.0.0.1');
  });

  test('however small the pieces are in which it says for whom it is', async () => {
    const { gate } = await openServed(fronts);
    const socket = dial(gate.port);
    socket.setNoDelay(true);
    for (const letter of GET('c.example')) {
      socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await said(socket)).toBe('c 127.0.0.1');
  });

  test('that is not served yet, and waits for it', async () => {
    const rig = await openServed(fronts, {}, systemClock, false);
    const early = overTls(rig.gate.port, { servername: 'a.example' });
    const plain = overHttp(rig.gate.port, 'c.example');
    await new Promise((resolve) => setTimeout(resolve, 50));
    rig.serve();
    expect([(await early).body, await plain]).toEqual(['a 127.0.0.1', 'c 127.0.0.1']);
  });

  test('which answers a head that is too large itself', async () => {
    const { gate } = await openServed([
      { name: 'c', secure: false, at: [] },
      { name: 'a', at: [] },
    ]);
    const socket = dial(gate.port);
    socket.write(`GET / HTTP/1.1\r\nX: ${'y'.repeat(2 * LIMITS.httpHeaderBytes)}\r\n\r\n`);
    await closed(socket);
    expect(socket.said).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe('a connection for no front is refused', () => {
  const fronts: readonly FrontInput[] = [
    { name: 'a', at: [{ host: 'a.example' }] },
    { name: 'b', at: [{ host: 'b.example' }] },
    { name: 'c', secure: false, at: [{ host: 'c.example' }] },
    { name: 'beyond', secure: false, at: [{ host: 'd.example' }] },
  ];

  test('with the alert of TLS', async () => {
    const { gate, lines } = await openServed(fronts);
    expect((await overTls(gate.port, { servername: 'z.example' })).error).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    expect((await overTls(gate.port)).error).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    expect(lines).toEqual(Array.from({ length: 2 }, () => 'gate g: for no front: tls (127.0.0.1)'));
  });

  test('with 421 of HTTP', async () => {
    const { gate } = await openServed(fronts);
    const socket = dial(gate.port);
    socket.write(GET('z.example'));
    await closed(socket);
    expect(socket.said).toMatch(/^HTTP\/1.1 421 /);
  });

  test('without a word where it is neither, or says nothing in time', async () => {
    const clock = manualClock();
    const { gate } = await openServed(fronts, {}, clock);
    const [ssh, silent, slow] = [dial(gate.port), dial(gate.port), dial(gate.port)];
    ssh.write('SSH-2.0-x\r\n');
    await closed(ssh);
    slow.write('GET / HT');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([silent.destroyed, slow.said]).toEqual([false, '']);
    clock.advance(LIMITS.httpHeadersMs);
    await closed(silent);
    await expect.poll(() => slow.said).toMatch(/^HTTP\/1.1 421 /);
  });
});

describe('behind a load balancer', () => {
  const trusted = new BlockList();
  trusted.addSubnet('127.0.0.0', 8);
  const fronts: readonly FrontInput[] = [
    { name: 'a', at: [{ host: '192.0.2.1' }] },
    { name: 'b', at: [{ host: '2001:db8::2' }] },
    { name: 'c', secure: false, at: [{ host: '192.0.2.1' }] },
  ];
  const v1 = (text: string): Buffer => Buffer.from(`PROXY ${text}\r\n`);

  test('the client and the destination are those that it names, with TLS and without', async () => {
    const { gate } = await openServed(fronts, { trusted });
    const four = v1('TCP4 198.51.100.7 192.0.2.1 5001 443');
    const six = v1('TCP6 2001:db8::7 2001:db8::2 5001 443');
    expect(await overTls(gate.port, { before: four })).toMatchObject({
      body: 'a 198.51.100.7',
      certificate: 'a.certificate',
    });
    expect(await overTls(gate.port, { before: six })).toMatchObject({
      body: 'b 2001:db8::7',
      certificate: 'b.certificate',
    });
    const socket = dial(gate.port);
    socket.write(Buffer.concat([four, Buffer.from(GET('x'))]));
    expect(await said(socket)).toBe('c 198.51.100.7');
  });

  test('two clients at once are not taken for each other', async () => {
    const { gate } = await openServed(fronts, { trusted });
    const clients = Array.from({ length: 20 }, (_, n) => `198.51.100.${n + 1}`);
    const answers = await Promise.all(
      clients.map(async (client) => (await overTls(gate.port, { before: v1(`TCP4 ${client} 192.0.2.1 9 443`) })).body),
    );
    expect(answers).toEqual(clients.map((client) => `a ${client}`));
  });

  test('a connection of its own counts as what it is', async () => {
    const { gate } = await openServed([{ name: 'a', at: [] }], { trusted });
    expect((await overTls(gate.port, { before: v1('UNKNOWN') })).body).toBe('a 127.0.0.1');
  });

  test('nothing is answered without the header, nor to a header that is none', async () => {
    const { gate, lines } = await openServed(fronts, { trusted });
    for (const bytes of [GET('x'), 'PROXY TCP4 nonsense\r\n', '\x16\x03\x01']) {
      const socket = dial(gate.port);
      socket.write(bytes);
      await closed(socket);
      expect(socket.said).toBe('');
    }
    // One that only looks whether somebody listens is no news.
    const probe = dial(gate.port);
    probe.end();
    await closed(probe);
    expect(lines).toEqual(Array.from({ length: 3 }, () => 'gate g: no PROXY header of a load balancer (127.0.0.1)'));
  });

  test('whoever is not trusted is a client itself, and its header is not understood', async () => {
    const { gate } = await openServed([{ name: 'a', at: [] }], { trusted: new BlockList() });
    expect((await overTls(gate.port)).body).toBe('a 127.0.0.1');
    const liar = await overTls(gate.port, { before: v1('TCP4 10.0.0.1 192.0.2.1 1 2') });
    expect([liar.body, liar.certificate]).toEqual(['', '']);
  });
});

test('whatever is said, cut off or reset, the next client is answered', async () => {
  const trusted = new BlockList();
  trusted.addAddress('127.0.0.1');
  for (const config of [{}, { trusted }, { passage: { host: '127.0.0.1', port: 1 } }]) {
    const { gate } = await openServed(
      [
        { name: 'a', at: [] },
        { name: 'c', secure: false, at: [] },
      ],
      config,
    );
    const begin = fc.constantFrom(
      '',
      '\x16\x03\x01\0\xf0\x01\0\0\xec\x03\x03',
      'GET / HT',
      GET('x').slice(0, -3),
      'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
      'PROXY UNKNOWN\r\n\x16\x03',
    );
    const how = fc.constantFrom('end', 'destroy', 'reset');
    await fc.assert(
      fc.asyncProperty(begin, fc.uint8Array({ maxLength: 60 }), how, async (words, more, ends) => {
        const socket = dial(gate.port);
        socket.write(Buffer.concat([Buffer.from(words, 'latin1'), more]));
        if (ends === 'end') socket.end();
        else if (ends === 'destroy') socket.destroy();
        else socket.resetAndDestroy();
        await closed(socket);
      }),
      { numRuns: 150 },
    );
    const header = 'trusted' in config ? { before: Buffer.from('PROXY UNKNOWN\r\n') } : {};
    expect((await overTls(gate.port, header)).body).toBe('a 127.0.0.1');
  }
});

test('one that was reset before it was accepted is no more trouble', async () => {
  const trusted = new BlockList();
  trusted.addSubnet('127.0.0.0', 8);
  const server = createServer();
  await listening(server);
  const { give, take } = createEntrance();
  const passed = createPassedOn(new Map([['gate:g:127.0.0.1:0', { server, take, close: () => {} }]]));
  const gate = await openGate({
    config: { name: 'g', listen: ['127.0.0.1'], port: 0, trusted },
    fronts: [{ name: 'a', api: 'x', secure: true, at: [] }],
    passed,
    passage: createPassage({ clock: systemClock, log: silentLog }),
    clock: systemClock,
    log: silentLog,
  });
  const gone = new Socket();
  give(gone);
  expect(gone.destroyed).toBe(true);
  gate.close();
});
