/** `transvisor ca issue` and `ca revoke`: an agent's name or a server's names in, certificates of the link, or a line in the list of revoked ones, out. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../runtime/config.ts';
import { parseRevoked, revokedPath, serialOf } from '../runtime/link-revoked.ts';
import { makeFolder, replaceFile } from '../runtime/replace-file.ts';
import {
  AGENT_NAME,
  fingerprints,
  type KeyPair,
  loadOrMakeCa,
  makeLinkAgentLeaf,
  makeLinkServerLeaf,
  saveKeyPair,
} from '../runtime/tls.ts';

export interface IssueFlags {
  readonly agent?: string;
  readonly server?: readonly string[];
  readonly out?: string;
  readonly days?: string;
  /** An older certificate there is written over: both programs take the new one at their next connection. */
  readonly renew?: boolean;
}

const MOST_DAYS = 820;

/** One line of the issued list. */
interface Issued {
  readonly serial: string;
  readonly agent?: string;
  readonly server?: readonly string[];
  readonly until: string;
}

const issuedPath = (state: string): string => join(state, 'tls', 'issued');

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

const issuedOf = (state: string): Issued[] =>
  textOf(issuedPath(state))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Issued);

const daysOf = (text: string | undefined): number => {
  const days = text === undefined ? MOST_DAYS : Number(text);
  if (!Number.isInteger(days) || days < 1 || days > MOST_DAYS)
    throw new ConfigError(`--days ${text}: not a number of days from 1 to ${MOST_DAYS}`);
  return days;
};

interface Made {
  readonly pair: KeyPair;
  readonly authority: string;
  readonly prefix: string;
  readonly hint: string;
}

const made = (state: string, flags: IssueFlags, nowMs: number): Made => {
  const { agent, server } = flags;
  if ((agent === undefined) === (server === undefined))
    throw new ConfigError('name what the certificate is for: --agent NAME, or --server NAME (repeatable)');
  const days = daysOf(flags.days);
  const ca = loadOrMakeCa(join(state, 'tls'), nowMs);
  const authority = ca.certificate;
  if (agent === undefined) {
    const prefix = flags.out ?? join(state, 'tls', 'link');
    return { pair: makeLinkServerLeaf(ca, server ?? [], nowMs, days), authority, prefix, hint: '' };
  }
  if (!AGENT_NAME.test(agent))
    throw new ConfigError(`--agent ${agent}: letters, digits, dot, dash and underscore, at most 63`);
  const hint = "They belong into the agent's state directory, as tls/link.crt, tls/link.key and tls/link-ca.crt.\n";
  return { pair: makeLinkAgentLeaf(ca, agent, nowMs, days), authority, prefix: flags.out ?? agent, hint };
};

export const issue = (state: string, flags: IssueFlags): { json: unknown; text: string } => {
  const { pair, authority, prefix, hint } = made(state, flags, Date.now());
  const [certificate, key, caFile] = [`${prefix}.crt`, `${prefix}.key`, `${prefix}-ca.crt`];
  for (const file of [certificate, key])
    if (flags.renew !== true && existsSync(file))
      throw new ConfigError(`${file} exists; --renew writes over it, --out names another`);
  // More than one authority may be trusted there, while one replaces another.
  saveKeyPair(prefix, pair, existsSync(caFile) ? undefined : authority);
  const x509 = new X509Certificate(pair.certificate);
  const { agent, server } = flags;
  const issued = { serial: serialOf(x509.serialNumber), agent, server, until: x509.validToDate.toISOString() };
  replaceFile(issuedPath(state), `${textOf(issuedPath(state))}${JSON.stringify(issued)}\n`, 0o600);
  const { sha256 } = fingerprints(pair.certificate);
  return {
    json: { certificate, key, ca: caFile, ...issued, sha256 },
    text: `${certificate}, ${key} and ${caFile}, valid until ${issued.until}\nserial ${issued.serial}\n${hint}`,
  };
};

/** A certificate's file, its serial number, or the name of an agent, of which every certificate is meant. */
const serialsOf = (state: string, what: string): { serials: string[]; says: string } => {
  if (existsSync(what) && what.endsWith('.crt')) {
    try {
      return { serials: [serialOf(new X509Certificate(readFileSync(what)).serialNumber)], says: what };
    } catch {
      throw new ConfigError(`${what} is no certificate`);
    }
  }
  const named = issuedOf(state).filter(({ agent, serial }) => agent === what || serial === serialOf(what));
  if (named.length > 0)
    return {
      serials: named.map(({ serial }) => serial),
      says: named[0]?.agent === undefined ? '' : `agent ${named[0].agent}`,
    };
  if (/^[0-9A-Fa-f:]{8,64}$/.test(what)) return { serials: [serialOf(what)], says: '' };
  throw new ConfigError(`"${what}" is no certificate file, no serial number, and no agent with a certificate`);
};

export const revoke = (state: string, what: string): { json: unknown; text: string } => {
  const { serials, says } = serialsOf(state, what);
  const path = revokedPath(state);
  const before = textOf(path);
  const known = parseRevoked(before).serials;
  const fresh = serials.filter((serial) => !known.has(serial));
  makeFolder(state);
  const begin = before === '' || before.endsWith('\n') ? '' : '\n';
  const note = `# ${new Date().toISOString()} ${says}`.trimEnd();
  const lines = fresh.map((serial) => `${serial} ${note}\n`).join('');
  if (lines !== '') replaceFile(path, `${before}${begin}${lines}`, 0o600);
  return {
    json: { revoked: serials, list: path },
    text: `${serials.map((serial) => `revoked ${serial}`).join('\n')}\n${path} counts in every program whose state directory holds it\n`,
  };
};
