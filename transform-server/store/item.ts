/** One object of the store as it lies in memory, its relations, and the content hash that tells a change from a repetition. */
import { hash } from 'node:crypto';
import { type HubId, kindOf, numberOf } from '../../mappings/generic/ids.ts';
import type { DocumentKind } from '../../mappings/generic/model.ts';
import type { NativeObject, Scan } from '../../mappings/generic/native.ts';
import type { Entry } from '../../mappings/generic/store-view.ts';
import type { Match, SubKind } from '../ids/ids.ts';
import type { KeptNative } from './native-texts.ts';
import type { PackedText } from './packed-text.ts';

/** Relations to one kind. `sum` is an order-free sum over the ids; `settled` is what it was when the version was given. */
export interface EdgeList {
  readonly to: DocumentKind;
  readonly ids: HubId[];
  version: number;
  sum: number;
  settled: number;
}

export interface Item extends Entry {
  native: string;
  name: string;
  uuid: string;
  template: boolean;
  facts: NativeObject['facts'];
  version: number;
  stale: boolean;
  kept: KeptNative;
  /** Version of the object's own text and joins; derived documents are valid for one source. */
  source: number;
  content: string;
  /** Packed sub-objects: most are never asked for. */
  owns: string;
  /** Ids this object itself names; both ends keep the relation in `lists`. */
  forward: HubId[];
  /** Other native names that relations may use for it. */
  aliases: readonly string[];
  /** Keys of objects it names that do not exist (yet). */
  dangling: string[];
  readonly lists: EdgeList[];
  generic: PackedText | undefined;
  genericSource: number;
  /** What joiners see of it, as text; undefined: no joiner asked yet. */
  join: string | undefined;
  slots: Record<string, unknown> | undefined;
  /** The listing that last named it. */
  listing: number;
  /** Made in this run and not settled yet: its mark of the last run decides its version. */
  fresh: boolean;
}

/** Keys sorted, so that the order in which a driver fills them in is no change. */
export const contentHash = (object: NativeObject): string => {
  const pieces: string[] = [];
  for (const name of Object.keys(object.facts).sort()) pieces.push(name, String(object.facts[name]));
  for (const name of Object.keys(object.parts).sort()) pieces.push(name, object.parts[name] ?? '');
  return hash('sha1', pieces.join('\u0000'), 'base64url').slice(0, 20);
};

const mix = (id: HubId): number => {
  let x = numberOf(id) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  const high = (x ^ (x >>> 16)) >>> 0;
  const low = Math.imul(x, 0x9e3779b1) >>> 11;
  return high * 0x100000 + (low & 0xfffff);
};

const MODULUS = 2 ** 52;

export const edgesOf = (item: Item, to: DocumentKind): EdgeList | undefined =>
  item.lists.find((list) => list.to === to);

/** Adds without looking: the caller knows that it is not there. Returns the list. */
export const addEdge = (item: Item, to: HubId): EdgeList => {
  const kind = kindOf(to) as DocumentKind;
  let list = edgesOf(item, kind);
  if (list === undefined) {
    list = { to: kind, ids: [], version: item.version, sum: 0, settled: 0 };
    item.lists.push(list);
  }
  list.ids.push(to);
  list.sum = (list.sum + mix(to)) % MODULUS;
  return list;
};

export const dropEdge = (item: Item, to: HubId): EdgeList | undefined => {
  const list = edgesOf(item, kindOf(to) as DocumentKind);
  const at = list?.ids.indexOf(to) ?? -1;
  if (list === undefined || at < 0) return undefined;
  list.ids.splice(at, 1);
  list.sum = (list.sum - mix(to) + MODULUS) % MODULUS;
  return list;
};

/** Content and relations as one durable text. A number belongs to one kind, so one sum over all lists tells them apart. */
export const markText = (item: Item): string => {
  let sum = 0;
  let related = false;
  for (const list of item.lists) {
    related ||= list.ids.length > 0;
    sum = (sum + list.sum) % MODULUS;
  }
  return related ? `${item.content} ${sum.toString(36)}` : item.content;
};

/** Whether a mark was written for this very content. */
export const isMarkOf = (mark: string, content: string): boolean =>
  mark.startsWith(content) && (mark.length === content.length || mark[content.length] === ' ');

export const packOwns = (owns: Scan['owns']): string =>
  owns.map((one) => `${one.kind}\u001f${one.match}\u001f${one.slot}`).join('\u001e');

export const unpackOwns = (text: string): Match[] =>
  text === ''
    ? []
    : text.split('\u001e').map((one) => {
        const [kind = '', match = '', slot = ''] = one.split('\u001f');
        return { kind: kind as SubKind, match, slot };
      });
