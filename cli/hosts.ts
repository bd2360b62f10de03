/** Hosts of a checked configuration in, hosts of the agent out: what they speak, how they are dialled. */
import type { AgentHost } from '../agent/agent.ts';
import { parseFingerprint } from '../agent/connections/certificate.ts';
import type { Dialer } from '../agent/lanes.ts';
import type { Outcome } from '../mappings/generic/faults.ts';
import type { Platform } from '../mappings/generic/platform.ts';
import { PLATFORMS } from '../mappings/platforms.ts';
import { type Config, ConfigError, type HostConfig, nearest } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';
import { readSecretFile, Secret } from '../runtime/secret.ts';
import { LOOPBACK } from './admin-address.ts';
import { detectedUri } from './detect.ts';
import { readPassword } from './password-file.ts';

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

/** Nobody asked for plain HTTP where a host was only found by it: whoever can keep TLS from answering would get the password. */
export const isReadOnTheWay = ({ endpoint: { kind, host = '' } }: Dialer): boolean =>
  kind === 'http' && !LOOPBACK.has(host);

/** `auto://address`: whatever answers there. */
const AUTO = /^auto:\/\/([^/?#]*)\/?$/;

const found = async (host: HostConfig, log: Log): Promise<HostConfig> => {
  const address = AUTO.exec(host.uri)?.[1];
  return address === undefined ? host : { ...host, uri: await detectedUri(address, log) };
};

export const loadHosts = async (config: Config, log: Log): Promise<AgentHost[]> =>
  Promise.all(
    config.host.map(async (named) => {
      const host = await found(named, log);
      const platform = await platformOfUri(host.uri);
      const { name, uri } = host;
      if (platform.driver === undefined) throw new ConfigError(`host ${name}: ${platform.title} cannot be driven yet`);
      // A wrong path is told now, not at the first log-in.
      if (host.passwordFile !== undefined) readPassword(host.passwordFile);
      const dialer = dialerOf(platform, host);
      if (host !== named && isReadOnTheWay(dialer))
        throw new ConfigError(
          `host ${name}: it answers over plain HTTP alone, where a password could be read on the way; if that is meant, name it as ${uri}`,
        );
      return { name, platform: platform.name, uri, driver: platform.driver, dialer };
    }),
  );
