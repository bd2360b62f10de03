/** Listening sockets that a program passes on to the next: found again by where they listen, whatever the configuration calls it now. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Acceptor, createAcceptor } from '../../../agent/acceptor.ts';
import { createPassedOn, handedAcceptor, openSockets } from '../../../agent/intake/sockets.ts';

const opened: Acceptor[] = [];
afterEach(() => {
  for (const acceptor of opened.splice(0)) acceptor.close();
});
const passedOn = async (host = '127.0.0.1'): Promise<{ acceptor: Acceptor; port: number }> => {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const acceptor = createAcceptor(server);
  opened.push(acceptor);
  return { acceptor, port: (server.address() as AddressInfo).port };
};

test('what a front listened on is the gate’s that two fronts share there now, and the other way round', async () => {
  const { acceptor, port } = await passedOn();
  const gate = await openSockets(
    { name: 'shared', listen: ['127.0.0.1'], port },
    createPassedOn(new Map([['vim25@kvm', acceptor]])),
  );
  expect([...gate.values()]).toEqual([acceptor]);
  const back = createPassedOn(gate);
  expect(back.at('vim25@kvm', '127.0.0.1', port)).toBe(acceptor);
  expect(back.at('xenapi@kvm', '127.0.0.1', port)).toBeUndefined();
});

test('a front that moved to another port does not get the socket of its old one', async () => {
  const [one, other] = [await passedOn(), await passedOn()];
  const passed = createPassedOn(
    new Map([
      ['a', one.acceptor],
      ['b', other.acceptor],
    ]),
  );
  expect(passed.at('a', '127.0.0.1', other.port)).toBe(other.acceptor);
  expect(passed.at('a', '127.0.0.2', one.port)).toBeUndefined();
  expect(passed.at('b', '127.0.0.1', one.port)).toBe(one.acceptor);
});

test('where the port is left open the name tells, and where the host has a name, name and port', async () => {
  const { acceptor, port } = await passedOn();
  const names = () => createPassedOn(new Map([['a', acceptor]]));
  expect(names().at('a', '127.0.0.1', 0)).toBe(acceptor);
  expect(names().at('b', '127.0.0.1', 0)).toBeUndefined();
  expect(names().at('a', 'localhost', port)).toBe(acceptor);
  expect(names().at('b', 'localhost', port)).toBeUndefined();
});

test('a socket of a service manager stays one when a second front comes to it', async () => {
  const { acceptor } = await passedOn();
  const fds: readonly number[] = [];
  const passed = () => createPassedOn(new Map([['socket:sdk:0', acceptor]]));
  expect(await handedAcceptor({ name: 'sdk', fds }, passed())).toBe(acceptor);
  const gate = await openSockets({ name: 'g', listen: [], port: 0, handed: { name: 'sdk', fds } }, passed());
  expect([...gate]).toEqual([['socket:sdk:0', acceptor]]);
  await expect(handedAcceptor({ name: 'other', fds }, passed())).rejects.toThrow('other');
});

test('what nobody listens to any more is closed, with those that came to it meanwhile', async () => {
  const { acceptor, port } = await passedOn();
  const early = connect(port, '127.0.0.1');
  await once(early, 'connect');
  createPassedOn(new Map([['gone', acceptor]])).closeRest();
  await once(early.resume(), 'close');
  const late = connect(port, '127.0.0.1');
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});
