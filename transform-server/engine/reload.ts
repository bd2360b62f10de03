/** Changed files of the mappings in; a new sheet thread that has passed every golden pair in place of the old one, or a refusal, out. */
import { existsSync } from 'node:fs';
import type { Platform } from '../../mappings/generic/platform.ts';
import { type GoldenCase, goldenCases } from './golden-cases.ts';
import { changedFiles, contentHash, isOutdated, type MappingFiles, withSheet } from './mapping-files.ts';
import type { Overlay } from './overlay.ts';
import type { PlatformLoaders, SheetTexts } from './pipeline.ts';
import type { Switch } from './switch.ts';
import type { Transformer } from './transformer.ts';
import { judged, sheetPath, sheetPlaces } from './verdicts.ts';

export interface ReloadReport {
  /** Files that differ from those in use; empty: there was nothing to do. */
  readonly changed: readonly string[];
  /** Why nothing was taken over; empty: the changed files are in use. */
  readonly refused: readonly { readonly name: string; readonly why: string }[];
  /** Golden pairs that judged. */
  readonly pairs: number;
}

export type Reload = () => Promise<ReloadReport>;

/** A sheet as somebody wants it here. */
export interface SheetChange {
  readonly href: string;
  readonly path: string;
  /** undefined: as the program has it. */
  readonly text: string | undefined;
  readonly by: string;
}

export interface Mappings {
  readonly reload: Reload;
  /** One sheet other than it was, judged and kept, or refused; nothing else that changed on disk is taken over. */
  change(wanted: SheetChange): Promise<ReloadReport>;
  /** What others who share the overlay changed of it, judged and in use here, or refused. */
  adopt(): Promise<ReloadReport>;
  readonly inUse: MappingFiles;
  readonly platforms: PlatformLoaders;
  /** When what is in use of a file came into use. */
  sinceMs(path: string): number;
}

export interface MappingsOptions {
  readonly platforms: PlatformLoaders;
  readonly transformer: Switch;
  readonly read: () => MappingFiles;
  /** What `read` gave when the transformer was started. */
  readonly inUse: MappingFiles;
  /** A transformer of the code on disk, with these sheets. */
  readonly start: (texts: SheetTexts) => Transformer;
  /** Documents are made anew from here on; `platforms` when more than sheets changed. */
  readonly swapped: (platforms?: PlatformLoaders) => Promise<void>;
  /** The registry of the mappings on disk; absent: only sheets can be reloaded. */
  readonly fresh?: (() => Promise<PlatformLoaders>) | undefined;
  /** The folder of the golden pairs. */
  readonly fixtures: string;
  /** Where sheets that are changed here are kept; absent: none can be. */
  readonly overlay?: Overlay | undefined;
  readonly now: () => number;
}

const NOTHING: ReloadReport = { changed: [], refused: [], pairs: 0 };

/** Both threads speak through these: one alone cannot have new ones. */
const CONTRACT = /^(runtime|transform-server|mappings\/(generic|wire|platforms\.ts))(\/|$)/;

const refusal = (changed: readonly string[], names: readonly string[], why: string): ReloadReport => ({
  changed,
  refused: names.map((name) => ({ name, why })),
  pairs: 0,
});

const loaded = (platforms: PlatformLoaders): Promise<Platform[]> =>
  Promise.all(Object.values(platforms).map((load) => load()));

