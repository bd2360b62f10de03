/** What clients were told, beyond the end of a program: the records of a world in, a short row of each in own data out; the world of the next program goes on from them. */
import { hash } from 'node:crypto';
import type { BrokerContext } from '../../generic/platform.ts';
import { CLASSES_WITH_OBJECTS } from '../commands.ts';
import { parseRef } from '../ids.ts';
import type { Gone } from './changes.ts';
import { relationsTo } from './ends.ts';
import { type Item, recordText, setText } from './item.ts';
import { volatilePlaces } from './volatile.ts';
import type { World } from './world.ts';

/*
 * Keys of the namespace `xenapi told:<uuid of the front>`: `head`, and `rows <n>`, each the base64 of as many rows. They are there from the end
 * of one program to the first world of the next: what clients are told from then on would make them wrong.
 */

/** Records, ended ones too, of some 20,000 machines: more are not written down, and their clients begin anew. */
const MOST = 200_000;
/** Rows in one value. */
const CHUNK = 4096;
/** Records that are read before others have their turn. */
const SLICE = 64;
const HEAD = 'head';

interface Head {
  /** Of the store: versions of another one mean nothing. */
  readonly epoch: string;
  /** Changes up to this version are not known. */
  readonly floor: number;
  readonly chunks: number;
}

/** 34 bytes: 16 of the reference, 6 each of the digest (0: the object is gone), of the version, and of the version at which it came. */
interface Row {
  readonly ref: string;
  readonly digest: number;
  readonly version: number;
  readonly created: number;
}
const AT = { digest: 16, version: 22, created: 28, end: 34 } as const;
const NUMBER = 6;
const GONE = 0;

const writeRow = ({ ref, digest, version, created }: Row): Buffer => {
  const bytes = Buffer.alloc(AT.end);
  bytes.write(ref.slice(ref.indexOf(':') + 1).replaceAll('-', ''), 'hex');
  bytes.writeUIntBE(digest, AT.digest, NUMBER);
  bytes.writeUIntBE(version, AT.version, NUMBER);
  bytes.writeUIntBE(created, AT.created, NUMBER);
  return bytes;
};

const readRow = (bytes: Buffer): Row => ({
  ref: `OpaqueRef:${bytes.toString('hex', 0, AT.digest).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`,
  digest: bytes.readUIntBE(AT.digest, NUMBER),
  version: bytes.readUIntBE(AT.version, NUMBER),
  created: bytes.readUIntBE(AT.created, NUMBER),
});

/** Of the record, whatever the order in which others came to refer to it, and without what moves all the time. */
const digestOf = (item: Item, world: World): number => {
  const { cls, member, plain } = item;
  const settled = new Map<number, string>();
  for (const relation of relationsTo(cls)) {
    const refs = world.ends.sources(item.ref, relation);
    if (refs.size > 1) settled.set(relation.toPlace, setText([...refs].sort()));
  }
  for (const place of volatilePlaces(cls)) settled.set(place, '');
  const patches = new Map([...(item.patches ?? []), ...settled].sort(([a], [b]) => a - b));
  const text = recordText({ cls, member, plain, patches });
  return Math.max(GONE + 1, hash('sha1', text, 'buffer').readUIntBE(0, NUMBER));
};

function* itemsOf(world: World): Generator<Item> {
  for (const cls of CLASSES_WITH_OBJECTS) yield* world.all(cls);
}

function* rowsOf(world: World): Generator<Row> {
  for (const end of world.changes.ends()) yield { ...end, digest: GONE };
  for (const item of itemsOf(world)) yield { ...item, digest: digestOf(item, world) };
}

const namespaceOf = ({ front }: BrokerContext): string => `xenapi told:${front.uuid}`;
const chunkKey = (n: number): string => `rows ${n}`;

const headOf = (context: BrokerContext): Head | undefined => {
  const head = context.own.get(namespaceOf(context), HEAD) as Head | null | undefined;
  return head?.epoch === context.store.epoch ? head : undefined;
};

export const hasInheritance = (context: BrokerContext): boolean => headOf(context) !== undefined;

export const dropInheritance = (context: BrokerContext): void => {
  const namespace = namespaceOf(context);
  // The head first: rows without one are nobody's.
  for (const { key } of context.own.list(namespace)) context.own.delete(namespace, key);
};

/** Nobody is answered any more: written down as it is. */
export function* bequeath(world: World, context: BrokerContext, most = MOST): Generator<undefined, void> {
  const { own, store } = context;
  const namespace = namespaceOf(context);
  dropInheritance(context);
  if (world.size + world.changes.ends().length > most) return;
  let chunks = 0;
  let rows: Buffer[] = [];
  const put = (): void => {
    own.put(namespace, chunkKey(chunks), Buffer.concat(rows).toString('base64'));
    chunks += 1;
    rows = [];
  };
  for (const row of rowsOf(world)) {
    rows.push(writeRow(row));
    if (rows.length === CHUNK) put();
    if (rows.length % SLICE === 0) yield;
  }
  put();
  own.put(namespace, HEAD, { epoch: store.epoch, floor: world.changes.floor, chunks } satisfies Head);
}

/** A world in which everything is new becomes the one that clients know, and what differs from it is new. */
export function* inherit(world: World, context: BrokerContext): Generator<undefined, void> {
  const head = headOf(context);
  if (head === undefined) return;
  const told = new Map<string, Row>();
  const gone: Gone[] = [];
  const end = (row: Row, version: number): void => {
    gone.push({ cls: parseRef(row.ref)?.cls ?? '', ref: row.ref, created: row.created, version });
  };
  for (let n = 0; n < head.chunks; n++) {
    const bytes = Buffer.from(String(context.own.get(namespaceOf(context), chunkKey(n))), 'base64');
    for (let at = 0; at < bytes.length; at += AT.end) {
      const row = readRow(bytes.subarray(at, at + AT.end));
      if (row.digest === GONE) end(row, row.version);
      else told.set(row.ref, row);
    }
    yield;
  }
  let left = SLICE;
  for (const item of itemsOf(world)) {
    const row = told.get(item.ref);
    if (row === undefined) continue;
    told.delete(item.ref);
    item.created = row.created;
    if (digestOf(item, world) === row.digest) item.version = row.version;
    left -= 1;
    if (left > 0) continue;
    left = SLICE;
    yield;
  }
  for (const row of told.values()) end(row, world.version);
  world.changes.goOn(head.floor, gone, itemsOf(world));
}
