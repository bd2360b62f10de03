/** The mappings in use in; each sheet with its text, since when it is used, the golden pairs that judge it and what they say, out. */
import { existsSync } from 'node:fs';
import type { Platform } from '../../mappings/generic/platform.ts';
import { type GoldenCase, goldenCases } from './golden-cases.ts';
import { contentHash, isOutdated, type MappingFiles } from './mapping-files.ts';
import type { Mappings, ReloadReport } from './reload.ts';
import type { Transformer } from './transformer.ts';
import { createTrials, type OpenTrial, type Start } from './trials.ts';
import { judged, placeOf, type SheetPlace, sheetId, sheetPath, sheetPlaces, type Verdict } from './verdicts.ts';

export interface Sheet extends SheetPlace {
  /** `PLATFORM.FOLDER.KIND` */
  readonly id: string;
  /** Below the program's folder. */
  readonly path: string;
  readonly href: string;
  readonly text: string;
  readonly hash: string;
  readonly sinceMs: number;
  /** Set where this installation changed it. `outdated`: the program has another one of its own since. */
  readonly changedHere: { readonly by: string; readonly atMs: number; readonly outdated: boolean } | undefined;
  /** Names of the golden pairs that judge it. */
  readonly pairs: readonly string[];
}

export interface Verdicts {
  readonly atMs: number;
  readonly of: ReadonlyMap<string, Verdict>;
}

export interface Library {
  /** Another one once anything that is in use has changed. */
  readonly inUse: object;
  platforms(): Promise<readonly Platform[]>;
  sheets(): Promise<readonly Sheet[]>;
  pairs(): readonly GoldenCase[];
  /** What the golden pairs say of the sheets in use: asked once, and again when one of them is another. */
  verdicts(): Promise<Verdicts>;
  /** `text` undefined: as the program has it. */
  change(sheet: Sheet, text: string | undefined, by: string): Promise<ReloadReport>;
  /** The sheets in use, with another text of one: on a thread of their own. undefined: too many are tried at once. */
  tried(changed?: { readonly sheet: Sheet; readonly text: string }): ReturnType<OpenTrial>;
}

export const createLibrary = (options: {
  readonly mappings: Mappings;
  readonly transformer: Transformer;
  readonly start: Start;
  /** The folder of the golden pairs. */
  readonly fixtures: string;
  readonly now: () => number;
  /** Of a sheet that was not read as a file of the program. */
  readonly textOf: (url: URL) => string;
}): Library => {
  const { mappings, transformer, start, fixtures, now, textOf } = options;
  const open = createTrials(start);
  let read: { of: MappingFiles; pairs: readonly GoldenCase[] } | undefined;
  let known: { of: MappingFiles; verdicts: Promise<Verdicts> } | undefined;

  const platforms = (): Promise<readonly Platform[]> =>
    Promise.all(Object.values(mappings.platforms).map((load) => load()));

  const pairs = (): readonly GoldenCase[] => {
    const of = mappings.inUse;
    if (read?.of !== of)
      read = { of, pairs: existsSync(fixtures) ? goldenCases(fixtures, Object.keys(mappings.platforms)) : [] };
    return read.pairs;
  };

  const judgeAll = async (): Promise<Verdicts> => {
    const of = await Promise.all(
      pairs().map(async (pair) => [pair.name, await judged(transformer, pair, 'later')] as const),
    );
    return { atMs: now(), of: new Map(of) };
  };

  return {
    get inUse() {
      return mappings.inUse;
    },
    platforms,
    pairs,
    sheets: async () => {
      const { inUse } = mappings;
      const loaded = await platforms();
      const judging = new Map<string, string[]>();
      for (const { name, work } of pairs()) {
        const sheets = loaded.find((one) => one.name === work.platform)?.sheets;
        if (sheets === undefined) continue;
        const id = sheetId(placeOf(work, sheets));
        judging.set(id, [...(judging.get(id) ?? []), name]);
      }
      return [...sheetPlaces(loaded)].map(([href, place]): Sheet => {
        const path = sheetPath(place);
        const text = inUse.texts[href] ?? textOf(new URL(href));
        const changed = inUse.changedHere.get(path);
        const id = sheetId(place);
        return {
          ...place,
          id,
          path,
          href,
          text,
          hash: contentHash(text),
          sinceMs: mappings.sinceMs(path),
          changedHere: changed && { by: changed.by, atMs: changed.atMs, outdated: isOutdated(changed) },
          pairs: judging.get(id) ?? [],
        };
      });
    },
    verdicts: () => {
      const of = mappings.inUse;
      if (known?.of !== of) known = { of, verdicts: judgeAll() };
      return known.verdicts;
    },
    change: ({ href, path }, text, by) => mappings.change({ href, path, text, by }),
    tried: (changed) => {
      const { texts } = mappings.inUse;
      return open(changed === undefined ? texts : { ...texts, [changed.sheet.href]: changed.text });
    },
  };
};
