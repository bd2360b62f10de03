/** An HTTP endpoint and the fingerprint its owner trusts in, a connector out that sends no byte to a host with another certificate. */
import type { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import type { Endpoint } from '../../mappings/generic/platform.ts';

const HEX = /^[0-9A-F]{64}$/;

/** `AA:BB:..` or `aabb..` as 64 capital hexadecimal digits; undefined: not the SHA-256 of a certificate. */
export const parseFingerprint = (text: string): string | undefined => {
  const digits = text
    .trim()
    .replace(/^sha-?256[:=]/i, '')
    .replaceAll(':', '')
    .toUpperCase();
  return HEX.test(digits) ? digits : undefined;
};

const formatFingerprint = (digits: string): string => (digits.match(/../g) ?? []).join(':');

/** The certificate is not the one that is trusted in: nothing was sent. */
class UntrustedCertificate extends Error {
  override readonly name = 'UntrustedCertificate';
}

const refusal = (socket: TLSSocket, at: string, trusted: string | undefined): UntrustedCertificate | undefined => {
  const shown = parseFingerprint(socket.getPeerCertificate().fingerprint256 ?? '');
  if (shown === undefined) return new UntrustedCertificate(`${at} shows no certificate`);
  if (trusted !== undefined) {
    if (shown === trusted) return undefined;
    return new UntrustedCertificate(
      `the certificate of ${at} is another than the trusted one: its SHA-256 fingerprint is ${formatFingerprint(shown)}`,
    );
  }
  if (socket.authorized) return undefined;
  return new UntrustedCertificate(
    `the certificate of ${at} is unknown (${String(socket.authorizationError)}); its SHA-256 fingerprint is ${formatFingerprint(shown)}: ` +
      'compare it with the host and name it with --host-fingerprint',
  );
};

export const hostConnector = (
  endpoint: Endpoint,
  at: string,
  fingerprint: string | undefined,
  connectLimitMs: number,
): buildConnector.connector => {
  const trusted = fingerprint === undefined ? undefined : (parseFingerprint(fingerprint) ?? 'no fingerprint');
  // Resumed sessions would show no certificate to compare.
  const connect = buildConnector({ rejectUnauthorized: false, maxCachedSessions: 0, timeout: connectLimitMs });
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      const reason = endpoint.kind === 'https' ? refusal(socket as TLSSocket, at, trusted) : undefined;
      if (reason === undefined) return callback(null, socket);
      socket.destroy();
      return callback(reason, null);
    });
};
