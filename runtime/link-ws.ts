/** The link between two programs: WebSocket messages on a unix socket, TCP or TLS, opened by the agent, admitted by a shared token or by certificates. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { LIMITS } from './limits.ts';
import type { Channel } from './link.ts';
import { type LinkAddress, linkUrl } from './link-address.ts';
import { channelOf, type SocketChannel } from './link-channel.ts';
import { createTlsListener, dialOptions, type LinkPeer, serialOfServer } from './link-tls.ts';
import type { LinkTrust } from './link-trust.ts';
import type { Log } from './log.ts';
import { Secret } from './secret.ts';

/** A secret that both programs know, on one machine; certificates between machines. */
export type Admission = Secret | LinkTrust;

const PATH = '/link';
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

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

/** The listener of an address, and who a request comes from: undefined when it may not enter. */
interface Gate {
  readonly http: Server;
  admits(request: IncomingMessage): Partial<LinkPeer> | undefined;
}

const gateOf = (address: LinkAddress, admission: Admission, log: Log): Gate => {
  if (address.kind === 'tls') {
    if (admission instanceof Secret) throw new Error('a link with TLS admits by certificates');
    const { http, peer } = createTlsListener(admission, log);
    return { http, admits: (request) => (request.url === PATH ? peer(request.socket) : undefined) };
  }
  if (!(admission instanceof Secret)) throw new Error('a link without TLS admits by a token');
  const wanted = digest(`Bearer ${admission.reveal()}`);
  const http = createServer((_, response) => response.writeHead(404).end());
  const admits: Gate['admits'] = (request) =>
    request.url === PATH && timingSafeEqual(digest(request.headers.authorization ?? ''), wanted) ? {} : undefined;
  return { http, admits };
};

/** `accept` is told the name of the agent where its certificate says it. */
export const serveLink = async (
  address: LinkAddress,
  admission: Admission,
  log: Log,
  accept: (channel: Channel, agent?: string) => void,
): Promise<LinkServer> => {
  const { http, admits } = gateOf(address, admission, log);
  const open = new Map<SocketChannel, string>();
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: LIMITS.linkMessageBytes,
  });
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    const peer = admits(request);
    if (peer === undefined) {
      log.warn({ address: request.socket.remoteAddress ?? '' }, 'link: refused, wrong token');
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (upgraded) => {
      const channel = channelOf(upgraded);
      if (peer.serialNumber !== undefined) {
        open.set(channel, peer.serialNumber);
        channel.onClose(() => open.delete(channel));
      }
      accept(channel, peer.name);
    });
  });
  const stopWatching =
    admission instanceof Secret
      ? undefined
      : admission.onRevoked(() => {
          for (const [channel, serialNumber] of [...open])
            if (admission.isRevoked(serialNumber)) channel.expel('the certificate is revoked');
        });
  if (address.kind === 'unix') await clearStaleSocket(address.path);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    const listening = (): void => {
      http.off('error', reject);
      http.on('error', (error) => log.error({ error }, 'link: listener failed'));
      resolve();
    };
    if (address.kind !== 'unix') {
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
    address: address.kind !== 'unix' && at !== null && typeof at === 'object' ? { ...address, port: at.port } : address,
    close: () =>
      new Promise((resolve) => {
        stopWatching?.();
        for (const client of sockets.clients) client.terminate();
        sockets.close();
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
};

const SHOWN = 200;

/** Between half of it and all of it: agents that lost one server do not come back in one moment. */
const jittered = (waitMs: number, random: () => number): number => waitMs * (0.5 + random() / 2);

/** Opens the link and keeps it open: every time it comes up `up` gets a fresh channel. */
export const dialLink = (
  address: LinkAddress,
  admission: Admission,
  log: Log,
  up: (channel: Channel) => void,
  random: () => number = Math.random,
): { close(): void } => {
  let stopped = false;
  let waitMs: number = LIMITS.linkReconnectFirstMs;
  let timer: NodeJS.Timeout | undefined;
  let current: WebSocket | undefined;
  let said = '';
  let present: { readonly channel: SocketChannel; readonly serial: string | undefined } | undefined;
  const url = linkUrl(address, PATH);
  const again = (why: string): void => {
    if (stopped) return;
    if (why !== said) log.warn({}, `link: server away: ${why}`);
    said = why;
    timer = setTimeout(dial, jittered(waitMs, random));
    waitMs = Math.min(waitMs * 2, LIMITS.linkReconnectMostMs);
  };
  const upgrade = (): void => {
    let ended = false;
    const failed = (why: string): void => {
      if (!ended) again(why);
      ended = true;
    };
    const socket = new WebSocket(url, {
      ...(admission instanceof Secret
        ? { headers: { authorization: `Bearer ${admission.reveal()}` } }
        : dialOptions(admission)),
      perMessageDeflate: false,
      maxPayload: LIMITS.linkMessageBytes,
      handshakeTimeout: LIMITS.linkSilenceMs,
    });
    current = socket;
    let serial: string | undefined;
    socket.once('upgrade', (response) => {
      serial = serialOfServer(response.socket);
    });
    socket.once('unexpected-response', (request, response) => {
      failed(`refused: ${response.statusCode} ${response.statusMessage ?? ''}`.slice(0, SHOWN));
      request.destroy();
    });
    socket.once('open', () => {
      ended = true;
      const openedMs = Date.now();
      const channel = channelOf(socket);
      const link = { channel, serial };
      present = link;
      channel.onClose((why) => {
        if (present === link) present = undefined;
        // One that was broken off at once says nothing good of the next.
        if (Date.now() - openedMs >= LIMITS.linkSteadyMs) {
          said = '';
          waitMs = LIMITS.linkReconnectFirstMs;
        }
        again(why);
      });
      up(channel);
    });
    socket.on('error', (error) => failed(error.message));
  };
  const dial = (): void => {
    try {
      upgrade();
    } catch (error) {
      again(error instanceof Error ? error.message : String(error));
    }
  };
  const stopWatching =
    admission instanceof Secret
      ? undefined
      : admission.onRevoked(() => {
          if (present?.serial !== undefined && admission.isRevoked(present.serial))
            present.channel.expel('the certificate is revoked');
        });
  dial();
  return {
    close: () => {
      stopped = true;
      stopWatching?.();
      clearTimeout(timer);
      current?.terminate();
    },
  };
};
