/** What a front may speak in; the TLS versions and cipher suites that OpenSSL is given out: modern ones, and older ones only for whoever asks for them. */
import type { SecureContextOptions } from 'node:tls';

export const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export interface TlsWishes {
  readonly minVersion?: TlsVersion | undefined;
  /** An OpenSSL cipher string, of TLS 1.2 and older too. */
  readonly ciphers?: string | undefined;
}

/** Forward secret and authenticated, all of them: "intermediate" of Mozilla's recommendations, without finite-field Diffie-Hellman. */
const MODERN = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];
/** What clients from before TLS 1.2 have in common with us. */
const OLD = [
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
  // Their handshakes are signed with MD5 and SHA-1 together, which OpenSSL 3 does at this level alone.
  '@SECLEVEL=0',
];

export const suitesFor = ({
  minVersion = 'TLSv1.2',
  ciphers,
}: TlsWishes): Required<Pick<SecureContextOptions, 'minVersion' | 'ciphers'>> => {
  const isOld = minVersion === 'TLSv1' || minVersion === 'TLSv1.1';
  return { minVersion, ciphers: ciphers ?? (isOld ? [...MODERN, ...OLD] : MODERN).join(':') };
};
