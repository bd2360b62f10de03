/** Clients that close their side of the connection behind their requests and read on: they have their answers. */
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../../../agent/client.ts';
import { type Listener, openListener } from '../../../agent/listener.ts';
import { LIMITS } from '../../../runtime/limits.ts';
import { silentLog } from '../../../runtime/log.ts';
import { answering, answeringFront } from '../answering-front.ts';
import { atEnd, closed, dial, type Heard, hear, pairs } from '../intake/gate-rig.ts';

const request = (path: string, body = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

let asked: Client[];
beforeEach(() => {
  asked = [];
});
/** A request is answered when `until` says so. */
const open = async (secure: boolean, until = Promise.resolve()): Promise<Listener> => {
  const tls = secure ? pairs['a'] : undefined;
  const listener = await openListener({ address: '127.0.0.1', port: 0, tls, log: silentLog });
  atEnd(() => listener.close());
  const router = answering(({ head }) => `<${head.path}>`, until);
  listener.serve([answeringFront], {
    ...router,
    call: (front, call, client) => {
      asked.push(client);
      return router.call(front, call, client);
    },
  });
  return listener;
};
const answers = ({ said }: Heard): string[] => said.match(/<[^>]*>/g) ?? [];

describe.each([false, true])('a client that has said all (TLS: %s)', (secure) => {
  const connectTo = ({ port }: Listener): Heard =>
    secure ? hear(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })) : dial(port);

  test('has its answers, and then the end', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const client = connectTo(await open(secure, promise));
    client.end(`${request('/a', 'body')}${request('/b')}`);
    await expect.poll(() => asked.length).toBe(1);
    await delay(100);
    expect(client.closed).toBe(false);
    resolve();
    await closed(client);
    expect(answers(client)).toEqual(['</a>', '</b>']);
  });

  test('between requests ends at once', async () => {
    const client = connectTo(await open(secure));
    client.write(request('/a'));
    await expect.poll(() => answers(client)).toEqual(['</a>']);
    client.end();
    await closed(client);
  });

  test.each(['POST /a HTTP/1.1\r\nHost', request('/a', 'body').slice(0, -1)])(
    'in the middle of a request ends without an answer: %j',
    async (sent) => {
      const client = connectTo(await open(secure));
      client.end(sent);
      await closed(client);
      expect([client.said, asked]).toEqual(['', []]);
    },
  );
});

describe('a client that has said all, and waits', () => {
  const connectTo = ({ port }: Listener): Heard => dial(port);

  test('has an answer that comes in pieces to its end', async () => {
    const client = connectTo(await open(false, new Promise(() => {})));
    client.end(request('/a'));
    await expect.poll(() => asked.length).toBe(1);
    asked[0]?.open({ status: 200, headers: {} }, 6);
    for (const letter of 'pieces') {
      await delay(LIMITS.httpTickMs);
      void asked[0]?.write(letter);
    }
    await expect.poll(() => client.said).toMatch(/pieces$/);
  });

  test('counts as gone when its answer takes long', async () => {
    const client = connectTo(await open(false, new Promise(() => {})));
    let gone = 0;
    client.end(request('/a'));
    await expect.poll(() => asked.length).toBe(1);
    asked[0]?.onGone(() => gone++);
    await closed(client);
    await expect.poll(() => gone).toBe(1);
  });
});
