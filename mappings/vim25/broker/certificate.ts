/** The front's own certificate in, HostCertificateManager.certificateInfo out: whose it is, who signed it, how long it lasts. */
import { X509Certificate } from 'node:crypto';
import { FURNITURE as F, sameRef } from '../ids.ts';
import { furnish } from './registry.ts';
import type { Scope } from './scope.ts';

const DAY_MS = 86_400_000;
/** Days left below which ESXi uses the word (vSphere 6.7, vpxd.certmgmt.certs defaults). */
const SOON: readonly (readonly [days: number, status: string])[] = [
  [0, 'expired'],
  [60, 'expirationImminent'],
  [120, 'expiringShortly'],
  [240, 'expiring'],
];

const statusOf = (leftMs: number): string => SOON.find(([days]) => leftMs <= days * DAY_MS)?.[1] ?? 'good';

/** `C=..\nO=..\nCN=..` as Node writes a name, `CN=..,O=..,C=..` as ESXi does. */
const nameOf = (lines: string): string => lines.split('\n').reverse().join(',');

const certificateInfo = ({ context }: Scope) => {
  if (context.front.certificate === '') return undefined;
  const { subject, issuer, validFromDate, validToDate } = new X509Certificate(context.front.certificate);
  return {
    issuer: nameOf(issuer),
    notBefore: validFromDate.getTime(),
    notAfter: validToDate.getTime(),
    subject: nameOf(subject),
    status: statusOf(validToDate.getTime() - context.now()),
  };
};

export const furnishCertificate = (): void => {
  furnish('HostCertificateManager', (scope, ref) =>
    sameRef(ref, F.certificateManager) ? { values: { certificateInfo: () => certificateInfo(scope) } } : undefined,
  );
};
