/** Fronts of several APIs at one address and port: each request, stream and connection comes to the one whose it is. */
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { clashes, createChoice } from '../../../agent/intake/choice.ts';
import { openListener } from '../../../agent/listener.ts';
import type { Relay } from '../../../agent/pass.ts';
import { silentLog } from '../../../runtime/log.ts';
import { answering, claiming } from '../answering-front.ts';
import { atEnd, closed, dial, type FrontInput, hear, openServed, overTls, pairs } from './gate-rig.ts';

const SHARED: readonly FrontInput[] = [
  { name: 'a', api: 'x', at: [{ host: '127.0.0.1' }, { host: '127.0.0.2' }] },
  { name: 'b', api: 'y', at: [{ host: '127.0.0.1' }, { host: 'y.example' }] },
];
const request = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: h\r\n${more}\r\n`;
const LAST = 'Connection: close\r\n';
const answers = (said: string): string[] => said.match(/[ab] 127\.0\.0\.1/g)?.map((one) => one.slice(0, 1)) ?? [];

const allOver = async (socket: Socket & { said: string }, ...requests: readonly string[]): Promise<string[]> => {
  for (const [n, text] of requests.entries()) {
    socket.write(text);
    if (n < requests.length - 1) await expect.poll(() => answers(socket.said)).toHaveLength(n + 1);
  }
  await closed(socket);
  return answers(socket.said);
};

describe('at the place of two APIs', () => {
  test.each([true, false])('each request of a connection comes to the front whose it is (TLS: %s)', async (secure) => {
    const { gate } = await openServed(SHARED.map((front) => ({ ...front, secure })));
    const open = () =>
      secure ? hear(connectTls({ port: gate.port, host: '127.0.0.1', rejectUnauthorized: false })) : dial(gate.port);
    expect(
      await allOver(open(), request('/x'), request('/y'), request('/y'), request('/x'), request('/y', LAST)),
    ).toEqual(['a', 'b', 'b', 'a', 'b']);
    // What is nobody's is answered by the first; and all at once.
    expect(await allOver(open(), request('/y') + request('/z') + request('/x') + request('/y', LAST))).toEqual([
      'b',
      'a',
      'a',
      'b',
    ]);
  });

  test('both show one certificate', async () => {
    const { gate } = await openServed(SHARED);
    expect(await overTls(gate.port)).toMatchObject({ body: 'a 127.0.0.1', certificate: 'a.certificate' });
  });

  test('a place that only one of them has is its alone', async () => {
    const { gate } = await openServed(SHARED, { listen: ['0.0.0.0'] });
    const at = (options: { host?: string; servername?: string }, path: string): Promise<string[]> =>
      allOver(
        hear(connectTls({ port: gate.port, host: '127.0.0.3', rejectUnauthorized: false, ...options })),
        request(path, LAST),
      );
    expect(await at({ host: '127.0.0.2' }, '/y')).toEqual(['a']);
    expect(await at({ servername: 'y.example' }, '/x')).toEqual(['b']);
    expect(await at({ host: '127.0.0.1' }, '/y')).toEqual(['b']);
  });

  test('all that comes is for both when they are alone at their places', async () => {
    const at = [{ host: '203.0.113.1' }];
    const { gate } = await openServed([
      { name: 'a', api: 'x', at, secure: false },
      { name: 'b', api: 'y', at, secure: false },
    ]);
    expect(await allOver(dial(gate.port), request('/y', LAST))).toEqual(['b']);
  });
});

test('two of one API at one place are a mistake, two APIs are none', () => {
  const front = (name: string, api: string, ...hosts: string[]) => ({
    ...{ name, api, secure: true },
    at: hosts.map((host) => ({ host })),
  });
  expect(clashes([front('a', 'x', 'h'), front('b', 'y', 'h'), front('c', 'y', 'i'), front('d', 'y')])).toEqual([]);
  expect(clashes([front('a', 'x', 'h', 'i'), front('b', 'y', 'h'), front('c', 'x', 'i')])).toEqual([
    '"a" and "c" are both at i',
  ]);
  expect(clashes([front('a', 'x'), front('b', 'y'), front('c', 'x')])).toEqual([
    '"a" and "c" are both at all other addresses',
  ]);
});

test('an address on all ports is also there where another API has one of its ports', () => {
  const choice = createChoice(
    [
      { name: 'a', api: 'x', secure: true, at: [{ host: 'h', port: 443 }] },
      { name: 'b', api: 'y', secure: true, at: [{ host: 'h' }] },
      { name: 'c', api: 'x', secure: true, at: [{ host: 'h' }] },
    ],
    true,
  );
  expect(choice.at('tls', 'h', 443)).toEqual(['a', 'b']);
  expect(choice.at('tls', 'h', 444)).toEqual(['b', 'c']);
});

describe('a front whose bytes pass as they are', () => {
  const open = async (secure: boolean) => {
    const relayed: { socket: Socket; address: string; secure: boolean; text: string; ended: boolean }[] = [];
    const relay: Relay = {
      accept: (socket, address, isSecure) => {
        const one = { socket, address, secure: isSecure, text: '', ended: false };
        relayed.push(one);
        socket.on('data', (bytes) => {
          one.text += bytes.toString('latin1');
        });
        socket.on('end', () => {
          one.ended = true;
        });
        socket.resume();
      },
      close: () => {},
    };
    const tls = secure ? pairs['a'] : undefined;
    const relays = new Map([['b', relay]]);
    const listener = await openListener({ address: '127.0.0.1', port: 0, tls, relays, log: silentLog });
    listener.serve(
      [claiming('a', 'x'), claiming('b', 'y')],
      answering((client, { instance }) => `${instance.name} ${client.address}`),
    );
    atEnd(() => listener.close());
    return { port: listener.port, relayed };
  };

  test.each([true, false])('has the connection from its first request on (TLS: %s)', async (secure) => {
    const { port, relayed } = await open(secure);
    const socket = secure ? hear(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })) : dial(port);
    const own = `POST /y/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe`;
    socket.write(`${request('/x')}${own}`);
    await expect.poll(() => relayed.length).toBe(1);
    expect(answers(socket.said)).toEqual(['a']);
    socket.write(`llo${request('/x')}`);
    await expect.poll(() => relayed[0]?.text).toBe(`${own}llo${request('/x')}`);
    expect(relayed[0]).toMatchObject({ address: '127.0.0.1', secure, ended: false });
    socket.end();
    await expect.poll(() => relayed[0]?.ended).toBe(true);
    relayed[0]?.socket.end('bye');
    await closed(socket);
    expect(socket.said).toMatch(/a 127\.0\.0\.1bye$/);
  });

  test('whole, also when its head comes letter by letter', async () => {
    const { port, relayed } = await open(false);
    const socket = dial(port);
    socket.setNoDelay(true);
    const text = request('/y');
    for (const letter of text) {
      socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => relayed[0]?.text).toBe(text);
  });
});
