/** What a Redis as it is set up cannot promise, in sentences for people. */
import { Cluster, type Redis } from 'ioredis';

const fieldOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];

/** undefined: it is not allowed to be asked, as with hosted ones. */
const setting = async (node: Redis, name: string): Promise<string | undefined> => {
  try {
    const reply = (await node.config('GET', name)) as string[];
    return reply[1];
  } catch {
    return undefined;
  }
};

const ofNode = async (node: Redis, where: string, waitReplicas: number): Promise<string[]> => {
  const info = await node.info();
  const [major = 0, minor = 0] = (fieldOf(info, 'redis_version') ?? '').split('.').map(Number);
  // Cutting a stream by id came with 6.2.
  if (major < 6 || (major === 6 && minor < 2))
    throw new Error(`${where} is version ${major}.${minor}; 6.2 or later is needed`);
  const warnings: string[] = [];
  const append = fieldOf(info, 'aof_enabled') === '1';
  const fsync = append ? await setting(node, 'appendfsync') : undefined;
  if (!append) {
    warnings.push(
      `${where} writes no append-only file (appendonly no): when it ends, everything since its last snapshot is lost, ids that clients have seen too`,
    );
  } else if (fsync === undefined) {
    warnings.push(
      `${where} does not say how it syncs its append-only file: unless it is appendfsync always, the last second may be lost`,
    );
  } else if (fsync !== 'always') {
    warnings.push(
      `${where} syncs its append-only file by appendfsync ${fsync}: when its machine ends, ${fsync === 'no' ? 'what the system has not written' : 'up to the last second'} is lost`,
    );
  }
  const policy = fieldOf(info, 'maxmemory_policy') ?? 'noeviction';
  if (fieldOf(info, 'maxmemory') !== '0' && policy.startsWith('allkeys'))
    warnings.push(
      `${where} drops keys when its memory is full (maxmemory-policy ${policy}): state is lost; it has to be noeviction`,
    );
  const replicas = Number(fieldOf(info, 'connected_slaves') ?? 0);
  if (replicas < waitReplicas)
    warnings.push(
      `${where} has ${replicas} replicas, ${waitReplicas} are waited for: nothing is written until there are so many`,
    );
  else if (replicas > 0 && waitReplicas === 0)
    warnings.push(
      `${where} has replicas, but none is waited for: a replica that takes over may lack the latest writes`,
    );
  return warnings;
};

export const persistenceWarnings = async (
  client: Redis | Cluster,
  place: string,
  waitReplicas: number,
): Promise<string[]> => {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  const all = await Promise.all(
    nodes.map((node) =>
      ofNode(
        node,
        client instanceof Cluster ? `${node.options.host}:${node.options.port} of ${place}` : place,
        waitReplicas,
      ),
    ),
  );
  return all.flat();
};
