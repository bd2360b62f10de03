/** One shared listening place: connections in; each looked into as far as it takes to know which front it is for, or which several, and given to them, passed through, or refused. */
import { type BlockList, isIPv6, type Server, type Socket } from 'node:net';
import type { Clock } from '../../runtime/clock.ts';
import { type HostPort, plainAddress } from '../../runtime/host-port.ts';
import { LIMITS } from '../../runtime/limits.ts';
import type { Log } from '../../runtime/log.ts';
import { createEntrance, type Entrance } from '../acceptor.ts';
import { type ChosenFront, createChoice, type Sharers } from './choice.ts';
import { nameIn, type Spoken, spokenIn } from './opening.ts';
import type { Passage } from './passage.ts';
import { type Endpoint, mayName, readProxyHeader } from './proxy-header.ts';
import { type ListenPlace, openSockets, type PassedOn } from './sockets.ts';

export interface GateConfig extends ListenPlace {
  /** Load balancers, which begin with a header of the PROXY protocol. */
  readonly trusted?: BlockList | undefined;
  /** Where goes what is for no front. undefined: it is refused. */
  readonly passage?: HostPort | 'original' | undefined;
}

export interface Gate {
  readonly port: number;
  /** Where the listener of each front, or of several that share connections, takes them from. */
  readonly entrances: ReadonlyMap<Sharers, Entrance>;
  /** By their names for a program that takes this one's place. */
  readonly acceptors: ReadonlyMap<string, Server>;
  /** Accepts no more. */
  stop(): void;
  /** Those of which it is not known yet whose they are, end with it. */
  close(): void;
}

export interface GateOptions {
  readonly config: GateConfig;
  readonly fronts: readonly ChosenFront[];
  /** Sockets that a program before this one listens on. */
  readonly passed?: PassedOn;
  readonly passage: Passage;
  readonly clock: Clock;
  readonly log: Log;
}

const NONE: Buffer = Buffer.alloc(0);
/** Fatal: unrecognized_name (RFC 6066, 3). */
const TLS_REFUSAL = Buffer.from([21, 3, 1, 0, 2, 2, 112]);
const HTTP_REFUSAL = 'HTTP/1.1 421 Misdirected Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

