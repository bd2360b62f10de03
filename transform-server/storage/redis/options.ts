/** How a Redis is reached and who asks: from these options the client of one server, of Sentinels or of a cluster. */
import { Cluster, Redis } from 'ioredis';
import { type Clock, systemClock } from '../../../runtime/clock.ts';
import { LIMITS } from '../../../runtime/limits.ts';
import type { Secret } from '../../../runtime/secret.ts';

/** The times of `LIMITS` that tests shorten. All servers of one prefix need the same ones. */
export type RedisTimes = Pick<
  typeof LIMITS,
  'redisLeaseMs' | 'redisRenewMs' | 'redisCommandMs' | 'redisConnectMs' | 'redisRetryMs' | 'redisFlushMs'
> &
  Pick<typeof LIMITS, 'redisLogEntries' | 'redisLogBytes'>;

export interface RedisOptions {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** `redis://host:port` or `rediss://host:port` (TLS): the server, the Sentinels, or some nodes of the cluster. A path is the number of the database. */
  readonly urls: readonly string[];
  /** What the Sentinels call the master. */
  readonly masterName?: string;
  /** PEM of the authorities that may have signed the certificates of Redis; without it those of the system. */
  readonly ca?: string;
  readonly user?: string;
  readonly password?: Secret;
  /** Of the Sentinels, where they have others. */
  readonly sentinelUser?: string;
  readonly sentinelPassword?: Secret;
  /** Of every key. */
  readonly prefix: string;
  /** Replicas that have a write before it counts as done. */
  readonly waitReplicas: number;
  /** This server's name among the others, and where they reach its link. */
  readonly server: string;
  readonly address: string;
  /** Steady time: never that of the day, which is set. */
  readonly clock?: Clock;
  readonly times?: Partial<{ readonly [K in keyof RedisTimes]: number }>;
}

/** A clock that nobody sets. */
export const steadyClock: Clock = { ...systemClock, now: () => performance.now() };

export type Times = { readonly [K in keyof RedisTimes]: number };
export const timesOf = (options: RedisOptions): Times => ({ ...LIMITS, ...options.times });

interface Address {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly tls: boolean;
}

const addressOf = (text: string, defaultPort: number): Address => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'redis:' && url.protocol !== 'rediss:') || url.hostname === '')
    throw new Error('an address of Redis is redis://HOST:PORT, or rediss://HOST:PORT with TLS');
  // What is written in a URL ends in logs and lists of processes.
  if (url.username !== '' || url.password !== '')
    throw new Error(`the address of Redis at ${url.host} holds a user or password; they have options of their own`);
  const db = url.pathname.replace(/^\//, '') || '0';
  if (!/^\d{1,5}$/.test(db)) throw new Error(`${db} is no number of a database of Redis`);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? defaultPort : Number(url.port),
    db: Number(db),
    tls: url.protocol === 'rediss:',
  };
};

/** For people: where it is, without anything secret. */
export const placeOf = ({ mode, urls, masterName }: RedisOptions): string =>
  `Redis at ${urls.join(', ')}${mode === 'sentinel' ? ` (Sentinel, ${masterName ?? ''})` : mode === 'cluster' ? ' (cluster)' : ''}`;

/** `opened` says whether it was ever reached: until then the first failure is the answer. */
export const clientOf = (options: RedisOptions, opened: () => boolean): Redis | Cluster => {
  const times = timesOf(options);
  const addresses = options.urls.map((url) => addressOf(url, options.mode === 'sentinel' ? 26_379 : 6379));
  const [first] = addresses;
  if (first === undefined) throw new Error('no address of Redis is given');
  if (addresses.some((one) => one.tls !== first.tls || one.db !== first.db))
    throw new Error('the addresses of Redis are of one kind: all with TLS or none, all of one database');
  if (options.mode === 'single' && addresses.length > 1) throw new Error('a single Redis has one address');
  if (options.mode === 'cluster' && first.db !== 0) throw new Error('a cluster of Redis has no numbered databases');
  const retry = (): number | null => (opened() ? times.redisRetryMs : null);
  const tls = first.tls ? { tls: options.ca === undefined ? {} : { ca: options.ca } } : {};
  const common = {
    ...tls,
    ...(options.user === undefined ? {} : { username: options.user }),
    ...(options.password === undefined ? {} : { password: options.password.reveal() }),
    connectTimeout: times.redisConnectMs,
    commandTimeout: times.redisCommandMs,
    // A connection on which an answer is missing for so long is a dead one, whatever TCP believes.
    socketTimeout: 2 * times.redisCommandMs,
    // A write is sent again by those who know whether it may be.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A master that has become a replica: the next connection finds the new one.
    reconnectOnError: (error: Error) => /^(READONLY|MASTERDOWN)/.test(error.message),
  };
  if (options.mode === 'cluster') {
    return new Cluster(
      addresses.map(({ host, port }) => ({ host, port })),
      {
        redisOptions: common,
        lazyConnect: true,
        enableOfflineQueue: false,
        clusterRetryStrategy: retry,
        slotsRefreshTimeout: times.redisCommandMs,
        // Names in certificates are those that the configuration has.
        dnsLookup: (address, done) => done(null, address),
      },
    );
  }
  const alone = {
    ...common,
    db: first.db,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: retry,
  };
  if (options.mode === 'single') return new Redis({ ...alone, host: first.host, port: first.port });
  if (options.masterName === undefined) throw new Error('Sentinels are asked for a master by its name; none is given');
  return new Redis({
    ...alone,
    sentinels: addresses.map(({ host, port }) => ({ host, port })),
    name: options.masterName,
    sentinelRetryStrategy: retry,
    failoverDetector: true,
    ...(options.sentinelUser === undefined ? {} : { sentinelUsername: options.sentinelUser }),
    ...(options.sentinelPassword === undefined ? {} : { sentinelPassword: options.sentinelPassword.reveal() }),
    ...(first.tls
      ? { enableTLSForSentinelMode: true, sentinelTLS: options.ca === undefined ? {} : { ca: options.ca } }
      : {}),
  });
};
