/** One object as XenAPI shows it: the text it was rendered to, with the fields that are known elsewhere put in; whole, or a field of it. */
import type { HubId } from '../../generic/ids.ts';
import type { RenderedMember } from '../../generic/store-view.ts';
import type { OwnObject } from '../own-data.ts';
import { encodeField, rulesOf, TAIL, unsetValue } from '../render/bundle.ts';
import { type Default, NULL_REF, recordFields } from '../types.ts';
import { unescapeText } from './transcode.ts';

/** Fields of a class by name: their place among the class's fields. */
const places = new Map<string, ReadonlyMap<string, number>>();
export const placesOf = (cls: string): ReadonlyMap<string, number> => {
  let known = places.get(cls);
  if (known === undefined) {
    known = new Map(recordFields(cls).map(({ name }, at) => [name, at]));
    places.set(cls, known);
  }
  return known;
};

/** The text of an object that no sheet rendered. */
export class PlainText {
  readonly #fields: readonly string[];

  constructor(cls: string, values: Readonly<Record<string, Default | undefined>>) {
    this.#fields = recordFields(cls).map(({ name, type, default: unset }) =>
      encodeField(type, values[name] ?? unsetValue(type, unset)),
    );
  }

  field(place: number): string {
    return this.#fields[place] ?? '';
  }

  text(cls: string, patches: ReadonlyMap<number, string> | undefined): string {
    let text = '';
    for (const [at, { head }] of rulesOf(cls).entries()) text += head + (patches?.get(at) ?? this.field(at)) + TAIL;
    return text;
  }
}

/** What a storage has to know of an image, read out of its text once. */
interface ImageFacts {
  readonly member: RenderedMember | undefined;
  readonly bytes: number;
  readonly isIso: boolean;
}

export interface KeptJson {
  readonly member: RenderedMember | undefined;
  readonly plain: PlainText | undefined;
  readonly patches: ReadonlyMap<number, string> | undefined;
  readonly text: string;
}

export interface Item {
  readonly cls: string;
  readonly ref: string;
  /** The hub object it is read from. undefined: it is our own. */
  owner: HubId | undefined;
  member: RenderedMember | undefined;
  /** Of our own, or a task: text made here. The rendered one goes before. */
  plain: PlainText | undefined;
  own: OwnObject | undefined;
  /** Inner texts that stand instead of the rendered ones, by place. */
  patches: ReadonlyMap<number, string> | undefined;
  /** The record in JSON, while it is of these very texts. */
  json: KeptJson | undefined;
  image?: ImageFacts;
  uuid: string;
  name: string;
  /** Versions of the world at which it came and last changed. */
  created: number;
  version: number;
}

/** What stands between `<value>` and `</value>`. */
export const fieldAt = (item: Item, place: number): string =>
  item.patches?.get(place) ?? item.member?.between(place * 4 + 2, place * 4 + 3) ?? item.plain?.field(place) ?? '';

export const fieldText = (item: Item, field: string): string => {
  const place = placesOf(item.cls).get(field);
  return place === undefined ? '' : fieldAt(item, place);
};

/** A scalar field as the text it means. */
export const scalarOf = (item: Item, field: string): string => unescapeText(fieldText(item, field));

/** A field as it was rendered, without what stands instead. */
export const renderedField = (item: Item, place: number): string =>
  item.member?.between(place * 4 + 2, place * 4 + 3) ?? item.plain?.field(place) ?? '';

/** The members of the whole record. */
export const recordText = ({
  cls,
  member,
  plain,
  patches,
}: Pick<Item, 'cls' | 'member' | 'plain' | 'patches'>): string => {
  if (member === undefined) return plain?.text(cls, patches) ?? '';
  if (patches === undefined || patches.size === 0) return member.text;
  let text = '';
  let from = 0;
  for (const [place, inner] of patches) {
    text += member.between(from, place * 4 + 2) + inner;
    from = place * 4 + 3;
  }
  return text + member.between(from, member.index.paths.length * 4 - 3);
};

const REF_ITEM = /<value>([^<]*)<\/value>/g;

/** The references in a field that is a set of them. */
export const refsIn = (inner: string): string[] => [...inner.matchAll(REF_ITEM)].map(([, ref = '']) => ref);

export const setText = (values: Iterable<string>): string => {
  let items = '';
  for (const value of values) items += `<value>${value}</value>`;
  return `<array><data>${items}</data></array>`;
};

export const isNull = (ref: string): boolean => ref === '' || ref === NULL_REF;

export const imageFacts = (item: Item): ImageFacts => {
  const { member } = item;
  if (item.image?.member !== member || item.image === undefined)
    item.image = {
      member,
      bytes: Number(fieldText(item, 'virtual_size')),
      isIso: /\.iso$/i.test(scalarOf(item, 'location')),
    };
  return item.image;
};
