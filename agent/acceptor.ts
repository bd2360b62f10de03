/** A listening socket that another program opened: its connections in, kept until somebody takes them, out in order. */
import type { Server, Socket } from 'node:net';

export interface Acceptor {
  readonly server: Server;
  /** Those that came before are given at once. */
  take(taker: (socket: Socket) => void): void;
}

export const createAcceptor = (server: Server): Acceptor => {
  const early: Socket[] = [];
  let taker: ((socket: Socket) => void) | undefined;
  server.on('connection', (socket) => {
    socket.setNoDelay(true).setKeepAlive(true);
    if (taker !== undefined) taker(socket);
    else {
      // Nobody listens to its errors yet.
      socket.on('error', () => {});
      early.push(socket);
    }
  });
  return {
    server,
    take: (next) => {
      taker = next;
      for (const socket of early.splice(0)) if (!socket.destroyed) next(socket);
    },
  };
};
