/** A rendered member as it is kept: its packed text and where the paths of its template lie; text and spans are made when they are read. */
import { type PackedText, type Template, textOf, valuesOf } from './packed-text.ts';
import type { MemberText } from './store.ts';

/** Where paths lie in all texts of a template. */
export interface TemplateIndex {
  readonly paths: readonly string[];
  readonly types: readonly string[];
  /** Four places a path: characters of segments before it, and the number of values before it. */
  readonly constant: Int32Array;
  readonly values: Uint16Array;
}

export interface Packed extends MemberText {
  readonly packed: PackedText;
  readonly index: TemplateIndex;
}

const VALUES_MOST = 0xffff;

/** One text's spans to those of its template. Spans begin and end at markup, which is the same in all. */
export const indexOfTemplate = (
  packed: PackedText,
  { paths, spans, types }: Pick<MemberText, 'paths' | 'spans' | 'types'>,
): TemplateIndex => {
  if (spans.length !== paths.length * 4) throw new Error(`${spans.length} span numbers for ${paths.length} paths`);
  const { segments } = packed.template;
  if (segments.length > VALUES_MOST) throw new Error(`a document of ${segments.length} varying places`);
  const values = valuesOf(packed);
  /** Of each segment: where it ends in this text, and how many characters of segments lie before that end. */
  const ends = new Array<number>(segments.length);
  const lengths = new Array<number>(segments.length);
  let at = 0;
  let length = 0;
  for (let n = 0; n < segments.length; n++) {
    at += (segments[n] as string).length;
    length += (segments[n] as string).length;
    ends[n] = at;
    lengths[n] = length;
    at += values[n]?.length ?? 0;
  }
  const constant = new Int32Array(spans.length);
  const before = new Uint16Array(spans.length);
  for (let n = 0; n < spans.length; n++) {
    const place = spans[n] as number;
    // The first segment that ends at or behind the place. Where content begins, that is before its value; where it ends, behind it.
    let low = 0;
    let high = segments.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] as number) >= place) high = middle;
      else low = middle + 1;
    }
    // An empty value: the place is the end of one segment and the start of the next. Only inner starts lie before a value.
    while (n % 4 !== 2 && low < segments.length - 1 && ends[low] === place && values[low] === '') low++;
    const back = (ends[low] as number) - place;
    if (back < 0 || back > (segments[low] as string).length) throw new Error(`a path lies inside a text, at ${place}`);
    constant[n] = (lengths[low] as number) - back;
    before[n] = low;
  }
  return { paths, types, constant, values: before };
};

/** An array of the JavaScript heap: typed ones of this size lie outside it, where garbage is collected late. */
export const spansOf = (index: TemplateIndex, values: readonly string[]): number[] => {
  const { constant, values: before } = index;
  const lengths = new Array<number>(values.length + 1);
  lengths[0] = 0;
  for (let at = 0; at < values.length; at++) lengths[at + 1] = (lengths[at] as number) + (values[at] as string).length;
  const spans = new Array<number>(constant.length);
  for (let at = 0; at < spans.length; at++)
    spans[at] = (constant[at] as number) + (lengths[before[at] as number] as number);
  return spans;
};

export class PackedMember implements Packed {
  readonly type: string;
  readonly id: string;
  readonly packed: PackedText;
  readonly index: TemplateIndex;

  constructor(type: string, id: string, packed: PackedText, index: TemplateIndex) {
    this.type = type;
    this.id = id;
    this.packed = packed;
    this.index = index;
  }

  get text(): string {
    return textOf(this.packed);
  }
  get spans(): number[] {
    return spansOf(this.index, valuesOf(this.packed));
  }
  get paths(): readonly string[] {
    return this.index.paths;
  }
  get types(): readonly string[] {
    return this.index.types;
  }
}

export const isPacked = (member: MemberText): member is Packed => 'packed' in member;

/** The indexes of templates, found once each. */
export const createTemplateIndexes = (): ((
  packed: PackedText,
  find: () => Pick<MemberText, 'paths' | 'spans' | 'types'>,
) => TemplateIndex) => {
  const known = new WeakMap<Template, TemplateIndex>();
  return (packed, find) => {
    let index = known.get(packed.template);
    if (index === undefined) {
      index = indexOfTemplate(packed, find());
      known.set(packed.template, index);
    }
    return index;
  };
};
