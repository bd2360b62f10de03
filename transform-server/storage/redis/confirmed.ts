/** Writes that replicas are to have: scripts of many cells in, their answers out once one WAIT for all of them was enough. */
import { Cluster, type Redis } from 'ioredis';

/** WAIT holds up its connection: as many writes as there are share one. */
const BATCH = 256;

type Batch = ReturnType<Redis['pipeline']>;

interface Job {
  readonly add: (batch: Batch) => void;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The slot of a key: CRC-16 (XMODEM) of what is between the first braces. */
const slotOf = (key: string): number => {
  const tag = /\{([^}]+)\}/.exec(key)?.[1] ?? key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0x3fff;
};

/** The connection that a key's writes go through: WAIT counts what its own connection wrote. */
const nodeOf = (client: Redis | Cluster, key: string): Redis => {
  if (!(client instanceof Cluster)) return client;
  const [address] = client.slots[slotOf(key)] ?? [];
  const node = client.nodes('master').find(({ options }) => `${options.host}:${options.port}` === address);
  if (node === undefined) throw new Error('no node of the cluster is known to have the key');
  return node;
};

export type Confirmed = (key: string, add: (batch: Batch) => void) => Promise<unknown>;

export const openConfirmed = (client: Redis | Cluster, replicas: number, timeoutMs: number): Confirmed => {
  const queues = new WeakMap<Redis, Job[]>();

  const send = async (node: Redis, jobs: readonly Job[]): Promise<void> => {
    const batch = node.pipeline();
    for (const job of jobs) job.add(batch);
    batch.wait(replicas, timeoutMs);
    const results = (await batch.exec()) ?? [];
    const [waitError, count] = results[jobs.length] ?? [new Error('Redis gave no answer')];
    const short =
      waitError ??
      (Number(count) < replicas ? new Error(`${String(count)} of ${replicas} replicas have what was written`) : null);
    for (const [at, job] of jobs.entries()) {
      const [error, reply] = results[at] ?? [short];
      if ((error ?? short) === null) job.resolve(reply);
      else job.reject(error ?? short);
    }
  };

  const drain = async (node: Redis, queue: Job[]): Promise<void> => {
    while (queue.length > 0) {
      const jobs = queue.slice(0, BATCH);
      try {
        await send(node, jobs);
      } catch (error) {
        for (const job of jobs) job.reject(error);
      }
      // Kept until now: whoever comes meanwhile sees that somebody is at work.
      queue.splice(0, jobs.length);
    }
  };

  return (key, add) =>
    new Promise((resolve, reject) => {
      const node = nodeOf(client, key);
      const queue = queues.get(node) ?? [];
      queues.set(node, queue);
      if (queue.push({ add, resolve, reject }) === 1) void drain(node, queue);
    });
};
