/** The link of a configuration in; its address, and who is let in by token or certificate, out; or what is wrong with it. */
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../runtime/config.ts';
import { type LinkAddress, parseLinkAddress } from '../runtime/link-address.ts';
import { revokedPath } from '../runtime/link-revoked.ts';
import { createLinkTrust, type LinkFiles, type LinkTrust } from '../runtime/link-trust.ts';
import type { Admission } from '../runtime/link-ws.ts';
import type { Log } from '../runtime/log.ts';
import type { Secret } from '../runtime/secret.ts';
import { LOOPBACK } from './admin-address.ts';
import { Unavailable } from './exit-codes.ts';
import type { FullConfig } from './flags.ts';

type Side = 'agent' | 'server';

const linkAddress = (text: string, config: FullConfig): LinkAddress => {
  const address = parseLinkAddress(text);
  if (address === undefined)
    throw new ConfigError(`link address "${text}" is none of unix:PATH, tls:HOST:PORT and tcp:HOST:PORT`);
  if (address.kind === 'unix' && Buffer.byteLength(address.path) > 107) {
    throw new ConfigError(
      `${address.path} is too long for a unix socket (107 bytes): name another with --link unix:PATH`,
    );
  }
  // Its bytes and its token would cross the network for everyone to read.
  if (address.kind === 'tcp' && !LOOPBACK.has(address.host) && !config.link.insecure) {
    throw new ConfigError(
      `a link over tcp: is not encrypted, and ${address.host} is not loopback: use tls:, or allow it with --link-insecure`,
    );
  }
  return address;
};

/** An agent may have several, of one kind; a server listens at one. */
export const linkAddresses = (config: FullConfig, side: Side): readonly [LinkAddress, ...LinkAddress[]] => {
  const texts = [config.link.address ?? `unix:${join(config.state, 'link.sock')}`].flat();
  const [first, ...more] = texts.map((text) => linkAddress(text, config));
  if (first === undefined) throw new ConfigError('link.address is empty');
  if (side === 'server' && more.length > 0) throw new ConfigError('link.address: a server listens at one address');
  if (more.some(({ kind }) => kind !== first.kind))
    throw new ConfigError('link.address: all addresses are of one kind, unix:, tcp: or tls:');
  return [first, ...more];
};

const linkFiles = ({ link, state }: FullConfig): LinkFiles => ({
  ca: link.caFile ?? join(state, 'tls', 'link-ca.crt'),
  certificate: link.certificateFile ?? join(state, 'tls', 'link.crt'),
  key: link.keyFile ?? join(state, 'tls', 'link.key'),
  revoked: link.revokedFile ?? revokedPath(state),
});

const ISSUE: Readonly<Record<Side, string>> = {
  agent: 'on the machine of the authority, `transvisor ca issue --agent NAME` makes it',
  server: '`transvisor ca issue --server NAME` makes it',
};

interface OwnTrust {
  readonly trust: LinkTrust;
  /** Who this agent is, by its own certificate. */
  readonly agent: string | undefined;
}

const judgeOwn = (trust: LinkTrust, side: Side, config: FullConfig): { agent?: string; refused?: string } => {
  const { serialNumber, subjectAltName, validTo } = new X509Certificate(trust.material().cert);
  const own = { serialNumber, subjectaltname: subjectAltName ?? '', valid_to: validTo };
  if (side === 'server') {
    const refused = trust.refusesServer(own);
    return refused === undefined ? {} : { refused };
  }
  const verdict = trust.agentOf(own);
  if ('refused' in verdict) return verdict;
  const wanted = config.agent.name ?? verdict.name;
  return wanted === verdict.name
    ? { agent: wanted }
    : { refused: `of agent "${verdict.name}", and this one is to be "${wanted}"` };
};

/** The certificates of a link over TLS, or what is wrong with them; whoever gets them ends them. */
const openTrust = (config: FullConfig, side: Side, log: Log): OwnTrust => {
  const files = linkFiles(config);
  for (const file of [files.ca, files.certificate, files.key])
    if (!existsSync(file)) throw new Unavailable(`${file}: no such file; ${ISSUE[side]}`);
  let trust: LinkTrust;
  try {
    trust = createLinkTrust(files, log);
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error));
  }
  const { agent, refused } = judgeOwn(trust, side, config);
  if (refused === undefined) return { trust, agent };
  trust.close();
  throw new ConfigError(`${files.certificate}: ${refused}`);
};

interface OpenLink {
  /** Where a server listens, and an agent looks first. */
  readonly address: LinkAddress;
  readonly addresses: readonly LinkAddress[];
  readonly admission: Admission;
  /** The name that the agent's certificate gives it. */
  readonly agent: string | undefined;
  close(): void;
}

/** `token` is asked for where there is no TLS. SIGHUP has the certificates read at once. */
export const openLinkOf = (config: FullConfig, side: Side, log: Log, token: () => Secret): OpenLink => {
  const addresses = linkAddresses(config, side);
  const [address] = addresses;
  if (address.kind !== 'tls') {
    if (addresses.some((one) => one.kind === 'tcp' && !LOOPBACK.has(one.host)))
      log.warn({}, 'link: not encrypted, by --link-insecure: who listens in sees and can change all of it');
    return { address, addresses, admission: token(), agent: undefined, close: () => {} };
  }
  const { trust, agent } = openTrust(config, side, log);
  // It stays when the link ends: a program that was asked to read its certificates does not die of it while its place is taken.
  process.on('SIGHUP', () => trust.refresh());
  return { address, addresses, admission: trust, agent, close: trust.close };
};
