/** All that servers share on Redis into tables of a backup file, each cell as it is at one moment; and out of such a file into a Redis that has nothing. */
import { DatabaseSync } from 'node:sqlite';
import { Cluster, type Redis } from 'ioredis';
import { IDS_SKIPPED, leaveBehind } from '../backup.ts';
import { isTable } from '../tables.ts';
import { type Connection, openConnection } from './connection.ts';
import { readContent } from './content.ts';
import { stageImage } from './image.ts';
import { placeOf, type RedisOptions } from './options.ts';
import { cellKeys, numberKeys, RESTORE, serverKeys, textKeys } from './scripts.ts';

/** A cell that its holder keeps packing up meanwhile. */
const TRIES = 10;
const PAGE = 500;

const connected = async <T>(options: RedisOptions, act: (connection: Connection, reader: Redis) => Promise<T>) => {
  const connection = await openConnection(options);
  try {
    return await act(connection, connection.client as Redis);
  } finally {
    connection.close();
  }
};

/** Names of keys that begin with `start` and end with `end`. */
const keysOf = async ({ client }: Connection, start: string, end: string): Promise<string[]> => {
  const pattern = `${start.replace(/[*?[\]\\]/g, '\\$&')}*${end}`;
  const found = new Set<string>();
  for (const node of client instanceof Cluster ? client.nodes('master') : [client])
    for (let cursor = ''; cursor !== '0'; ) {
      const [next, keys] = await node.scan(cursor === '' ? '0' : cursor, 'MATCH', pattern, 'COUNT', PAGE);
      for (const key of keys) found.add(key);
      cursor = next;
    }
  return [...found];
};

const cellAt = async (reader: Redis, prefix: string, cell: string): Promise<{ token: number; image: Uint8Array }> => {
  const keys = cellKeys(prefix, cell);
  const [stateKey = ''] = keys;
  for (let tries = 1; ; tries++) {
    const [seq, through, token] = await reader.hmget(stateKey, 'seq', 'through', 'token');
    const head = { cell, keys, seq: Number(seq ?? 0), imageSeq: Number(through ?? 0) };
    const read = await readContent(reader, head, async () => {}).catch((error: unknown) => error as Error);
    const now = await reader.hmget(stateKey, 'through', 'token');
    // What was read is of one moment where neither the snapshot nor the holder is another one: then the log has only grown.
    const isOne = now[0] === through && now[1] === token;
    if (!(read instanceof Error)) {
      const image = isOne ? read.copy.image() : undefined;
      read.copy.close();
      if (image !== undefined) return { token: Number(token ?? 0), image };
    } else if (isOne) throw read;
    if (tries >= TRIES) throw new Error(`${cell}: it changes faster than it is read`);
  }
};

/** `file` is a database: that of a backup. Gives the number of cells. */
export const saveShared = (options: RedisOptions, file: string): Promise<number> =>
  connected(options, async (connection, reader) => {
    const { prefix } = options;
    using db = new DatabaseSync(file);
    db.exec(`CREATE TABLE shared_cells (cell TEXT PRIMARY KEY, token INTEGER NOT NULL, image BLOB NOT NULL);
      CREATE TABLE shared_values (place TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (place, name))`);
    const addCell = db.prepare('INSERT INTO shared_cells VALUES (?, ?, ?)');
    const addValue = db.prepare('INSERT INTO shared_values VALUES (?, ?, ?)');
    const start = `${prefix}:{`;
    const cells = (await keysOf(connection, start, '}:state')).map((key) => key.slice(start.length, -'}:state'.length));
    for (const cell of cells) {
      const { token, image } = await cellAt(reader, prefix, cell);
      addCell.run(cell, token, image);
    }
    // Behind the cells: no number in them is beyond it.
    addValue.run('numbers', 'next', (await reader.hget(numberKeys(prefix)[0] ?? '', 'next')) ?? '1');
    for (const [place, key] of [
      ['secrets', serverKeys(prefix)[1] ?? ''],
      ['texts', textKeys(prefix)[0] ?? ''],
    ] as const)
      for (const [name, value] of Object.entries(await reader.hgetall(key))) addValue.run(place, name, value);
    return cells.length;
  });

/** undefined: the backup is of a server by itself. */
export const sharedCells = (file: string): number | undefined => {
  using db = new DatabaseSync(file, { readOnly: true });
  return isTable(db, 'shared_cells')
    ? Number(db.prepare('SELECT count(*) AS n FROM shared_cells').get()?.['n'])
    : undefined;
};

/** Throws where anything of that prefix is there already. */
export const checkNothingShared = (options: RedisOptions): Promise<void> =>
  connected(options, async (connection) => {
    const [key] = await keysOf(connection, `${options.prefix}:`, '');
    if (key !== undefined)
      throw new Error(
        `${placeOf(options)} has state already, such as ${key}: stop all servers, and delete the keys ${options.prefix}:* or name another prefix`,
      );
  });

/** As a restore of a directory does: what clients have seen since the backup means nothing any more. */
const leftBehind = (image: Uint8Array): Uint8Array => {
  using db = new DatabaseSync(':memory:');
  db.deserialize(image);
  leaveBehind(db);
  if (isTable(db, 'number_blocks')) db.exec('DELETE FROM number_blocks');
  return db.serialize();
};

/** Of the file of a backup into a Redis that has nothing of that prefix. Gives the number of cells. */
export const restoreShared = (options: RedisOptions, file: string): Promise<number> =>
  connected(options, async (connection, reader) => {
    const { prefix } = options;
    using db = new DatabaseSync(file, { readOnly: true });
    const values = (place: string): (readonly [string, string])[] =>
      db
        .prepare('SELECT name, value FROM shared_values WHERE place = ?')
        .all(place)
        .map(({ name, value }) => [String(name), String(value)]);
    const next = Number(new Map(values('numbers')).get('next')) + IDS_SKIPPED;
    await reader.hset(numberKeys(prefix)[0] ?? '', 'next', String(next));
    for (const [place, key] of [
      ['secrets', serverKeys(prefix)[1] ?? ''],
      ['texts', textKeys(prefix)[0] ?? ''],
    ] as const)
      for (const [name, value] of values(place)) await reader.hset(key, name, value);
    const cells = db.prepare('SELECT cell, token, image FROM shared_cells').all();
    for (const { cell, token, image } of cells) {
      const keys = cellKeys(prefix, String(cell));
      await stageImage(connection.client, keys[4] ?? '', leftBehind(image as Uint8Array));
      const { word } = await connection.run(RESTORE, keys, [Number(token) + 1, 'restored'], true);
      if (word !== 'restored') throw new Error(`${String(cell)}: a server has taken it up already`);
    }
    return cells.length;
  });
