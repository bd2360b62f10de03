/** A checked configuration in, the options of the agent out: platforms loaded, certificates and accounts made ready. */
import { mkdirSync } from 'node:fs';
import type { AgentHost, AgentOptions } from '../agent/agent.ts';
import { parseFingerprint } from '../agent/connections/certificate.ts';
import type { Dialer } from '../agent/lanes.ts';
import type { Outcome } from '../mappings/generic/faults.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import { PLATFORMS } from '../mappings/platforms.ts';
import { type Account, createAccounts, hashPassword } from '../runtime/accounts.ts';
import { readAccounts, writeAccounts } from '../runtime/accounts-file.ts';
import { systemClock } from '../runtime/clock.ts';
import { type Config, ConfigError, type HostConfig, nearest } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';
import { makeSecret, readSecretFile, Secret } from '../runtime/secret.ts';
import { detectedUri } from './detect.ts';
import { Unavailable } from './exit-codes.ts';
import { loadFronts } from './fronts.ts';
import { gatesOf } from './gates.ts';
import { handedSockets } from './handed-sockets.ts';
import { withSharedPlaces } from './shared-places.ts';

export type FullConfig = Config & { readonly state: string };

export const loadPlatform = async (name: string): Promise<Platform> => {
  const load = PLATFORMS[name];
  if (load !== undefined) return load();
  const near = nearest(name, Object.keys(PLATFORMS));
  throw new ConfigError(`unknown front "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
};

export const platformOfUri = async (uri: string): Promise<Platform> => {
  const scheme = /^([a-z][a-z0-9]*)/.exec(uri)?.[1] ?? '';
  const known: string[] = [];
  for (const load of Object.values(PLATFORMS)) {
    const platform = await load();
    if (platform.schemes?.includes(scheme) === true) return platform;
    known.push(...(platform.schemes ?? []));
  }
  const near = nearest(scheme, known);
  throw new ConfigError(
    `no host speaks "${scheme}://"${near === undefined ? `; known: ${known.join(', ')}` : `; did you mean "${near}://"?`}`,
  );
};

/** `user@` of a URI; a password beside it would be seen in lists and logs. */
const userOfUri = (name: string, uri: string): string => {
  const info = /^[^/?#]*:\/\/([^/?#@]*)@/.exec(uri)?.[1] ?? '';
  if (info.includes(':')) throw new ConfigError(`host ${name}: no password in the URI: use --host-password-file`);
  try {
    return decodeURIComponent(info);
  } catch {
    throw new ConfigError(`host ${name}: the user in the URI cannot be read`);
  }
};

const reachable = <T>(name: string, reached: Outcome<T>): T => {
  if (!reached.ok) throw new ConfigError(`host ${name}: ${reached.fault.text}`);
  return reached.value;
};

export const dialerOf = (platform: Platform, { name, uri, user, passwordFile, fingerprint }: HostConfig): Dialer => {
  if (fingerprint !== undefined && parseFingerprint(fingerprint) === undefined)
    throw new ConfigError(`host ${name}: the fingerprint is no SHA-256 of a certificate: 64 hexadecimal digits`);
  const inUri = userOfUri(name, uri);
  if (platform.connect !== undefined) return reachable(name, platform.connect(uri));
  if (platform.converse === undefined) throw new ConfigError(`host ${name}: ${platform.title} cannot be driven yet`);
  const { endpoint, open } = reachable(name, platform.converse(uri));
  return {
    endpoint,
    converse: open,
    fingerprint,
    credentials: () => ({
      user: user ?? inUri,
      password: passwordFile === undefined ? new Secret('') : readSecretFile(passwordFile),
    }),
  };
};

/** `auto://address`: whatever answers there. */
const AUTO = /^auto:\/\/([^/?#]*)\/?$/;

const found = async (host: HostConfig, log: Log): Promise<HostConfig> => {
  const address = AUTO.exec(host.uri)?.[1];
  return address === undefined ? host : { ...host, uri: await detectedUri(address, log) };
};

const loadHosts = async (config: FullConfig, log: Log): Promise<AgentHost[]> =>
  Promise.all(
    config.host.map(async (named) => {
      const host = await found(named, log);
      const platform = await platformOfUri(host.uri);
      const { name, uri } = host;
      if (platform.driver === undefined) throw new ConfigError(`host ${name}: ${platform.title} cannot be driven yet`);
      // A wrong path is told now, not at the first log-in.
      if (host.passwordFile !== undefined) readPassword(host.passwordFile);
      return { name, platform: platform.name, uri, driver: platform.driver, dialer: dialerOf(platform, host) };
    }),
  );

export interface Credentials {
  readonly user: string;
  /** undefined: set by someone before and not known here. */
  readonly password: Secret | undefined;
  /** It was made now and must be shown, once. */
  readonly fresh: boolean;
}

const DEFAULT_USER = 'root';

/** Accounts of the configuration and of the state directory. */
export const knownAccounts = ({ account, state }: FullConfig): Account[] => [
  ...account,
  ...readAccounts(state).filter((one) => !account.some(({ name }) => name === one.name)),
];

/** The same, and the one that --user names or that is made at the first start. */
export const loadAccounts = async (config: FullConfig): Promise<{ accounts: Account[]; credentials: Credentials }> => {
  const all = knownAccounts(config);
  const user = config.user ?? all[0]?.name ?? DEFAULT_USER;
  const known = all.some((account) => account.name === user);
  if (config.passwordFile !== undefined) {
    const password = readPassword(config.passwordFile);
    const made: Account = {
      name: user,
      role: 'administrator',
      fullName: '',
      hash: await hashPassword(password.reveal()),
    };
    // For this run only: whoever can write the password file decides, and nothing of it is kept.
    return {
      accounts: [...all.filter(({ name }) => name !== user), made],
      credentials: { user, password, fresh: false },
    };
  }
  if (known) return { accounts: all, credentials: { user, password: undefined, fresh: false } };
  const password = makeSecret();
  const made: Account = {
    name: user,
    role: 'administrator',
    fullName: '',
    hash: await hashPassword(password.reveal()),
  };
  writeAccounts(config.state, [...readAccounts(config.state), made]);
  return { accounts: [...all, made], credentials: { user, password, fresh: true } };
};

export const readPassword = (path: string): Secret => {
  try {
    return readSecretFile(path);
  } catch (error) {
    throw new Unavailable(`password file: ${error instanceof Error ? error.message : String(error)}`);
  }
};

export const makeStateFolder = (config: FullConfig): void => {
  mkdirSync(config.state, { recursive: true, mode: 0o700 });
};

export const agentOptions = async (
  written: FullConfig,
  log: Log,
): Promise<{ options: AgentOptions; credentials: Credentials }> => {
  const config = withSharedPlaces(written);
  makeStateFolder(config);
  if (config.host.length === 0)
    throw new ConfigError('no host is named: add --host URI, for example --host qemu:///system');
  const hosts = await loadHosts(config, log);
  const handed = handedSockets();
  const fronts = await loadFronts(config, hosts, handed, log);
  const { accounts, credentials } = await loadAccounts(config);
  return {
    options: {
      name: config.agent.name ?? 'agent',
      state: config.state,
      hosts,
      fronts,
      gates: gatesOf(config, fronts, handed),
      accounts: createAccounts(accounts),
      clock: systemClock,
      log,
    },
    credentials,
  };
};
