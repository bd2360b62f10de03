/** The shared store of a configuration in; whether it answers, and what it cannot promise as it is set up, out. */
import { ConfigError } from '../../runtime/config.ts';
import { openConnection } from '../../transform-server/storage/redis/connection.ts';
import { placeOf, type RedisOptions } from '../../transform-server/storage/redis/options.ts';
import { persistenceWarnings } from '../../transform-server/storage/redis/persistence.ts';
import { Unavailable } from '../exit-codes.ts';
import type { FullConfig } from '../flags.ts';
import { linkAddresses } from '../link.ts';
import { redisOptions } from '../member.ts';
import { lookAtSecret } from './files.ts';
import type { Finding, Place } from './finding.ts';
import type { Program } from './ports.ts';

const ask = async (options: RedisOptions, where: string): Promise<Finding[]> => {
  try {
    const connection = await openConnection(options);
    try {
      const warnings = await persistenceWarnings(connection.client, placeOf(options), options.waitReplicas);
      return warnings.map((what) => ({ level: 'warning', what, where, fix: '' }));
    } finally {
      connection.close();
    }
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return [{ level: 'error', what, where, fix: 'is Redis up there, and may this server log in?' }];
  }
};

export const lookAtRedis = async (config: FullConfig, program: Program, place: Place): Promise<Finding[]> => {
  const { redis } = config;
  if (redis === undefined) return [];
  const where = place(['redis']);
  if (program !== 'server') {
    const what = '[redis] is for `transvisor server`';
    return [{ level: 'error', what, where, fix: 'run agents as programs of their own, with link.address' }];
  }
  const { passwordFile, sentinelPasswordFile } = redis;
  const findings = Object.entries({ passwordFile, sentinelPasswordFile }).flatMap(([key, path]) =>
    path === undefined ? [] : lookAtSecret(path, place(['redis', key])),
  );
  try {
    const [address] = linkAddresses(config, 'server');
    return [...findings, ...(await ask(redisOptions(config, address), where))];
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof Unavailable)) throw error;
    return [...findings, { level: 'error', what: error.message, where, fix: '' }];
  }
};
