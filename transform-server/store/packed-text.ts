/** Texts in, templates and what differs from them out, and back: documents of one structure share their markup and all that is the same in each. */
import { type Cut, cutContents } from './cut-text.ts';

/** A text is its segments with one value between each two. Compared by identity; never changed once it was handed out. */
export interface Template {
  readonly segments: readonly string[];
}

export interface PackedText {
  readonly template: Template;
  /** The values between the segments, each ended by the next `<`, which none of them holds. */
  readonly values: string;
}

/** Where the values of a text begin, while it is read. */
let starts = new Int32Array(1024);

/** Whose values lie there, and how many: several slices of one text are read one after the other. */
let foundIn = '';
let foundCount = 0;

/** The first `count` values and the end of the last. */
const findValues = (values: string, count: number): void => {
  const isSame = foundIn === values;
  if (isSame && count <= foundCount) return;
  if (starts.length <= count) {
    const wider = new Int32Array(count * 2);
    wider.set(starts);
    starts = wider;
  }
  const first = isSame ? foundCount : 0;
  let at = first === 0 ? 0 : (starts[first] as number);
  for (let n = first; n < count; n++) {
    starts[n] = at;
    const end = values.indexOf('<', at);
    at = (end < 0 ? values.length : end) + 1;
  }
  starts[count] = at;
  foundIn = values;
  foundCount = count;
};

const valueAt = (values: string, n: number): string => {
  const start = starts[n] as number;
  if (values.charCodeAt(start) !== AGAIN) return values.slice(start, (starts[n + 1] as number) - 1);
  const which = values.charCodeAt(start + 1) - AGAIN_BASE;
  return values.slice(starts[which], (starts[which + 1] as number) - 1);
};

/** Above so many a list of pieces is joined faster than strings are added up. */
const ADDED_MOST = 40;

/** Constant parts of a text and, between each two, its values from number `first` on, put together. */
export const weave = (values: string, first: number, parts: readonly string[]): string => {
  const count = parts.length - 1;
  let text = parts[0] as string;
  if (count === 0) return text;
  findValues(values, first + count);
  if (count <= ADDED_MOST) {
    for (let n = 0; n < count; n++) text += valueAt(values, first + n) + (parts[n + 1] as string);
    return text;
  }
  const pieces = new Array<string>(count * 2 + 1);
  for (let n = 0; n < count; n++) {
    pieces[n * 2] = parts[n] as string;
    pieces[n * 2 + 1] = valueAt(values, first + n);
  }
  pieces[count * 2] = parts[count] as string;
  return pieces.join('');
};

export interface Packer {
  /** Texts of one `key` are expected to resemble each other. Any text is packed without loss. */
  pack(key: string, text: string): PackedText;
}

/** The first character of a value that stands for an earlier one; no XML text holds it. */
const AGAIN = 1;
/** Behind it: which one, as one character, so that the text stays one of one-byte characters. */
const AGAIN_BASE = 128;
const AGAIN_MOST = 128;
/** Shorter values are not worth a reference. */
const AGAIN_LENGTH = 3;

const LESS = 0x3c;

/** A text that shares nothing. */
export const plainText = (text: string): PackedText => ({ template: { segments: [text] }, values: '' });

/** The values, written out. */
export const valuesOf = ({ template, values }: PackedText): string[] => {
  if (template.segments.length < 2) return [];
  const found = values.split('<');
  for (let at = 0; at < found.length; at++) {
    const value = found[at] as string;
    if (value.charCodeAt(0) === AGAIN) found[at] = found[value.charCodeAt(1) - AGAIN_BASE] ?? '';
  }
  return found;
};

export const textOf = (packed: PackedText | string): string =>
  typeof packed === 'string' ? packed : weave(packed.values, 0, packed.template.segments);

/** undefined: a value looks like a reference. */
const joinValues = (values: readonly string[]): string | undefined => {
  const written = new Array<string>(values.length);
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as string;
    if (value.charCodeAt(0) === AGAIN) return undefined;
    const first = value.length < AGAIN_LENGTH ? at : values.indexOf(value);
    written[at] = first < at && first < AGAIN_MOST ? String.fromCharCode(AGAIN, AGAIN_BASE + first) : value;
  }
  return written.join('<');
};