export const openGate = async (options: GateOptions): Promise<Gate> => {
  const { config, fronts, passage, clock, log } = options;
  const { name, trusted, passage: beyond } = config;
  const choice = createChoice(fronts, beyond === undefined);
  const entrances = new Map(choice.sharers.map((sharers) => [sharers, createEntrance()]));

  type Verdict = 'more' | { readonly sharers: Sharers } | { readonly nobodys: Spoken | 'other' | 'silent' };
  /** `last`: no more will come, or not in time. */
  const judge = (bytes: Buffer, wanted: Endpoint, last: boolean): Verdict => {
    const spoken = spokenIn(bytes);
    if (spoken === undefined) return last ? { nobodys: bytes.length === 0 ? 'silent' : 'other' } : 'more';
    if (spoken === 'other') return { nobodys: spoken };
    let sharers = choice.at(spoken, wanted.address, wanted.port);
    if (sharers === undefined) {
      const named = nameIn(spoken, bytes);
      if (named === undefined && !last && bytes.length < LIMITS.httpHeaderBytes) return 'more';
      if (named?.name !== undefined) sharers = choice.at(spoken, named.name, wanted.port);
    }
    sharers ??= choice.rest(spoken);
    return sharers === undefined ? { nobodys: spoken } : { sharers };
  };

  const refuse = (socket: Socket, address: string, spoken: Spoken | 'other' | 'silent'): void => {
    log.info({ address, outcome: 'refused' }, `gate ${name}: for no front: ${spoken}`);
    if (spoken === 'tls') socket.end(TLS_REFUSAL);
    else if (spoken === 'http') socket.end(HTTP_REFUSAL);
    else socket.destroy();
    // What still comes is swallowed for a while, so that the refusal is read.
    socket.resume();
    clock.after(LIMITS.httpLingerMs, () => socket.destroy());
  };

  const undecided = new Set<Socket>();
  const accept = (socket: Socket): void => {
    // A client that has said all still reads; its front has an opinion of its own.
    socket.allowHalfOpen = true;
    socket.on('error', () => {}); // 'close' follows
    const remote = { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
    if (remote.address === '') {
      // It was reset before it was accepted.
      socket.destroy();
      return;
    }
    let client: Endpoint = remote;
    let wanted: Endpoint = { address: plainAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 };
    let awaitsHeader = trusted?.check(remote.address, isIPv6(remote.address) ? 'ipv6' : 'ipv4') === true;
    let held = NONE;
    let cancel = (): void => {};

    /** From here on it is somebody else's, as it came but for what was read of it. */
    const letGo = (): void => {
      cancel();
      undecided.delete(socket);
      socket.off('data', arrived).off('end', ended).off('close', closed);
      socket.pause();
    };
    /** Whether the client's own bytes begin now. */
    const pastHeader = (last: boolean): boolean => {
      const header = readProxyHeader(held);
      const leads = header.kind !== 'header' || mayName(remote.address, header.named?.destination.address);
      if (header.kind === 'header' && leads) {
        awaitsHeader = false;
        held = held.subarray(header.bytes);
        if (header.named !== undefined) ({ client, destination: wanted } = header.named);
        waitForMore();
        return true;
      }
      if (header.kind === 'more' && !last) return false;
      letGo();
      socket.destroy();
      // Load balancers look whether somebody listens, and say nothing.
      const what = leads ? 'no PROXY header of a load balancer' : 'a PROXY header that leads to this machine itself';
      if (held.length > 0) log.warn({ address: remote.address, outcome: 'refused' }, `gate ${name}: ${what}`);
      return false;
    };
    const look = (last: boolean): void => {
      if (awaitsHeader && !pastHeader(last)) return;
      const verdict = judge(held, wanted, last);
      if (verdict === 'more') return;
      letGo();
      if ('sharers' in verdict) {
        if (socket.readableEnded) {
          // Half a greeting, and no more will come.
          socket.destroy();
          return;
        }
        if (held.length > 0) socket.unshift(held);
        entrances.get(verdict.sharers)?.give(socket, client === remote ? undefined : client.address);
      } else if (beyond === undefined) refuse(socket, client.address, verdict.nobodys);
      else {
        const to = beyond === 'original' ? { host: wanted.address, port: wanted.port } : beyond;
        passage.pass({ socket, early: held, client: { host: client.address, port: client.port }, to, gate: name });
      }
    };
    const waitForMore = (): void => {
      cancel();
      // Of some protocols the server speaks first.
      const isSilent = held.length === 0 && beyond !== undefined && !awaitsHeader;
      cancel = clock.after(isSilent ? LIMITS.gateSilenceMs : LIMITS.httpHeadersMs, () => look(true));
    };
    const arrived = (bytes: Buffer): void => {
      const isFirst = held.length === 0;
      held = isFirst ? bytes : Buffer.concat([held, bytes]);
      if (isFirst) waitForMore();
      look(false);
    };
    const ended = (): void => look(true);
    const closed = (): void => {
      cancel();
      undecided.delete(socket);
    };
    undecided.add(socket);
    waitForMore();
    socket.on('data', arrived).once('end', ended).once('close', closed);
  };

  const sockets = await openSockets(config, options.passed);
  for (const { server, take } of sockets.values()) {
    server.on('error', (error) => log.error({ error }, `gate ${name}: the listening socket failed`));
    take(accept);
  }
  const stop = (): void => {
    for (const { server } of sockets.values()) server.close();
  };
  const first = [...sockets.values()][0]?.server.address();
  const port = typeof first === 'object' && first !== null ? first.port : config.port;
  return {
    port,
    entrances,
    acceptors: new Map([...sockets].map(([key, { server }]) => [key, server])),
    stop,
    close: () => {
      stop();
      for (const socket of undecided) socket.destroy();
    },
  };
};
