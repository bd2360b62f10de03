/** The configuration of a server that is one of several in; what they share, opened, and the way to the others, out. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { ConfigError } from '../runtime/config.ts';
import { LIMITS } from '../runtime/limits.ts';
import { formatLinkAddress, type LinkAddress, parseLinkAddress } from '../runtime/link-address.ts';
import { dialRelay } from '../runtime/link-dial.ts';
import type { Admission } from '../runtime/link-ws.ts';
import type { Log } from '../runtime/log.ts';
import { type Member, type MemberOptions, openMember } from '../transform-server/cells/member.ts';
import { saveShared } from '../transform-server/storage/redis/backup.ts';
import type { RedisOptions } from '../transform-server/storage/redis/options.ts';
import { openRedisState } from '../transform-server/storage/redis/state.ts';
import { Unavailable } from './exit-codes.ts';
import type { FullConfig } from './flags.ts';
import { readPassword } from './password-file.ts';

const EVERYWHERE = new Set(['0.0.0.0', '::']);

/** Where the others reach this server, which listens at `link`. */
const advertised = (config: FullConfig, link: LinkAddress): string => {
  const { address } = config.server;
  if (address !== undefined) {
    const parsed = parseLinkAddress(address);
    if (parsed === undefined || parsed.kind !== link.kind)
      throw new ConfigError(`server.address "${address}" is no address of a ${link.kind}: link`);
    return address;
  }
  if (link.kind !== 'unix' && EVERYWHERE.has(link.host))
    throw new ConfigError(`server.address is needed: other servers do not find this one at ${link.host}`);
  return formatLinkAddress(link);
};

const secretOf = (file: string | undefined) => (file === undefined ? undefined : readPassword(file));

const readCa = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').slice(0, LIMITS.linkCertificateBytes);
  } catch (error) {
    throw new Unavailable(`redis.caFile: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** Throws what is wrong with it, without asking Redis. */
export const redisOptions = (config: FullConfig, link: LinkAddress): RedisOptions => {
  const { redis } = config;
  if (redis === undefined) throw new ConfigError('there is no [redis]');
  const { user, sentinelUser, prefix, waitReplicas, name } = redis;
  const password = secretOf(redis.passwordFile);
  const sentinelPassword = secretOf(redis.sentinelPasswordFile);
  return {
    mode: redis.cluster !== undefined ? 'cluster' : redis.sentinels !== undefined ? 'sentinel' : 'single',
    urls: redis.cluster ?? redis.sentinels ?? [redis.url ?? ''],
    prefix,
    waitReplicas,
    server: config.server.name ?? hostname(),
    address: advertised(config, link),
    ...(name === undefined ? {} : { masterName: name }),
    ...(redis.caFile === undefined ? {} : { ca: readCa(redis.caFile) }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(sentinelUser === undefined ? {} : { sentinelUser }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
  };
};

interface RunningMember extends Member {
  /** What it shares with others, into a file. */
  backup(file: string): Promise<void>;
  /** Whether another server is there to take over. */
  isAlone(): Promise<boolean>;
}

/** `link`: where this server listens, and what lets servers in. */
export const startMember = async (
  config: FullConfig,
  link: { readonly address: LinkAddress; readonly admission: Admission },
  options: Omit<MemberOptions, 'state' | 'dial'>,
  log: Log,
): Promise<RunningMember> => {
  const redis = redisOptions(config, link.address);
  const state = await openRedisState(redis).catch((error: unknown) => {
    throw new Unavailable(error instanceof Error ? error.message : String(error));
  });
  for (const warning of state.warnings) log.warn({}, `store: ${warning}`);
  state.onAvailable((available) => {
    if (available) log.info({}, 'store: the shared store answers again');
    else log.error({}, 'store: the shared store does not answer; agents are told that this server is away');
  });
  try {
    const member = await openMember({
      ...options,
      state,
      dial: (owner, from) => {
        const address = parseLinkAddress(owner.address);
        if (address === undefined) throw new Error(`"${owner.address}" is no address of a link`);
        return dialRelay(address, link.admission, from);
      },
    });
    return {
      ...member,
      backup: async (file) => void (await saveShared(redis, file)),
      isAlone: async () => {
        const servers = await state.servers().catch(() => []);
        return servers.every(({ server }) => server === redis.server);
      },
    };
  } catch (error) {
    await state.close();
    throw error;
  }
};