export const createMappings = (options: MappingsOptions): Mappings => {
  const { transformer, read, start, swapped, fresh, fixtures, overlay, now } = options;
  let { platforms } = options;
  let { inUse } = options;
  const startedMs = now();
  const sinceMs = new Map<string, number>();

  const judge = async (
    candidate: Transformer,
    files: MappingFiles,
    pairs: readonly GoldenCase[],
    next: PlatformLoaders,
  ) => {
    const refused: { name: string; why: string }[] = [];
    for (const [href, place] of sheetPlaces(await loaded(next))) {
      if (files.texts[href] === undefined || files.texts[href] === inUse.texts[href]) continue;
      const done = await candidate.run({ work: 'compile', ...place });
      if (!done.ok) refused.push({ name: `${place.platform} ${place.direction} ${place.kind}`, why: done.error });
    }
    for (const pair of pairs) {
      const { name, why } = await judged(candidate, pair);
      if (why !== undefined) refused.push({ name, why });
    }
    return refused;
  };

  /** `keep`: what lasts before anything of it is in use. */
  const take = async (
    files: MappingFiles,
    changed: readonly string[],
    { tables, keep }: { tables: boolean; keep?: () => Promise<void> },
  ): Promise<ReloadReport> => {
    const pairs = existsSync(fixtures) ? goldenCases(fixtures, Object.keys(platforms)) : [];
    if (pairs.length === 0) return refusal(changed, [fixtures], 'there are no golden pairs to judge by');
    const candidate = start(files.texts);
    let next = platforms;
    let refused: readonly { name: string; why: string }[];
    try {
      if (tables && fresh !== undefined) next = await fresh();
      refused = await judge(candidate, files, pairs, next);
      if (refused.length === 0) await keep?.();
    } catch (error) {
      const name = keep === undefined ? 'the mappings on disk' : changed.join();
      refused = [{ name, why: error instanceof Error ? error.message : String(error) }];
    }
    if (refused.length > 0) {
      await candidate.close();
      return { changed, refused, pairs: pairs.length };
    }
    transformer.swap(candidate);
    inUse = files;
    for (const path of changed) sinceMs.set(path, now());
    await swapped(next === platforms ? undefined : next);
    platforms = next;
    return { changed, refused, pairs: pairs.length };
  };

  const reload = async (): Promise<ReloadReport> => {
    const files = read();
    const changed = changedFiles(inUse, files);
    if (changed.length === 0) {
      // The program's own sheet below one that was changed here may be another one now.
      inUse = files;
      return NOTHING;
    }
    const code = changed.filter((name) => CONTRACT.test(name));
    if (code.length > 0) return refusal(changed, code, 'the program itself changed: let a new one take over');
    const tables = changed.filter((name) => !name.endsWith('.xsl'));
    if (tables.length > 0 && fresh === undefined) return refusal(changed, tables, 'only sheets can be reloaded here');
    return take(files, changed, { tables: tables.length > 0 });
  };

  const change = async ({ href, path, text, by }: SheetChange): Promise<ReloadReport> => {
    if (overlay === undefined) return refusal([path], [path], 'sheets are not kept here');
    const before = inUse.changedHere.get(path);
    const own = before?.own ?? inUse.texts[href];
    if (own === undefined) return refusal([path], [path], 'it is not a sheet of the program');
    const isNew = (text ?? own) !== inUse.texts[href] || (before !== undefined && isOutdated(before));
    if (!isNew) return NOTHING;
    if (text === undefined || text === own)
      return take(withSheet(inUse, { href, path, text: own }), [path], {
        tables: false,
        keep: () => overlay.drop(path),
      });
    const made = { by, atMs: now(), base: contentHash(own) };
    return take(withSheet(inUse, { href, path, text, changed: { ...made, own } }), [path], {
      tables: false,
      keep: () => overlay.put({ path, text, ...made }),
    });
  };

  const adopt = async (): Promise<ReloadReport> => {
    if (overlay?.refresh === undefined || !(await overlay.refresh())) return NOTHING;
    const wanted = overlay.read();
    let files = inUse;
    for (const [href, place] of sheetPlaces(await loaded(platforms))) {
      const path = sheetPath(place);
      const own = inUse.changedHere.get(path)?.own ?? inUse.texts[href];
      if (own === undefined) continue;
      const { text = own, ...made } = wanted.get(path) ?? {};
      const changed = 'by' in made ? { by: made.by, atMs: made.atMs, base: made.base, own } : undefined;
      if (text !== inUse.texts[href] || changed?.atMs !== inUse.changedHere.get(path)?.atMs)
        files = withSheet(files, { href, path, text, changed });
    }
    const changed = changedFiles(inUse, files);
    if (changed.length > 0) return take(files, changed, { tables: false });
    inUse = files;
    return NOTHING;
  };

  let running: Promise<ReloadReport> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  /** One at a time. */
  const inTurn = (act: () => Promise<ReloadReport>): Promise<ReloadReport> => {
    const turn = last.then(act);
    last = turn.catch(() => undefined);
    return turn;
  };

  return {
    reload: () => {
      // Whoever asks meanwhile gets the same answer.
      running ??= inTurn(reload).finally(() => {
        running = undefined;
      });
      return running;
    },
    change: (wanted) => inTurn(() => change(wanted)),
    adopt: () => inTurn(adopt),
    get inUse() {
      return inUse;
    },
    get platforms() {
      return platforms;
    },
    sinceMs: (path) => inUse.changedHere.get(path)?.atMs ?? sinceMs.get(path) ?? startedMs,
  };
};
