/** Gates on loopback: which front a connection comes to, what becomes of those for none, and what load balancers say of their clients. */
import { once } from 'node:events';
import { BlockList, connect, createServer, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ChosenFront } from '../../../agent/intake/choice.ts';
import { type Gate, type GateConfig, openGate } from '../../../agent/intake/gate.ts';
import { createPassage } from '../../../agent/intake/passage.ts';
import { openListener } from '../../../agent/listener.ts';
import { manualClock, systemClock } from '../../../runtime/clock.ts';
import { LIMITS } from '../../../runtime/limits.ts';
import { type Log, silentLog } from '../../../runtime/log.ts';
import { type KeyPair, makeCa, makeLeaf } from '../../../runtime/tls.ts';
import { answering, answeringFront } from '../answering-front.ts';

const GET = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
const names = ['a', 'b', 'c', 'beyond'] as const;
let pairs: Readonly<Record<string, KeyPair>>;
beforeAll(() => {
  const ca = makeCa(Date.now());
  pairs = Object.fromEntries(names.map((name) => [name, makeLeaf(ca, [`${name}.certificate`], Date.now())]));
});

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

interface Rig {
  readonly gate: Gate;
  readonly lines: string[];
}
type FrontInput = Pick<ChosenFront, 'name' | 'at'> & { readonly secure?: boolean };

/** Each front answers with its name and its client's address. */
const open = async (
  fronts: readonly FrontInput[],
  config: Partial<GateConfig> = {},
  clock = systemClock,
  serve = true,
): Promise<Rig & { readonly serve: () => void }> => {
  const lines: string[] = [];
  const note = (fields: { readonly address?: string }, text: string): void =>
    void lines.push(`${text} (${fields.address})`);
  const log: Log = { ...silentLog, info: note, warn: note, error: note };
  const passage = createPassage({ clock, log });
  const chosen = fronts.map((front) => ({ secure: true, ...front }));
  const gate = await openGate({
    config: { name: 'g', listen: ['127.0.0.1'], port: 0, ...config },
    fronts: chosen,
    passage,
    clock,
    log,
  });
  opened.push(() => {
    gate.close();
    passage.close();
  });
  const listeners = await Promise.all(
    chosen.map(({ name, secure }) =>
      openListener({
        address: '',
        port: 0,
        tls: secure ? pairs[name] : undefined,
        source: gate.entrance(name),
        log: silentLog,
      }),
    ),
  );
  opened.push(() => Promise.all(listeners.map((listener) => listener.close())));
  const serveAll = (): void => {
    for (const [n, listener] of listeners.entries())
      listener.serve(
        answeringFront,
        answering((client) => `${chosen[n]?.name} ${client.address}`),
      );
  };
  if (serve) serveAll();
  return { gate, lines, serve: serveAll };
};

type Heard = Socket & { said: string; error: string };
const hear = (socket: Socket): Heard => {
  const heard = Object.assign(socket, { said: '', error: '' });
  socket.on('data', (bytes) => {
    heard.said += bytes.toString('latin1');
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    heard.error = error.code ?? error.message;
  });
  opened.push(() => socket.destroy());
  return heard;
};
/** Whether with an error or without. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
const dial = (port: number, host = '127.0.0.1'): Heard => hear(connect({ port, host }));
const said = async (socket: Heard): Promise<string> => {
  await closed(socket);
  return socket.said.split('\r\n\r\n')[1] ?? '';
};

/** The front that answers, its client's address, and whose certificate was shown. */
const overTls = async (
  port: number,
  options: ConnectionOptions & { readonly before?: Buffer } = {},
): Promise<{ readonly body: string; readonly certificate: string; readonly error: string }> => {
  const { before, host = '127.0.0.1', ...rest } = options;
  const raw = connect(port, host);
  if (before !== undefined) raw.write(before);
  const secure = tlsConnect({ socket: raw, rejectUnauthorized: false, ...rest });
  const socket = hear(secure);
  let certificate = '';
  secure.once('secureConnect', () => {
    certificate = String(secure.getPeerCertificate().subject.CN);
    socket.write(GET('x'));
  });
  await closed(socket);
  return { body: socket.said.split('\r\n\r\n')[1] ?? '', certificate, error: socket.error };
};
const overHttp = (port: number, host: string, at = '127.0.0.1'): Promise<string> => {
  const socket = dial(port, at);
  socket.write(GET(host));
  return said(socket);
};
const echo = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(() => server.close());
  const at = server.address();
  return typeof at === 'object' ? (at?.port ?? 0) : 0;
};

