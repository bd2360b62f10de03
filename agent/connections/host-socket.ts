/** A socket that listens on a host beside its API (a screen): where it listens in, a stream of bytes both ways out, dialled by the address at which the host was reached. */
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { fault, type Outcome, refused } from '../../mappings/generic/faults.ts';
import type { Endpoint, HostStream } from '../../mappings/generic/platform.ts';
import { LIMITS } from '../../runtime/limits.ts';

/** The procedure that a driver answers instead of one of its host's own. */
export const HOST_SOCKET = 'host.socket';

type Address = { readonly path: string } | { readonly host: string; readonly port: number };

const LOOPBACK = /^(127\.|::1$|localhost$)/;
const EVERYWHERE = new Set(['', '0.0.0.0', '::', '*']);

const isOurs = (address: string): boolean =>
  Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));

/**
 * Only ever the host itself: what a host says it listens on is no order to connect to somebody else. A host that is not this machine is
 * reached where its API was reached, and not at all when it listens to itself alone.
 */
export const addressOn = (endpoint: Endpoint, args: Readonly<Record<string, unknown>>): Outcome<Address> => {
  const { address, port, path } = args;
  const isLocal = endpoint.kind === 'unix' || LOOPBACK.test(endpoint.host ?? '');
  if (typeof path === 'string') {
    return isLocal && path.startsWith('/')
      ? { ok: true, value: { path } }
      : refused(fault('not-supported', {}, 'the screen is a local socket of another machine'));
  }
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535)
    return refused(fault('invalid-state', {}, 'the host told no port'));
  const listens = typeof address === 'string' ? address : '';
  const reached = endpoint.host ?? '127.0.0.1';
  if (EVERYWHERE.has(listens)) return { ok: true, value: { host: reached, port } };
  if (isLocal) {
    return LOOPBACK.test(listens) || isOurs(listens)
      ? { ok: true, value: { host: listens, port } }
      : refused(fault('not-supported', {}, 'the screen listens on another machine'));
  }
  return LOOPBACK.test(listens)
    ? refused(fault('not-supported', {}, 'the screen can be reached on the host itself only'))
    : { ok: true, value: { host: reached, port } };
};

const streamOf = (socket: Socket): HostStream => {
  const { promise: opened, resolve: open } = Promise.withResolvers<Outcome<Record<string, unknown>>>();
  const { promise: finished, resolve: finish } = Promise.withResolvers<Outcome<undefined>>();
  let reason = '';
  const lost = (): Outcome<never> =>
    refused(fault('host-communication', {}, reason || 'the socket on the host was closed'));
  socket.setNoDelay(true);
  socket.setTimeout(LIMITS.hostConnectMs, () => socket.destroy(new Error('the host does not answer there')));
  socket.once('connect', () => {
    socket.setTimeout(0);
    open({ ok: true, value: {} });
  });
  socket.on('error', (error) => {
    reason ||= error.message;
  });
  socket.once('close', () => {
    open(lost());
    finish(reason === '' ? { ok: true, value: undefined } : lost());
  });
  return {
    opened,
    finished,
    onChunk: (listener) => void socket.on('data', listener),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    write: (bytes) => {
      if (socket.writable) socket.write(bytes);
    },
    drained: () =>
      new Promise((resolve) => {
        if (!socket.writableNeedDrain || socket.destroyed) return resolve();
        const done = (): void => {
          socket.off('drain', done).off('close', done);
          resolve();
        };
        socket.on('drain', done).on('close', done);
      }),
    end: () => void socket.end(),
    abort: (why) => {
      reason ||= why;
      socket.destroy();
    },
  };
};

export const openHostSocket = (
  endpoint: Endpoint,
  args: Readonly<Record<string, unknown>>,
): Outcome<{ stream: HostStream; close(): void }> => {
  const address = addressOn(endpoint, args);
  if (!address.ok) return address;
  const socket = connect(address.value);
  return { ok: true, value: { stream: streamOf(socket), close: () => void socket.destroy() } };
};
