/** One connection to the shared store: a script with keys and arguments in, its answer out once enough replicas have it, or an error in bounded time. */
import { Cluster, type Redis } from 'ioredis';
import { openConfirmed } from './confirmed.ts';
import { clientOf, placeOf, type RedisOptions, steadyClock, timesOf } from './options.ts';
import type { Script } from './scripts.ts';

export type Value = string | number | Uint8Array;

export interface Connection {
  readonly client: Redis | Cluster;
  /** Answers begin with a word. `confirm`: rejects unless the replicas asked for have what was written; it may still be written. */
  run(script: Script, keys: readonly string[], values: readonly Value[], confirm?: boolean): Promise<Answer>;
  /** The connection broke: whoever counts on it looks whether it answers. */
  onBroken(listener: () => void): void;
  close(): void;
}

/** The first word, and what follows. */
export interface Answer {
  readonly word: string;
  readonly rest: readonly unknown[];
}

const answerOf = (reply: unknown): Answer => {
  if (!Array.isArray(reply)) throw new Error('Redis answered a script with something else than a list');
  const [word, ...rest] = reply as unknown[];
  return { word: String(word), rest };
};

/** As text for people: what the client says of itself when it has no connection is not what is wrong. */
const explain = (place: string, error: Error, latest: Error | undefined): Error => {
  const gone = /Stream isn't writeable|max retries per request|Connection is closed|startup nodes/.test(error.message);
  const cause = gone ? (latest ?? error) : error;
  if (/^(WRONGPASS|NOAUTH|NOPERM)/.test(cause.message) || /invalid.*password/i.test(cause.message))
    return new Error(`${place} refuses user or password: ${cause.message}`);
  return new Error(`${place} ${gone ? 'is away' : 'cannot be used'}: ${cause.message}`);
};

export const openConnection = async (options: RedisOptions): Promise<Connection> => {
  const times = timesOf(options);
  const clock = options.clock ?? steadyClock;
  const place = placeOf(options);
  let opened = false;
  let closed = false;
  let latest: Error | undefined;
  const listeners: (() => void)[] = [];
  const client = clientOf(options, () => opened && !closed);
  client.on('error', (error: Error & { lastNodeError?: Error }) => {
    latest = error.lastNodeError ?? error;
  });
  client.on('node error', (error: Error) => {
    latest = error;
  });
  client.on('ready', () => {
    latest = undefined;
  });
  const broken = (): void => {
    for (const listener of listeners) listener();
  };
  // A client that gives up, as it may when Sentinels tell of a failover while it connects, is started again.
  client.on('end', () => {
    if (!opened || closed) return;
    clock.after(times.redisRetryMs, () => {
      if (!closed) client.connect().catch(() => {});
    });
  });
  // `-node`: a node of a cluster has gone.
  for (const event of ['close', '-node', 'node error']) client.on(event, broken);

  const confirmed = openConfirmed(client, options.waitReplicas, Math.floor(times.redisCommandMs / 2));
  const send = (
    script: Script,
    whole: boolean,
    keys: readonly string[],
    values: readonly Value[],
    confirm: boolean,
  ): Promise<unknown> => {
    const rest = [...keys, ...values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value))];
    const on = (to: Pick<Redis, 'eval' | 'evalsha'>): Promise<unknown> =>
      whole ? to.eval(script.text, keys.length, ...rest) : to.evalsha(script.sha, keys.length, ...rest);
    return confirm ? confirmed(keys[0] ?? '', (batch) => void on(batch as unknown as Redis)) : on(client as Redis);
  };

  const run: Connection['run'] = async (script, keys, values, confirm = false) => {
    const waits = confirm && options.waitReplicas > 0;
    try {
      return answerOf(await send(script, false, keys, values, waits));
    } catch (error) {
      if ((error as Error).message.startsWith('NOSCRIPT'))
        return answerOf(await send(script, true, keys, values, waits));
      // A batch learns nothing from MOVED by itself.
      if (client instanceof Cluster) client.refreshSlotsCache();
      throw explain(place, error as Error, latest);
    }
  };

  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    client.disconnect();
    throw explain(place, latest ?? (error as Error), latest);
  }
  opened = true;
  return {
    client,
    run,
    onBroken: (listener) => void listeners.push(listener),
    close: () => {
      closed = true;
      client.disconnect();
    },
  };
};
