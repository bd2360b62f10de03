/** Who may be at the other end of a link over a network: files of certificates in, what TLS is given and a verdict on the other side's certificate out. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext, type PeerCertificate } from 'node:tls';
import { readBounded, readKeyPair, stampOf } from './key-pair-files.ts';
import { LIMITS } from './limits.ts';
import { parseRevoked, serialOf } from './link-revoked.ts';
import type { Log } from './log.ts';
import { AGENT_NAME, LINK_AGENT_URI, LINK_SERVER_URI } from './tls.ts';

export interface LinkFiles {
  /** The certificates of the deployment's authorities, PEM: two of them while one replaces the other. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** It may be missing: then nothing is revoked. */
  readonly revoked: string;
}

/** What TLS is given, all of one moment. */
export interface LinkMaterial {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What of a peer's certificate decides. */
export type PeerIdentity = Pick<PeerCertificate, 'serialNumber' | 'subjectaltname' | 'valid_to'>;

export interface LinkTrust {
  /** As the files are now; as they were before, while they do not fit together. */
  material(): LinkMaterial;
  isRevoked(serialNumber: string): boolean;
  /** The name of the agent whose certificate it is, or why it is none. */
  agentOf(peer: PeerIdentity): { readonly name: string } | { readonly refused: string };
  /** undefined: the certificate of a server of this deployment. */
  refusesServer(peer: PeerIdentity): string | undefined;
  /** Called after every change of the list of revoked certificates; gives the end of it. */
  onRevoked(listener: () => void): () => void;
  /** Reads everything anew now. */
  refresh(): void;
  close(): void;
}

/** Throws, naming the file, unless the three fit together. */
const readMaterial = ({ ca: caFile, certificate, key }: LinkFiles): LinkMaterial => {
  const ca = readBounded(caFile, LIMITS.linkCertificateBytes);
  const pair = readKeyPair(certificate, key);
  try {
    createSecureContext({ ca });
  } catch {
    throw new Error(`${caFile} holds no certificate`);
  }
  if (!/-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(ca)) throw new Error(`${caFile} holds no certificate`);
  return { ca, cert: pair.certificate, key: pair.key };
};

const urisOf = (peer: PeerIdentity): string[] =>
  (peer.subjectaltname ?? '')
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice(4));

/** The files are read at once: throws when they are missing or do not fit together. */
export const createLinkTrust = (files: LinkFiles, log: Log, nowMs: () => number = Date.now): LinkTrust => {
  const materialStamp = (): string => stampOf(files.ca, files.certificate, files.key);
  let seen = materialStamp();
  let material = readMaterial(files);
  let endsMs = Date.parse(new X509Certificate(material.cert).validTo);
  let warned = false;
  let revokedSeen = '';
  let revoked: ReadonlySet<string> = new Set();
  const listeners = new Set<() => void>();

  const takeMaterial = (): void => {
    const now = materialStamp();
    if (now === seen) return;
    seen = now;
    try {
      material = readMaterial(files);
      const { validTo, serialNumber } = new X509Certificate(material.cert);
      endsMs = Date.parse(validTo);
      warned = false;
      log.info({}, `link: certificate ${serialOf(serialNumber)}, valid until ${validTo}, from the next connection on`);
    } catch (error) {
      // A renewal may be half written; the next look finds the rest.
      log.warn({ error }, 'link: the certificate files do not fit together; those read before stay');
    }
  };
  const takeRevoked = (first: boolean): void => {
    const now = stampOf(files.revoked);
    if (now === revokedSeen) return;
    try {
      const { serials, unread } =
        now === 'none' ? parseRevoked('') : parseRevoked(readBounded(files.revoked, LIMITS.linkRevokedBytes));
      if (unread.length > 0) {
        const text = `${files.revoked}:${unread[0]}: no serial number`;
        if (first) throw new Error(text);
        log.error({}, `link: ${text}; what was revoked before stays so`);
      }
      revoked = unread.length > 0 ? new Set([...revoked, ...serials]) : serials;
    } catch (error) {
      if (first) throw error;
      log.error({ error }, 'link: the list of revoked certificates cannot be read; the one before stays');
    }
    revokedSeen = now;
    if (first) return;
    log.info({}, `link: ${revoked.size} certificates are revoked`);
    for (const listener of listeners) listener();
  };
  takeRevoked(true);
  /** A link may be up for years, and its next connection be refused. */
  const warn = (): void => {
    const days = Math.floor((endsMs - nowMs()) / 86_400_000);
    if (warned || days >= LIMITS.linkRenewDays) return;
    warned = true;
    log.warn({}, `link: ${files.certificate} ${days < 0 ? 'has ended' : `ends in ${days} days`}: renew it`);
  };
  warn();
  const watch = setInterval(() => {
    takeRevoked(false);
    warn();
  }, LIMITS.linkRevokedMs);
  watch.unref();

  const refused = (peer: PeerIdentity): string | undefined => {
    // TLS looks at this in a full handshake; nothing here may depend on its having been one.
    if (!(Date.parse(peer.valid_to) > nowMs())) return 'the certificate has expired';
    takeRevoked(false);
    return revoked.has(serialOf(peer.serialNumber)) ? 'the certificate is revoked' : undefined;
  };

  return {
    material: () => {
      takeMaterial();
      return material;
    },
    isRevoked: (serial) => revoked.has(serialOf(serial)),
    agentOf: (peer) => {
      const why = refused(peer);
      if (why !== undefined) return { refused: why };
      const names = urisOf(peer).filter((uri) => uri.startsWith(LINK_AGENT_URI));
      const name = names[0]?.slice(LINK_AGENT_URI.length) ?? '';
      return names.length === 1 && AGENT_NAME.test(name) ? { name } : { refused: 'not the certificate of an agent' };
    },
    refusesServer: (peer) =>
      refused(peer) ??
      (urisOf(peer).includes(LINK_SERVER_URI) ? undefined : 'not the certificate of a server of the link'),
    onRevoked: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    refresh: () => {
      takeMaterial();
      takeRevoked(false);
      warn();
    },
    close: () => {
      clearInterval(watch);
      listeners.clear();
    },
  };
};