describe('a connection comes to the front', () => {
  const fronts: readonly FrontInput[] = [
    { name: 'a', at: [{ host: '127.0.0.2' }, { host: 'a.example' }] },
    { name: 'b', at: [{ host: '127.0.0.3' }, { host: '::1' }, { host: 'b.example' }] },
    { name: 'c', secure: false, at: [{ host: '127.0.0.2' }, { host: 'c.example' }, { host: '10.0.0.9' }] },
  ];

  test('at the address it came to, IPv4 and IPv6, with that front’s certificate', async () => {
    const { gate } = await open(fronts, { listen: ['0.0.0.0', '::'] });
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
    const { gate } = await open(fronts);
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
    const { gate } = await open(fronts, { listen: ['0.0.0.0'] });
    const { body } = await overTls(gate.port, { host: '127.0.0.2', servername: 'b.example' });
    expect(body).toBe('a 127.0.0.1');
  });

  test('at its address and port before one at its address alone', async () => {
    const { gate } = await open([{ name: 'a', at: [{ host: '127.0.0.1' }] }]);
    const other = await open([
      { name: 'a', at: [{ host: '127.0.0.1' }] },
      { name: 'b', at: [{ host: '127.0.0.1', port: gate.port }] },
    ]);
    expect((await overTls(other.gate.port)).body).toBe('a 127.0.0.1');
    gate.close();
    const again = await open(
      [
        { name: 'a', at: [{ host: '127.0.0.1' }] },
        { name: 'b', at: [{ host: '127.0.0.1', port: gate.port }] },
      ],
      { port: gate.port },
    );
    expect((await overTls(again.gate.port)).body).toBe('b 127.0.0.1');
  });

  test('that has no place of its own, when it is for no other', async () => {
    const { gate } = await open([...fronts.slice(0, 1), { name: 'b', at: [] }]);
    expect((await overTls(gate.port, { servername: 'a.example' })).body).toBe('a 127.0.0.1');
    expect((await overTls(gate.port, { servername: 'z.example' })).body).toBe('b 127.0.0.1');
    expect((await overTls(gate.port)).body).toBe('b 127.0.0.1');
  });

  test('that is the only one, whatever it is called', async () => {
    const { gate } = await open(fronts.slice(1));
    expect((await overTls(gate.port, { servername: 'z.example' })).body).toBe('b 127.0.0.1');
    expect(await overHttp(gate.port, 'z.example')).toBe('c 127.0.0.1');
  });

  test('however small the pieces are in which it says for whom it is', async () => {
    const { gate } = await open(fronts);
    const socket = dial(gate.port);
    socket.setNoDelay(true);
    for (const letter of GET('c.example')) {
      socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await said(socket)).toBe('c 127.0.0.1');
  });

  test('that is not served yet, and waits for it', async () => {
    const rig = await open(fronts, {}, systemClock, false);
    const early = overTls(rig.gate.port, { servername: 'a.example' });
    const plain = overHttp(rig.gate.port, 'c.example');
    await new Promise((resolve) => setTimeout(resolve, 50));
    rig.serve();
    expect([(await early).body, await plain]).toEqual(['a 127.0.0.1', 'c 127.0.0.1']);
  });

  test('which answers a head that is too large itself', async () => {
    const { gate } = await open([
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
    const { gate, lines } = await open(fronts);
    expect((await overTls(gate.port, { servername: 'z.example' })).error).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    expect((await overTls(gate.port)).error).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
    expect(lines).toEqual(Array.from({ length: 2 }, () => 'gate g: for no front: tls (127.0.0.1)'));
  });

  test('with 421 of HTTP', async () => {
    const { gate } = await open(fronts);
    const socket = dial(gate.port);
    socket.write(GET('z.example'));
    await closed(socket);
    expect(socket.said).toMatch(/^HTTP\/1.1 421 /);
  });

  test('without a word where it is neither, or says nothing in time', async () => {
    const clock = manualClock();
    const { gate } = await open(fronts, {}, clock);
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
    const { gate } = await open(fronts, { trusted });
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
    const { gate } = await open(fronts, { trusted });
    const clients = Array.from({ length: 20 }, (_, n) => `198.51.100.${n + 1}`);
    const answers = await Promise.all(
      clients.map(async (client) => (await overTls(gate.port, { before: v1(`TCP4 ${client} 192.0.2.1 9 443`) })).body),
    );
    expect(answers).toEqual(clients.map((client) => `a ${client}`));
  });

  test('a connection of its own counts as what it is', async () => {
    const { gate } = await open([{ name: 'a', at: [] }], { trusted });
    expect((await overTls(gate.port, { before: v1('UNKNOWN') })).body).toBe('a 127.0.0.1');
  });

  test('nothing is answered without the header, nor to a header that is none', async () => {
    const { gate, lines } = await open(fronts, { trusted });
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
    const { gate } = await open([{ name: 'a', at: [] }], { trusted: new BlockList() });
    expect((await overTls(gate.port)).body).toBe('a 127.0.0.1');
    const liar = await overTls(gate.port, { before: v1('TCP4 10.0.0.1 192.0.2.1 1 2') });
    expect([liar.body, liar.certificate]).toEqual(['', '']);
  });
});

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
    const port = await echo(back());
    const { gate, lines } = await open(fronts, { passage: { host: '127.0.0.1', port } });
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
    const port = await echo(
      createTlsServer({ key: pair?.key, cert: pair?.certificate }, (socket) =>
        socket.on('error', () => {}).end('HTTP/1.1 200 OK\r\n\r\nbeyond'),
      ),
    );
    const { gate } = await open(fronts, { passage: { host: '127.0.0.1', port } });
    const passed = { body: 'beyond', certificate: 'beyond.certificate' };
    expect(await overTls(gate.port, { servername: 'z.example' })).toMatchObject(passed);
    expect(await overTls(gate.port)).toMatchObject(passed);
    expect((await overTls(gate.port, { servername: 'a.example' })).body).toBe('a 127.0.0.1');
  });

  test('after a while where its server is the one who speaks first', async () => {
    const clock = manualClock();
    const port = await echo(createServer((socket) => socket.end('RFB 003.008\n')));
    const { gate } = await open(fronts, { passage: { host: '127.0.0.1', port } }, clock);
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
    const port = await echo(back());
    const { gate } = await open(fronts, { trusted, passage: 'original' });
    const socket = dial(gate.port);
    socket.end(`PROXY TCP4 198.51.100.7 127.0.0.1 50001 ${port}\r\nSSH-2.0-x\r\n`);
    await closed(socket);
    expect(socket.said).toBe('<SSH-2.0-x\r\n>');
  });

  test('but never back to the gate itself', async () => {
    const { gate, lines } = await open(fronts, { passage: 'original' });
    const socket = dial(gate.port);
    socket.write('SSH-2.0-x\r\n');
    await closed(socket);
    expect(socket.said).toBe('');
    await expect.poll(() => lines.length).toBe(2);
    expect(lines.join('\n')).toContain('not passed through to 127.0.0.1');
    expect(lines.join('\n')).toContain('it is our own: the destination leads back here');
  });
});
