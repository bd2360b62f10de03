/** Opens the state that servers share on Redis: one server, Sentinels or a cluster; see README.md for its keys and promises. */
import type { SharedState } from '../cell-contract.ts';
import { openClaims } from './claim.ts';
import { openConnection } from './connection.ts';
import { openNumbers } from './numbers.ts';
import { placeOf, type RedisOptions, steadyClock, timesOf } from './options.ts';
import { persistenceWarnings } from './persistence.ts';
import { BEAT, CONFLICT, cellKeys, LEAVE, SECRET, serverKeys } from './scripts.ts';
import { openTexts } from './texts.ts';

export const openRedisState = async (options: RedisOptions): Promise<SharedState> => {
  const { prefix, server, address, waitReplicas } = options;
  if (!/^[^{}\s]{1,64}$/.test(prefix)) throw new Error(`${JSON.stringify(prefix)} is no prefix of keys`);
  if (!/^[^{}\s]{1,256}$/.test(server)) throw new Error(`${JSON.stringify(server)} is no name of a server`);
  const times = timesOf(options);
  const clock = options.clock ?? steadyClock;
  const connection = await openConnection(options);
  const claims = openClaims(connection, options, times, clock);
  const numbers = openNumbers(connection, prefix, server);
  const keys = serverKeys(prefix);
  /** As this server knows them: given again to a store that has lost them. */
  const secrets = new Map<string, string>();
  const listeners = new Set<(available: boolean) => void>();
  let warnings: string[] = [];
  let available = true;
  let trouble = '';
  let closed = false;
  /** The store may be another one than before, or the same with less in it. */
  let doubtful = false;
  const doubt = (): void => {
    doubtful = true;
    claims.forget();
  };

  const set = (error?: unknown): void => {
    trouble = error === undefined ? '' : String((error as Error).message);
    const now = error === undefined;
    if (available === now) return;
    available = now;
    for (const listener of listeners) listener(now);
  };

  const beat = async (): Promise<readonly { server: string; address: string }[]> => {
    const { rest } = await connection.run(BEAT, keys, [times.redisLeaseMs, server, address]);
    const servers = [];
    for (let at = 0; at < rest.length; at += 2) {
      servers.push({ server: String(rest[at]), address: String(rest[at + 1]) });
    }
    return servers;
  };

  const keepSecret = async (name: string, value: string): Promise<string> => {
    const { rest } = await connection.run(SECRET, keys, [name, value], true);
    return String(rest[0]);
  };

  /** Says again what this server has told others. */
  const reassert = async (): Promise<void> => {
    for (const [name, value] of secrets) {
      const text = `${placeOf(options)} has another secret ${name} than this server, which has to be restarted`;
      if ((await keepSecret(name, value)) !== value && !warnings.includes(text)) warnings.push(text);
    }
    for (const { cell, text } of await numbers.keep()) {
      // Numbers that no cell was named for may be in any.
      for (const name of cell === '' ? claims.held.keys() : [cell]) {
        await connection.run(CONFLICT, cellKeys(prefix, name), [text], true);
        claims.held.get(name)?.look();
      }
    }
  };

  let looking = false;
  const look = async (): Promise<void> => {
    if (looking || closed) return;
    looking = true;
    try {
      await beat();
      if (doubtful) {
        doubtful = false;
        await reassert();
      }
      set();
    } catch (error) {
      doubt();
      set(error);
      clock.after(times.redisRetryMs, () => void look());
    } finally {
      looking = false;
    }
  };

  connection.onBroken(() => {
    if (closed) return;
    doubt();
    for (const cell of claims.held.values()) cell.look();
    void look();
  });

  try {
    await beat();
    warnings = await persistenceWarnings(connection.client, placeOf(options), waitReplicas);
  } catch (error) {
    connection.close();
    throw error;
  }
  // All at once: Redis syncs once for what comes together. An append renews as well.
  const stopBeating = clock.every(times.redisRenewMs, () => {
    for (const cell of claims.held.values()) cell.look(times.redisRenewMs / 2);
    void look();
  });

  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    stopBeating();
    await Promise.allSettled([...claims.held.values()].map((cell) => cell.release()));
    await connection.run(LEAVE, keys, [server]).catch(() => {});
    connection.close();
  };

  return {
    claim: claims.claim,
    numbers: (size, cell = '') => numbers.take(size, cell),
    secret: async (name, make) => {
      const value = secrets.get(name) ?? (await keepSecret(name, Buffer.from(make()).toString('base64')));
      secrets.set(name, value);
      return Buffer.from(value, 'base64');
    },
    texts: openTexts(connection, prefix),
    servers: beat,
    get available() {
      return available;
    },
    get trouble() {
      return trouble;
    },
    onAvailable: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get warnings() {
      return warnings;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
};
