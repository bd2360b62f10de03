/** A port on loopback that passes connections on to another one, which can be changed under them: an address that fails over. */
import { connect, createServer, type Socket } from 'node:net';

export interface TcpSwitch extends AsyncDisposable {
  readonly url: string;
  /** Ends all connections; new ones go to this port. */
  turnTo(port: number): void;
}

export const openSwitch = async (firstPort: number): Promise<TcpSwitch> => {
  let target = firstPort;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
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
      one.pipe(other);
    }
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  const turnTo = (next: number): void => {
    target = next;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    turnTo,
    [Symbol.asyncDispose]: async () => {
      turnTo(0);
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