/** The values of a text that has exactly the template's segments. None holds a `<`; one that stands in quotes ends at the quote. */
const match = (text: string, segments: readonly string[]): string[] | undefined => {
  const values: string[] = [];
  let at = 0;
  const last = segments.length - 1;
  for (let n = 0; n < last; n++) {
    const segment = segments[n] as string;
    // Compared as strings: startsWith looks at one character at a time.
    if (text.slice(at, at + segment.length) !== segment) return undefined;
    at += segment.length;
    const next = segments[n + 1] as string;
    const end = text.indexOf(next.charCodeAt(0) === LESS ? '<' : (next[0] as string), at);
    if (end < 0) return undefined;
    const value = text.slice(at, end);
    if (end > at && next.charCodeAt(0) !== LESS && value.includes('<')) return undefined;
    values.push(value);
    at = end;
  }
  const tail = segments[last] as string;
  return text.slice(at) === tail ? values : undefined;
};

/** Texts of one structure seen so far: what all of them have in common is no value. */
interface Family {
  /** Of the text it was learnt from. */
  readonly length: number;
  readonly segments: readonly string[];
  readonly values: readonly string[];
  readonly varies: boolean[];
  template: Template;
}

/** Joined, not added up: templates are kept, and a string of pieces holds each of them and the text they were cut from. */
const templateOf = ({ segments, values, varies }: Omit<Family, 'template'>): Template => {
  const merged: string[] = [];
  let open = [segments[0] ?? ''];
  for (let at = 0; at < values.length; at++) {
    const next = segments[at + 1] ?? '';
    if (varies[at]) {
      merged.push(open.join(''));
      open = [next];
    } else open.push(values[at] ?? '', next);
  }
  merged.push(open.join(''));
  return { segments: merged };
};

/** Templates that are tried before the text is cut; they share most of their beginning, so a miss costs little. */
const TRIES = 24;
/** Families and characters of their texts that are remembered: a client decides how long a text is. */
const FAMILIES = 500;
const CHARACTERS = 4 * 1024 * 1024;

export const createPacker = (limit = FAMILIES, cut: Cut = cutContents, most = CHARACTERS): Packer => {
  const families = new Map<string, Family>();
  let length = 0;
  /** By key, last used first. */
  const recent = new Map<string, Template[]>();

  const toFront = (list: Template[], at: number, template: Template): void => {
    if (at === 0 && list[0] === template) return;
    if (at >= 0) list.splice(at, 1);
    list.unshift(template);
    if (list.length > TRIES) list.pop();
  };

  const learn = (key: string, text: string, list: Template[]): Template => {
    const { segments, values } = cut(text);
    const skeleton = `${key}\u0000${segments.join('\u0000')}`;
    let family = families.get(skeleton);
    families.delete(skeleton);
    let before = -1;
    if (family === undefined) {
      const made = { length: text.length, segments, values, varies: new Array<boolean>(values.length).fill(false) };
      family = { ...made, template: templateOf(made) };
      length += family.length;
    } else {
      before = list.indexOf(family.template);
      let wider = false;
      for (let at = 0; at < values.length; at++) {
        if (family.varies[at] || values[at] === family.values[at]) continue;
        family.varies[at] = true;
        wider = true;
      }
      if (wider) family.template = templateOf(family);
    }
    families.set(skeleton, family);
    for (const [oldest, one] of families) {
      if (families.size <= limit && (length <= most || one === family)) break;
      families.delete(oldest);
      length -= one.length;
    }
    toFront(list, before, family.template);
    return family.template;
  };

  return {
    pack: (key, text) => {
      let list = recent.get(key);
      if (list === undefined) {
        list = [];
        recent.set(key, list);
      }
      for (let at = 0; at < list.length; at++) {
        const template = list[at] as Template;
        const values = match(text, template.segments);
        if (values === undefined) continue;
        toFront(list, at, template);
        const joined = joinValues(values);
        return joined === undefined ? plainText(text) : { template, values: joined };
      }
      const template = learn(key, text, list);
      const values = match(text, template.segments);
      const joined = values && joinValues(values);
      return joined === undefined ? plainText(text) : { template, values: joined };
    },
  };
};
