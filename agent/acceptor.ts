/** Connections that somebody else accepted in, kept until a listener takes them, out in order; one source of them is a listening socket that is open already. */
import type { Server, Socket } from 'node:net';
import { LIMITS } from '../runtime/limits.ts';

/** `client`: its address, where the connection is not its own. */
export type Taker = (socket: Socket, client?: string) => void;

export interface Entrance {
  give: Taker;
  /** Those that came before are given at once. */
  take(taker: Taker): void;
}

export const createEntrance = (): Entrance => {
  const early: (readonly [Socket, string | undefined])[] = [];
  let taker: Taker | undefined;
  return {
    give: (socket, client) => {
      if (taker !== undefined) taker(socket, client);
      else {
        // Nobody listens to its errors yet.
        socket.on('error', () => {});
        early.push([socket, client]);
      }
    },
    take: (next) => {
      taker = next;
      for (const [socket, client] of early.splice(0)) if (!socket.destroyed) next(socket, client);
    },
  };
};

/** A listening socket that another program opened. */
export interface Acceptor extends Pick<Entrance, 'take'> {
  readonly server: Server;
  /** Ends those that came before, and takes no more. */
  close(): void;
}

export const createAcceptor = (server: Server): Acceptor => {
  const { give, take } = createEntrance();
  server.maxConnections = LIMITS.httpConnections;
  server.on('connection', (socket) => give(socket.setNoDelay(true).setKeepAlive(true)));
  return {
    server,
    take,
    close: () => {
      server.close();
      take((socket) => socket.destroy());
    },
  };
};
