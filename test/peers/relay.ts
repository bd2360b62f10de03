/** What stands between a client and its server: connections come in on a port of loopback or a socket, go on to wherever it points, and what comes back may be bent. */
import { connect, createServer, type Socket } from 'node:net';

/** A port of loopback, or a socket. */
type Place = number | string;

export interface Relay extends AsyncDisposable {
  /** 0: it listens on a path. */
  readonly port: number;
  /** Ends all connections; new ones go there. */
  turnTo(to: Place): void;
}

export const openRelay = async (
  first: Place,
  options: { readonly path?: string; readonly bend?: (answer: Buffer) => void } = {},
): Promise<Relay> => {
  const { path, bend } = options;
  let to = first;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = typeof to === 'number' ? connect(to, '127.0.0.1') : connect(to);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    if (bend !== undefined) far.on('data', bend);
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => {
    server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path }, resolve);
  });
  const address = server.address();
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    turnTo: (next) => {
      to = next;
      end();
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      end();
      await closed;
    },
  };
};
