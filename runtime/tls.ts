/** Certificates: a CA of this installation and leaf certificates of its fronts, as PEM; and their fingerprints. */
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import forge from 'node-forge';
import { makeFolder, replaceFile } from './replace-file.ts';

export interface KeyPair {
  /** PEM */
  readonly certificate: string;
  /** PEM */
  readonly key: string;
}

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
/** Apple's clients refuse leaves of more than 825 days. */
const LEAF_DAYS = 820;

// node-forge signs; the key itself is made by OpenSSL, which is some hundred times faster at it.
const newKey = (): { pem: string; forgeKeys: forge.pki.rsa.KeyPair } => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return {
    pem: privateKey,
    forgeKeys: {
      privateKey: forge.pki.privateKeyFromPem(privateKey),
      publicKey: forge.pki.publicKeyFromPem(publicKey),
    },
  };
};

/** 16 random bytes, positive and without a leading zero byte. */
const serial = (): string => {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
};

const draft = (publicKey: forge.pki.rsa.PublicKey, nowMs: number, days: number): forge.pki.Certificate => {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = publicKey;
  certificate.serialNumber = serial();
  // An hour back: clients' clocks run late.
  certificate.validity.notBefore = new Date(nowMs - 3_600_000);
  certificate.validity.notAfter = new Date(nowMs + days * DAY_MS);
  return certificate;
};

const subject = (commonName: string): forge.pki.CertificateField[] => [
  { name: 'organizationName', value: 'Transvisor' },
  { name: 'commonName', value: commonName.slice(0, 64) },
];

export const makeCa = (nowMs: number, name = 'Transvisor CA'): KeyPair => {
  const { pem, forgeKeys } = newKey();
  const certificate = draft(forgeKeys.publicKey, nowMs, CA_DAYS);
  certificate.setSubject(subject(name));
  certificate.setIssuer(subject(name));
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(forgeKeys.privateKey, forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate), key: pem };
};

type AltName = { readonly type: number; readonly value?: string; readonly ip?: string };

const altName = (name: string): AltName => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name });

interface LeafWishes {
  readonly commonName: string;
  readonly usage: { readonly serverAuth?: boolean; readonly clientAuth?: boolean };
  readonly altNames: readonly AltName[];
  readonly days: number;
}

const signedLeaf = (ca: KeyPair, { commonName, usage, altNames, days }: LeafWishes, nowMs: number): KeyPair => {
  const issuer = forge.pki.certificateFromPem(ca.certificate);
  const { pem, forgeKeys } = newKey();
  const certificate = draft(forgeKeys.publicKey, nowMs, days);
  certificate.setSubject(subject(commonName));
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', ...usage },
    { name: 'subjectAltName', altNames },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(ca.key), forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate), key: pem };
};

/** A server certificate for these names and addresses. */
export const makeLeaf = (ca: KeyPair, names: readonly string[], nowMs: number): KeyPair => {
  const [first] = names;
  if (first === undefined) throw new Error('a certificate needs a name');
  return signedLeaf(
    ca,
    { commonName: first, usage: { serverAuth: true }, altNames: names.map(altName), days: LEAF_DAYS },
    nowMs,
  );
};

/** What a certificate of the link is for stands in it as a URI: one of a front, signed by the same CA, opens no link. */
export const LINK_SERVER_URI = 'urn:transvisor:server';
export const LINK_AGENT_URI = 'urn:transvisor:agent:';
/** No letter that has a meaning in a URI or in a list of names. */
export const AGENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The certificate with which a server answers agents, on these names and addresses. */
export const makeLinkServerLeaf = (ca: KeyPair, names: readonly string[], nowMs: number, days = LEAF_DAYS): KeyPair => {
  const [first] = names;
  if (first === undefined) throw new Error('a certificate needs a name');
  const altNames = [...names.map(altName), { type: 6, value: LINK_SERVER_URI }];
  // It dials as well: servers speak with each other.
  const usage = { serverAuth: true, clientAuth: true };
  return signedLeaf(ca, { commonName: first, usage, altNames, days }, nowMs);
};

/** The certificate by which one agent is known. */
export const makeLinkAgentLeaf = (ca: KeyPair, agent: string, nowMs: number, days = LEAF_DAYS): KeyPair => {
  if (!AGENT_NAME.test(agent)) throw new Error(`"${agent}" is no name of an agent`);
  const altNames = [{ type: 6, value: `${LINK_AGENT_URI}${agent}` }];
  return signedLeaf(ca, { commonName: agent, usage: { clientAuth: true }, altNames, days }, nowMs);
};

/** Of a chain the first, which is the front's own. */
export const leafOf = (chain: string): string =>
  /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\r?\n?/.exec(chain)?.[0] ?? chain;

/** `AA:BB:...`: SHA-1 is what vendor clients call a thumbprint. */
export const fingerprints = (certificate: string): { sha1: string; sha256: string } => {
  const x509 = new X509Certificate(certificate);
  return { sha1: x509.fingerprint, sha256: x509.fingerprint256 };
};

const load = (folder: string, name: string): KeyPair | undefined => {
  const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  return existsSync(certificate) && existsSync(key)
    ? { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
    : undefined;
};

/** PREFIX.key and PREFIX.crt, and PREFIX-ca.crt for whoever is to trust the other side's; each whole at any time. */
export const saveKeyPair = (prefix: string, pair: KeyPair, authority?: string): void => {
  replaceFile(`${prefix}.key`, pair.key, 0o600);
  replaceFile(`${prefix}.crt`, pair.certificate, 0o644);
  if (authority !== undefined) replaceFile(`${prefix}-ca.crt`, authority, 0o644);
};

const keep = (folder: string, name: string, pair: KeyPair): KeyPair => {
  makeFolder(folder);
  saveKeyPair(join(folder, name), pair);
  return pair;
};

export const loadOrMakeCa = (folder: string, nowMs: number): KeyPair => {
  const found = load(folder, 'ca');
  if (found !== undefined) return found;
  // Somebody put it there; its key is elsewhere, and it must not be lost to one of ours.
  if (existsSync(join(folder, 'ca.crt'))) throw new Error(`${join(folder, 'ca.crt')} has no ca.key beside it`);
  return keep(folder, 'ca', makeCa(nowMs));
};

/** The same leaf as long as it fits: signed by this CA, for these names, and not about to run out. */
export const loadOrMakeLeaf = (folder: string, name: string, names: readonly string[], nowMs: number): KeyPair => {
  const ca = loadOrMakeCa(folder, nowMs);
  const found = load(folder, name);
  if (found !== undefined) {
    const x509 = new X509Certificate(found.certificate);
    const fits =
      x509.verify(new X509Certificate(ca.certificate).publicKey) &&
      Date.parse(x509.validTo) - nowMs > 30 * DAY_MS &&
      names.every((wanted) => (isIP(wanted) ? x509.checkIP(wanted) : x509.checkHost(wanted)) !== undefined);
    if (fits) return found;
  }
  return keep(folder, name, makeLeaf(ca, names, nowMs));
};
