/** The listening end of the link: WebSocket messages on a unix socket, TCP or TLS, from agents and other servers, admitted by a shared token or by certificates. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import { WebSocketServer } from 'ws';
import { LIMITS } from './limits.ts';
import type { Channel } from './link.ts';
import type { LinkAddress } from './link-address.ts';
import { channelOf, type SocketChannel } from './link-channel.ts';
import { createTlsListener, type LinkPeer } from './link-tls.ts';
import type { LinkTrust } from './link-trust.ts';
import type { Log } from './log.ts';
import { Secret } from './secret.ts';

/** A secret that both programs know, on one machine; certificates between machines. */
export type Admission = Secret | LinkTrust;

/** Where agents come in, and where servers that speak for them. */
export const LINK_PATH = '/link';
export const RELAY_PATH = '/relay';
/** What a relay says of itself, beside who it is. */
export const CELL_HEADER = 'transvisor-cell';
export const AGENT_HEADER = 'transvisor-agent';

/** Another server speaks for an agent. */
export interface RelayFrom {
  readonly cell: string;
  /** The agent's name by its certificate, as that server saw it. */
  readonly agent: string | undefined;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export interface LinkServer {
  readonly address: LinkAddress;
  /** Nobody new comes in; who is in stays. */
  rest(): void;
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

const gateOf = (address: LinkAddress, admission: Admission, log: Log, relays: boolean): Gate => {
  const isOpen = (path: string | undefined): boolean => path === LINK_PATH || (relays && path === RELAY_PATH);
  if (address.kind === 'tls') {
    if (admission instanceof Secret) throw new Error('a link with TLS admits by certificates');
    const { http, peer } = createTlsListener(admission, log, relays);
    const admits: Gate['admits'] = ({ url, socket }) => {
      const from = peer(socket);
      return isOpen(url) && (from?.name === undefined) === (url === RELAY_PATH) ? from : undefined;
    };
    return { http, admits };
  }
  if (!(admission instanceof Secret)) throw new Error('a link without TLS admits by a token');
  const wanted = digest(`Bearer ${admission.reveal()}`);
  const http = createServer((_, response) => response.writeHead(404).end());
  const admits: Gate['admits'] = (request) =>
    isOpen(request.url) && timingSafeEqual(digest(request.headers.authorization ?? ''), wanted) ? {} : undefined;
  return { http, admits };
};

const headerOf = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
};

/** `accept` is told the name of the agent where its certificate says it. `relay`: other servers may come in, too. */
export const serveLink = async (
  address: LinkAddress,
  admission: Admission,
  log: Log,
  accept: (channel: Channel, agent?: string) => void,
  relay?: (channel: Channel, from: RelayFrom) => void,
): Promise<LinkServer> => {
  const { http, admits } = gateOf(address, admission, log, relay !== undefined);
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
      if (request.url !== RELAY_PATH) accept(channel, peer.name);
      else relay?.(channel, { cell: headerOf(request, CELL_HEADER) ?? '', agent: headerOf(request, AGENT_HEADER) });
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
    rest: () => void http.close(),
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
