/** A listening socket passed on: connections that came before the front was served, and those of the one that passed it on. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createAcceptor } from '../../agent/acceptor.ts';
import { type Listener, openListener } from '../../agent/listener.ts';
import { silentLog } from '../../runtime/log.ts';
import { answering, answeringFront as front } from './answering-front.ts';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});
const listening = async (): Promise<Server> => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
};
const client = (port: number): Socket & { said: string } => {
  const socket = Object.assign(connect(port, '127.0.0.1'), { said: '' });
  socket.on('data', (bytes) => {
    socket.said += bytes.toString();
  });
  socket.on('error', () => {});
  opened.push({ close: () => socket.destroy() });
  return socket;
};
const open = async (source?: ReturnType<typeof createAcceptor>): Promise<Listener> => {
  const listener = await openListener({ address: '127.0.0.1', port: 0, tls: undefined, source, log: silentLog });
  opened.push(listener);
  return listener;
};

test('a connection that came before the front was served is answered by it, not refused', async () => {
  const acceptor = createAcceptor(await listening());
  const listener = await open(acceptor);
  const early = client(listener.port);
  early.write(GET);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(early.said).toBe('');
  listener.serve([front], answering('served'));
  await expect.poll(() => early.said).toContain('served');
  const later = client(listener.port);
  later.write(GET);
  await expect.poll(() => later.said).toContain('served');
});

test('a drained listener accepts no more, finishes what is under way and says that it was the last', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listener = await open();
  listener.serve([front], answering('late', promise));
  const [busy, idle] = [client(listener.port), client(listener.port)];
  busy.write(GET);
  await new Promise((done) => setTimeout(done, 50));
  let drained = false;
  const draining = listener.drain(10_000).then(() => {
    drained = true;
  });
  const refused = client(listener.port);
  await expect.poll(() => refused.destroyed).toBe(true);
  expect([busy.said, drained, idle.destroyed]).toEqual(['', false, false]);
  resolve();
  await expect.poll(() => busy.said).toContain('late');
  expect(busy.said).toContain('connection: close');
  // One that its client was about to use is answered as well.
  idle.write(GET);
  await expect.poll(() => idle.said).toContain('late');
  expect(idle.said).toContain('connection: close');
  await draining;
});

test('the limit of a drain ends what still waits', async () => {
  const listener = await open();
  listener.serve([front], answering('never', new Promise(() => {})));
  const waits = client(listener.port);
  waits.write(GET);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await listener.drain(100);
  await expect.poll(() => waits.destroyed).toBe(true);
  expect(waits.said).toBe('');
});
