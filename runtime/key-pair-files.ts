/** A certificate and its key as files in, both as PEM out: read as one, and anew when the files have changed. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { LIMITS } from './limits.ts';
import type { Log } from './log.ts';
import type { KeyPair } from './tls.ts';

/** Tells whether files are still those that were read. */
export const stampOf = (...paths: readonly string[]): string =>
  paths
    .map((path) => {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
    })
    .join(' ');

export const readBounded = (path: string, most: number): string => {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) throw new Error(`${path}: no such file`);
  if (size > most) throw new Error(`${path} is larger than ${most} bytes`);
  return readFileSync(path, 'utf8');
};

/** Throws, naming the file, unless they are of each other; the certificate may have those of its issuers behind it. */
export const readKeyPair = (certificateFile: string, keyFile: string): KeyPair => {
  const [certificate, key] = [certificateFile, keyFile].map((path) => readBounded(path, LIMITS.linkCertificateBytes));
  let x509: X509Certificate;
  try {
    x509 = new X509Certificate(certificate ?? '');
  } catch {
    throw new Error(`${certificateFile} holds no certificate`);
  }
  let fits: boolean;
  try {
    fits = x509.checkPrivateKey(createPrivateKey(key ?? ''));
  } catch {
    throw new Error(`${keyFile} holds no private key`);
  }
  if (!fits) throw new Error(`${keyFile} is not the key of ${certificateFile}`);
  return { certificate: certificate ?? '', key: key ?? '' };
};

/** The pair as it is now. */
export interface KeyPairFiles extends KeyPair {
  /** Looks at the files now; whether they were others than before. */
  refresh(): boolean;
}

/** Read at once: throws when they are missing or do not fit together. Later the pair before stays until they do. */
export const watchKeyPair = (certificateFile: string, keyFile: string, log: Log): KeyPairFiles => {
  let seen = stampOf(certificateFile, keyFile);
  let pair = readKeyPair(certificateFile, keyFile);
  return {
    get certificate() {
      return pair.certificate;
    },
    get key() {
      return pair.key;
    },
    refresh: () => {
      const now = stampOf(certificateFile, keyFile);
      if (now === seen) return false;
      seen = now;
      try {
        pair = readKeyPair(certificateFile, keyFile);
        const { validTo } = new X509Certificate(pair.certificate);
        log.info({}, `${certificateFile}: read anew, valid until ${validTo}`);
        return true;
      } catch (error) {
        // A renewal may be half written; the next look finds the rest.
        log.warn({ error }, `${certificateFile} and ${keyFile} do not fit together; those read before stay`);
        return false;
      }
    },
  };
};
