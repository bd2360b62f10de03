/** An object and perhaps another text of a sheet in; its document at every hop, with the sheets in use and with that text beside them, out. */
import { joinVm } from '../../../mappings/generic/join.ts';
import type { DocumentKind, Documents, Vm } from '../../../mappings/generic/model.ts';
import type { Platform } from '../../../mappings/generic/platform.ts';
import type { Library, Sheet } from '../../engine/library.ts';
import type { Trial } from '../../engine/trials.ts';
import { judged, placeOf, sheetId } from '../../engine/verdicts.ts';
import { joinsOf, type RawWork } from '../../engine/work.ts';
import { genericOf, genericText, nativeText, type Source } from './source.ts';

/** A text, or why there is none, or why the hub does not understand it. */
export interface Made {
  readonly text?: string;
  readonly problem?: string;
}

export interface Hop {
  readonly shape: 'native' | 'generic' | 'rendered' | 'after' | 'changed';
  /** The sheet that made it. */
  readonly sheet?: string | undefined;
  readonly made: Made;
  /** With the other text of the sheet, where one was given. */
  readonly changed?: Made;
}

const outputOf = async (trial: Trial, work: RawWork): Promise<Made> => {
  const done = await trial.run(work);
  return done.ok ? { text: done.output ?? '' } : { problem: done.error };
};

/** What the sheets of one trial make of it, hop by hop; a hop without its input is left out. */
const walk = async (source: Source, front: Platform | undefined, trial: Trial): Promise<Hop[]> => {
  const { platform, kind, native, after, joins } = source;
  const hops: Hop[] = [];
  const add = (shape: Hop['shape'], made: Made, work?: RawWork): void => {
    const place =
      work === undefined
        ? undefined
        : placeOf(work, (work.platform === platform.name ? platform : front)?.sheets ?? platform.sheets);
    hops.push({ shape, made, ...(place && { sheet: sheetId(place) }) });
  };
  let generic = source.generic;
  if (native !== undefined) {
    add('native', { text: nativeText(native) });
    const work: RawWork = { work: 'raw', platform: platform.name, source: { native } };
    let made = await outputOf(trial, work);
    try {
      if (made.text !== undefined) generic = genericOf(kind, made.text);
    } catch (error) {
      made = { ...made, problem: error instanceof Error ? error.message : String(error) };
    }
    add('generic', made, work);
  } else if (generic !== undefined) add('generic', { text: genericText(kind, generic) });
  if (front !== undefined && generic !== undefined) {
    const shown = structuredClone(generic) as Documents[DocumentKind];
    if (kind === 'vm') joinVm(shown as Vm, joinsOf(joins));
    const work: RawWork = {
      work: 'raw',
      platform: front.name,
      source: { kind, generic: shown, joins, front: source.front(front.name) },
    };
    add('rendered', await outputOf(trial, work), work);
  }
  if (after !== undefined) {
    add('after', { text: genericText(kind, after) });
    const before = native === undefined ? {} : { native, before: generic };
    if (native === undefined || generic !== undefined) {
      const change = { kind, after, ...before } as never;
      const work: RawWork = { work: 'raw', platform: platform.name, source: { change } };
      add('changed', await outputOf(trial, work), work);
    }
  }
  return hops;
};

const byShape = (hops: readonly Hop[], shape: Hop['shape']): Hop | undefined => hops.find((hop) => hop.shape === shape);

export const hopsOf = async (
  source: Source,
  front: Platform | undefined,
  plain: Trial,
  changed: Trial | undefined,
): Promise<readonly Hop[]> => {
  const [hops, others] = await Promise.all([walk(source, front, plain), changed && walk(source, front, changed)]);
  if (others === undefined) return hops;
  return hops.map((hop) => {
    const other = byShape(others, hop.shape);
    return { ...hop, changed: other?.made ?? { problem: 'what comes before it has no document' } };
  });
};

export interface PairVerdict {
  readonly name: string;
  /** Of the sheets in use. undefined: it comes out. */
  readonly before: string | undefined;
  readonly why: string | undefined;
}

export interface SheetVerdict {
  /** It does not even compile. */
  readonly problem: string | undefined;
  readonly pairs: readonly PairVerdict[];
}

/** What all golden pairs that judge the sheet say of its other text. */
export const verdictOf = async (
  library: Library,
  { platform, direction, kind, pairs }: Sheet,
  changed: Trial,
): Promise<SheetVerdict> => {
  const compiled = await changed.run({ work: 'compile', platform, direction, kind });
  if (!compiled.ok) return { problem: compiled.error, pairs: [] };
  const known = await library.verdicts();
  const found: PairVerdict[] = [];
  const names = new Set(pairs);
  for (const pair of library.pairs()) {
    if (!names.has(pair.name)) continue;
    const { why } = await judged(changed, pair);
    found.push({ name: pair.name, before: known.of.get(pair.name)?.why, why });
  }
  return { problem: undefined, pairs: found };
};
