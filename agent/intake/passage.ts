/** A connection that is for none of our fronts in; the same bytes to and from where it wanted to go, untouched, until both sides have ended. */
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../runtime/clock.ts';
import { formatHostPort, type HostPort, plainAddress } from '../../runtime/host-port.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Log } from '../../runtime/log.ts';

export interface Passing {
  readonly socket: Socket;
  /** What was read of it already. */
  readonly early: Buffer;
  readonly client: HostPort;
  readonly to: HostPort;
  readonly gate: string;
}

export interface Passage {
  pass(passing: Passing): void;
  /** Resolves when nothing passes any more, or at the limit. */
  drain(limitMs: number): Promise<void>;
  close(): void;
}

export interface PassageOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Readonly<Record<'passages' | 'passageIdleMs' | 'hostConnectMs', number>>;
}

const placeOf = (host: string | undefined, port: number | undefined): string =>
  formatHostPort({ host: plainAddress(host ?? ''), port: port ?? 0 });

export const createPassage = ({ log, clock, limits = LIMITS }: PassageOptions): Passage => {
  const open = new Set<Socket>();
  /** Where our own connections come from: one that comes back to us would go round for ever. */
  const ours = new Set<string>();
  let whenEmpty: (() => void) | undefined;

  const pass = ({ socket: client, early, client: from, to, gate }: Passing): void => {
    const address = placeOf(from.host, from.port);
    const target = formatHostPort(to);
    const startMs = clock.now();
    const refuse = (why: string): void => {
      log.warn({ address, outcome: 'refused' }, `gate ${gate}: not passed through to ${target}: ${why}`);
      client.resetAndDestroy();
    };
    if (ours.has(address)) {
      refuse('it is our own: the destination leads back here');
      return;
    }
    if (open.size >= limits.passages) {
      refuse(`${limits.passages} connections pass already`);
      return;
    }

    const host = connect({ host: to.host, port: to.port ?? 0, allowHalfOpen: true, noDelay: true, keepAlive: true });
    open.add(client);
    let own = '';
    let outcome = 'ok';
    const broken = (why: string, other: Socket): void => {
      if (outcome === 'ok') outcome = why;
      other.resetAndDestroy();
    };
    const inTime = clock.after(limits.hostConnectMs, () => host.destroy(new Error('no answer in time')));
    host.once('connect', () => {
      inTime();
      own = placeOf(host.localAddress, host.localPort);
      ours.add(own);
      if (early.length > 0) host.write(early);
      client.pipe(host);
      host.pipe(client);
      // All bytes of both directions pass this one socket.
      client.setTimeout(limits.passageIdleMs, () => {
        broken('idle', client);
        broken('idle', host);
      });
    });
    client.on('error', (error) => broken(error.message, host));
    host.on('error', (error) => broken(error.message, client));
    client.once('close', () => {
      open.delete(client);
      if (open.size === 0) whenEmpty?.();
      // It is gone without an end: nobody reads what the host has to say.
      if (!host.readableEnded) host.destroy();
    });
    host.once('close', () => {
      inTime();
      ours.delete(own);
      const text = `gate ${gate}: passed through to ${target}, ${host.bytesWritten} bytes there, ${host.bytesRead} back`;
      log.info({ address, ms: clock.now() - startMs, outcome }, text);
    });
  };

  return {
    pass,
    drain: (limitMs) =>
      new Promise((resolve) => {
        const limit = clock.after(limitMs, () => done());
        const done = (): void => {
          limit();
          whenEmpty = undefined;
          resolve();
        };
        if (open.size === 0) done();
        else whenEmpty = done;
      }),
    close: () => {
      for (const client of open) client.destroy();
    },
  };
};
