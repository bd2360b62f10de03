/** The link between two programs: WebSocket messages on loopback TCP or a unix socket, opened by the agent, admitted by a shared token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { LIMITS } from './limits.ts';
import { type Channel, LinkDown } from './link.ts';
import type { Log } from './log.ts';
import type { Secret } from './secret.ts';

/** `unix:/run/transvisor/link` or `tcp:127.0.0.1:7443`. Mutual TLS becomes a third kind here; nothing else need know. */
export type LinkAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

export const parseLinkAddress = (text: string): LinkAddress | undefined => {
  if (text.startsWith('unix:') && text.length > 5) return { kind: 'unix', path: text.slice(5) };
  const tcp = /^tcp:(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(tcp?.[3]);
  const host = tcp?.[1] ?? tcp?.[2];
  return host === undefined || port > 65_535 ? undefined : { kind: 'tcp', host, port };
};

export const formatLinkAddress = (address: LinkAddress): string =>
  address.kind === 'unix'
    ? `unix:${address.path}`
    : `tcp:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;

const PATH = '/link';
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A WebSocket as a channel: pings find a silent peer, senders wait above the mark, an overfull queue breaks off. */
const channelOf = (socket: WebSocket): Channel => {
  let closedBy: string | undefined;
  let lastHeardMs = Date.now();
  const closers: ((reason: string) => void)[] = [];
  const early: Uint8Array[] = [];
  let listener: ((bytes: Uint8Array) => void) | undefined;
  let room: (() => void)[] = [];

  const freeRoom = (): void => {
    if (socket.bufferedAmount >= LIMITS.linkHighWaterBytes && closedBy === undefined) return;
    const waiters = room;
    room = [];
    for (const go of waiters) go();
  };
  const ended = (reason: string): void => {
    if (closedBy !== undefined) return;
    closedBy = reason;
    clearInterval(pulse);
    freeRoom();
    for (const closer of closers.splice(0)) closer(reason);
  };
  const close = (reason: string): void => {
    socket.terminate();
    ended(reason);
  };
  const pulse = setInterval(() => {
    if (Date.now() - lastHeardMs > LIMITS.linkSilenceMs) close('the other side is silent');
    else if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, LIMITS.linkPingMs);
  pulse.unref();

  socket.on('pong', () => {
    lastHeardMs = Date.now();
  });
  socket.on('ping', () => {
    lastHeardMs = Date.now();
  });
  socket.on('message', (data, binary) => {
    lastHeardMs = Date.now();
    if (!binary || !Buffer.isBuffer(data)) return close('a message that is not binary');
    if (listener === undefined) early.push(data);
    else listener(data);
  });
  socket.on('close', (code) => ended(`closed (${code})`));
  socket.on('error', (error) => ended(error.message));
  return {
    send: (bytes) => {
      if (closedBy !== undefined || socket.readyState !== WebSocket.OPEN) {
        throw new LinkDown(`the link is closed: ${closedBy ?? 'closing'}`);
      }
      socket.send(bytes, { binary: true }, freeRoom);
      if (socket.bufferedAmount > LIMITS.linkQueueBytes) return close('the queue of the link is full');
      if (socket.bufferedAmount < LIMITS.linkHighWaterBytes) return undefined;
      return new Promise<void>((resolve) => room.push(resolve));
    },
    onMessage: (to) => {
      listener = to;
      for (const bytes of early.splice(0)) to(bytes);
    },
    onClose: (to) => {
      if (closedBy === undefined) closers.push(to);
      else to(closedBy);
    },
    close,
  };
};

export interface LinkServer {
  readonly address: LinkAddress;
  close(): Promise<void>;
}

/** A socket file that nobody listens on was left by a killed program; one that answers is another server's. */
const clearStaleSocket = async (path: string): Promise<void> => {
  try {
    if (!statSync(path).isSocket()) throw new Error(`${path} exists and is no socket`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => resolve(probe.destroy() !== undefined));
    probe.once('error', () => resolve(false));
  });
  if (alive) throw new Error(`another server listens on ${path}`);
  rmSync(path, { force: true });
};

export const serveLink = async (
  address: LinkAddress,
  token: Secret,
  log: Log,
  accept: (channel: Channel) => void,
): Promise<LinkServer> => {
  const wanted = digest(`Bearer ${token.reveal()}`);
  const admits = (request: IncomingMessage): boolean =>
    request.url === PATH && timingSafeEqual(digest(request.headers.authorization ?? ''), wanted);
  const http = createServer((_, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: LIMITS.linkMessageBytes,
  });
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    if (!admits(request)) {
      log.warn({ address: request.socket.remoteAddress ?? '' }, 'link: refused, wrong token');
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (open) => accept(channelOf(open)));
  });
  if (address.kind === 'unix') await clearStaleSocket(address.path);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    const listening = (): void => {
      http.off('error', reject);
      http.on('error', (error) => log.error({ error }, 'link: listener failed'));
      resolve();
    };
    if (address.kind === 'tcp') {
      http.listen(address.port, address.host, listening);
      return;
    }
    // The file must never be open to others, not even between bind and chmod.
    const before = process.umask(0o177);
    http.listen(address.path, listening);
    process.umask(before);
  });
  if (address.kind === 'unix') chmodSync(address.path, 0o600);
  const at = http.address();
  return {
    address: address.kind === 'tcp' && at !== null && typeof at === 'object' ? { ...address, port: at.port } : address,
    close: () =>
      new Promise((resolve) => {
        for (const client of sockets.clients) client.terminate();
        sockets.close();
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
};

/** Opens the link and keeps it open: every time it comes up `up` gets a fresh channel. */
export const dialLink = (
  address: LinkAddress,
  token: Secret,
  log: Log,
  up: (channel: Channel) => void,
): { close(): void } => {
  let stopped = false;
  let waitMs: number = LIMITS.linkReconnectFirstMs;
  let timer: NodeJS.Timeout | undefined;
  let current: WebSocket | undefined;
  let said = '';
  const url =
    address.kind === 'unix'
      ? `ws+unix:${address.path}:${PATH}`
      : `ws://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}${PATH}`;
  const again = (why: string): void => {
    if (stopped) return;
    if (why !== said) log.warn({}, `link: server away: ${why}`);
    said = why;
    timer = setTimeout(dial, waitMs);
    waitMs = Math.min(waitMs * 2, LIMITS.linkReconnectMostMs);
  };
  const dial = (): void => {
    let opened = false;
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${token.reveal()}` },
      perMessageDeflate: false,
      maxPayload: LIMITS.linkMessageBytes,
      handshakeTimeout: LIMITS.linkSilenceMs,
    });
    current = socket;
    socket.once('open', () => {
      opened = true;
      said = '';
      waitMs = LIMITS.linkReconnectFirstMs;
      const channel = channelOf(socket);
      channel.onClose(again);
      up(channel);
    });
    socket.on('error', (error) => {
      if (!opened) again(error.message);
      opened = true;
    });
  };
  dial();
  return {
    close: () => {
      stopped = true;
      clearTimeout(timer);
      current?.terminate();
    },
  };
};
