/** Native objects in; the same with their texts packed, behind whoever waits, and whole again when they are read, out. */
import type { NativeObject } from '../../mappings/generic/native.ts';
import { cutAttributes } from './cut-text.ts';
import { createPacker, type PackedText, textOf } from './packed-text.ts';

/** As an item holds it: at first as it came, packed soon after. */
export type KeptNative =
  | { readonly whole: NativeObject }
  | {
      readonly rest: Omit<NativeObject, 'parts'>;
      readonly names: readonly string[];
      readonly texts: readonly PackedText[];
    };

export interface NativeTexts {
  /** `keeper.kept` is replaced once its turn has come. */
  keep(keeper: { kept: KeptNative }, object: NativeObject): void;
  /** While it is true nothing is packed: whoever lists waits for other things. */
  hold(on: boolean): void;
}

/** Objects packed in one turn of the event loop. */
const SLICE = 32;
/** Held back at most: some tens of megabytes. */
const HELD = 16_384;
const SHAPES = 10_000;
const FAMILIES = 500;

export const nativeOf = (kept: KeptNative): NativeObject => {
  if ('whole' in kept) return kept.whole;
  const parts: Record<string, string> = {};
  for (const [at, name] of kept.names.entries()) parts[name] = textOf(kept.texts[at] as PackedText);
  return { ...kept.rest, parts };
};

export const createNativeTexts = (later: (act: () => void) => void): NativeTexts => {
  const packer = createPacker(FAMILIES, cutAttributes);
  const waiting = new Set<{ kept: KeptNative }>();
  /** Names of parts, shared by objects that have the same. */
  const shapes = new Map<string, readonly string[]>();
  let scheduled = false;
  let held = false;

  const namesOf = (object: NativeObject): readonly string[] => {
    const names = Object.keys(object.parts);
    const key = names.join('\n');
    const known = shapes.get(key);
    if (known !== undefined) return known;
    if (shapes.size >= SHAPES) shapes.clear();
    shapes.set(key, names);
    return names;
  };

  const pack = (object: NativeObject): KeptNative => {
    const { parts, ...rest } = object;
    const names = namesOf(object);
    // `snapshot:a` and `snapshot:b` resemble each other.
    const keyOf = (name: string): string => `${object.kind} ${name.replace(/:.*$/s, '')}`;
    return { rest, names, texts: names.map((name) => packer.pack(keyOf(name), parts[name] ?? '')) };
  };

  const drain = (): void => {
    scheduled = false;
    let left = SLICE;
    for (const keeper of waiting) {
      waiting.delete(keeper);
      if ('whole' in keeper.kept) keeper.kept = pack(keeper.kept.whole);
      left -= 1;
      if (left === 0) break;
    }
    schedule();
  };

  const schedule = (): void => {
    if (scheduled || waiting.size === 0 || (held && waiting.size < HELD)) return;
    scheduled = true;
    later(drain);
  };

  return {
    keep: (keeper, object) => {
      keeper.kept = { whole: object };
      waiting.add(keeper);
      schedule();
    },
    hold: (on) => {
      held = on;
      schedule();
    },
  };
};
