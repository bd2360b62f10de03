/** TLS of a link over a network: who may enter in, sockets of agents that are known by their certificates out; refused ones are told why. */
import { constants } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls';
import { LIMITS } from './limits.ts';
import type { LinkTrust } from './link-trust.ts';
import type { Log } from './log.ts';

/** Who is at the other end of a socket, by what its certificate says. */
export interface LinkPeer {
  /** The agent's; undefined: it is another server. */
  readonly name: string | undefined;
  readonly serialNumber: string;
}

/** In every handshake certificates are shown and looked at: no session is resumed. */
const FIXED = { minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET } as const;

const VERDICTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  INVALID_PURPOSE: 'not the certificate of an agent',
};

/** undefined: it showed none. */
const certificateOf = (socket: TLSSocket): PeerCertificate | undefined => {
  const certificate = socket.getPeerCertificate() as PeerCertificate | null;
  return certificate === null || certificate.serialNumber === undefined ? undefined : certificate;
};

const judge = (socket: TLSSocket, trust: LinkTrust, servers: boolean): LinkPeer | { readonly refused: string } => {
  const certificate = certificateOf(socket);
  if (certificate === undefined) return { refused: 'no certificate was shown' };
  if (!socket.authorized) {
    const code = String(socket.authorizationError);
    return { refused: VERDICTS[code] ?? `not a certificate of this deployment (${code})` };
  }
  const { serialNumber } = certificate;
  if (servers && trust.refusesServer(certificate) === undefined) return { name: undefined, serialNumber };
  const verdict = trust.agentOf(certificate);
  return 'refused' in verdict ? verdict : { name: verdict.name, serialNumber };
};

/** The answer that the peer's WebSocket client waits for, without a look at what it sent. */
const dismiss = (socket: Socket, reason: string): void => {
  socket.on('error', () => {});
  socket.resume();
  socket.end(`HTTP/1.1 403 ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  setTimeout(() => socket.destroy(), LIMITS.linkFarewellMs).unref();
};

const SAID_MS = 1000;

/** Anyone may knock, so that a flood of refusals is not a flood of lines. */
const createRefusals = (log: Log) => {
  let saidMs = 0;
  let unsaid = 0;
  return (address: string | undefined, reason: string): void => {
    if (Date.now() - saidMs < SAID_MS) {
      unsaid += 1;
      return;
    }
    saidMs = Date.now();
    const more = unsaid === 0 ? '' : ` (and ${unsaid} more)`;
    unsaid = 0;
    log.warn({ address: address ?? '' }, `link: refused: ${reason}${more}`);
  };
};

export interface TlsListener {
  readonly http: Server;
  /** Of a socket on which a request arrived. */
  peer(socket: Socket): LinkPeer | undefined;
}

/** `servers`: other servers are let in, too. */
export const createTlsListener = (trust: LinkTrust, log: Log, servers = false): TlsListener => {
  const peers = new WeakMap<Socket, LinkPeer>();
  const refuse = createRefusals(log);
  let used = trust.material();
  const http = createServer(
    {
      ...used,
      ...FIXED,
      requestCert: true,
      // Judged below, so that both sides hear the reason.
      rejectUnauthorized: false,
      handshakeTimeout: LIMITS.linkHandshakeMs,
      headersTimeout: LIMITS.linkHandshakeMs,
    },
    (_, response) => response.writeHead(404).end(),
  );
  http.maxConnections = LIMITS.linkConnections;
  http.prependListener('connection', () => {
    const now = trust.material();
    if (now === used) return;
    used = now;
    try {
      http.setSecureContext({ ...now, ...FIXED });
    } catch (error) {
      log.error({ error }, 'link: the new certificate cannot be used; the one before stays');
    }
  });
  // Nothing of a peer is read before its certificate is known.
  const serve = http.listeners('secureConnection') as ((socket: TLSSocket) => void)[];
  http.removeAllListeners('secureConnection');
  http.on('secureConnection', (socket: TLSSocket) => {
    const verdict = judge(socket, trust, servers);
    if ('refused' in verdict) {
      refuse(socket.remoteAddress, verdict.refused);
      dismiss(socket, verdict.refused);
      return;
    }
    peers.set(socket, verdict);
    for (const one of serve) one.call(http, socket);
  });
  http.on('tlsClientError', (error, socket) => refuse(socket.remoteAddress, `no TLS: ${error.message}`));
  return { http, peer: (socket) => peers.get(socket) };
};

/** What the end of TLS that dials is given. The host's name must be the certificate's, which must be that of a server of the link. */
export const dialOptions = (trust: LinkTrust): ConnectionOptions => ({
  ...trust.material(),
  ...FIXED,
  checkServerIdentity: (host, certificate) => {
    const why = trust.refusesServer(certificate);
    return why === undefined ? checkServerIdentity(host, certificate) : new Error(`the server at ${host}: ${why}`);
  },
});

/** The serial number of the server's certificate. */
export const serialOfServer = (socket: Socket): string | undefined =>
  'getPeerCertificate' in socket ? certificateOf(socket as TLSSocket)?.serialNumber : undefined;
