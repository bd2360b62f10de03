/** A front's own certificate file in; what its clients would not accept of it, out. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { systemClock } from '../../runtime/clock.ts';
import { isAddress } from '../../runtime/host-port.ts';
import type { FullConfig } from '../flags.ts';
import { lookAtMode, lookAtValidity } from './files.ts';
import type { Finding } from './finding.ts';

/** `where`: of the certificate's key in the configuration. The files are known to fit together. */
export const lookAtFrontCertificate = (
  { certificateFile, keyFile, at = [] }: FullConfig['front'][number],
  where: string,
): Finding[] => {
  if (certificateFile === undefined || keyFile === undefined) return [];
  const fix = 'have its issuer make one for all of them';
  const x509 = new X509Certificate(readFileSync(certificateFile));
  const missing = at
    .map(({ host }) => host)
    .filter((host) => (isAddress(host) ? x509.checkIP(host) : x509.checkHost(host)) === undefined);
  const what = `${certificateFile} is not for ${missing.join(', ')}: clients that look will not connect`;
  return [
    ...(missing.length === 0 ? [] : [{ level: 'warning', what, where, fix } as const]),
    ...lookAtValidity(certificateFile, where, systemClock.now(), 'renew it'),
    ...lookAtMode(keyFile, where),
  ];
};
