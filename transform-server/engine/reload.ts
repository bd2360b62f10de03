/** Changed files of the mappings in; a new sheet thread that has passed every golden pair in place of the old one, or a refusal, out. */
import { existsSync } from 'node:fs';
import type { DocumentKind } from '../../mappings/generic/model.ts';
import type { Platform, Sheets } from '../../mappings/generic/platform.ts';
import { canonical } from './canonical.ts';
import { type GoldenCase, goldenCases } from './golden-cases.ts';
import { changedFiles, type MappingFiles } from './mapping-files.ts';
import type { PlatformLoaders, SheetTexts } from './pipeline.ts';
import type { Switch } from './switch.ts';
import type { Transformer } from './transformer.ts';
import type { Work } from './work.ts';

export interface ReloadReport {
  /** Files that differ from those in use; empty: there was nothing to do. */
  readonly changed: readonly string[];
  /** Why nothing was taken over; empty: the changed files are in use. */
  readonly refused: readonly { readonly name: string; readonly why: string }[];
  /** Golden pairs that judged. */
  readonly pairs: number;
}

export type Reload = () => Promise<ReloadReport>;

export interface ReloadOptions {
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
}

/** Both threads speak through these: one alone cannot have new ones. */
const CONTRACT = /^(runtime|transform-server|mappings\/(generic|wire|platforms\.ts))(\/|$)/;

/** Every sheet of every platform, by URL. */
const sheetsOf = (platforms: readonly Platform[]): Map<string, { work: Work; name: string; platform: string }> => {
  const found = new Map<string, { work: Work; name: string; platform: string }>();
  for (const { name: platform, sheets } of platforms)
    for (const direction of ['toGeneric', 'fromGeneric', 'toHost'] as const satisfies (keyof Sheets)[])
      for (const [kind, url] of Object.entries(sheets[direction] ?? {}))
        found.set(url.href, {
          work: { work: 'compile', platform, direction, kind: kind as DocumentKind },
          name: `${platform} ${direction} ${kind}`,
          platform,
        });
  return found;
};

export const createReload = (options: ReloadOptions): Reload => {
  const { transformer, read, start, swapped, fresh, fixtures } = options;
  let { platforms } = options;
  let { inUse } = options;
  let running: Promise<ReloadReport> | undefined;

  const judge = async (
    candidate: Transformer,
    files: MappingFiles,
    pairs: readonly GoldenCase[],
    next: PlatformLoaders,
  ) => {
    const refused: { name: string; why: string }[] = [];
    const loaded = await Promise.all(Object.values(next).map((load) => load()));
    for (const [href, { work, name }] of sheetsOf(loaded)) {
      if (files.texts[href] === undefined || files.texts[href] === inUse.texts[href]) continue;
      const done = await candidate.run(work);
      if (!done.ok) refused.push({ name, why: done.error });
    }
    for (const { name, work, expected } of pairs) {
      const done = await candidate.run(work);
      if (!done.ok) refused.push({ name, why: done.error });
      else if (expected === undefined || canonical(done.output ?? '') !== canonical(expected))
        refused.push({ name, why: 'the sheet gives another document than the golden pair' });
    }
    return refused;
  };

  const reload = async (): Promise<ReloadReport> => {
    const files = read();
    const changed = changedFiles(inUse, files);
    if (changed.length === 0) return { changed, refused: [], pairs: 0 };
    const code = changed.filter((name) => CONTRACT.test(name));
    if (code.length > 0) {
      const why = 'the program itself changed: let a new one take over';
      return { changed, refused: code.map((name) => ({ name, why })), pairs: 0 };
    }
    const pairs = existsSync(fixtures) ? goldenCases(fixtures, Object.keys(platforms)) : [];
    if (pairs.length === 0)
      return { changed, refused: [{ name: fixtures, why: 'there are no golden pairs to judge by' }], pairs: 0 };
    const tables = changed.filter((name) => !name.endsWith('.xsl'));
    if (tables.length > 0 && fresh === undefined)
      return { changed, refused: tables.map((name) => ({ name, why: 'only sheets can be reloaded here' })), pairs: 0 };
    const candidate = start(files.texts);
    let next = platforms;
    let refused: readonly { name: string; why: string }[];
    try {
      if (tables.length > 0 && fresh !== undefined) next = await fresh();
      refused = await judge(candidate, files, pairs, next);
    } catch (error) {
      refused = [{ name: 'the mappings on disk', why: error instanceof Error ? error.message : String(error) }];
    }
    if (refused.length > 0) {
      await candidate.close();
      return { changed, refused, pairs: pairs.length };
    }
    transformer.swap(candidate);
    inUse = files;
    await swapped(next === platforms ? undefined : next);
    platforms = next;
    return { changed, refused, pairs: pairs.length };
  };

  return () => {
    // One at a time: whoever asks meanwhile gets the same answer.
    running ??= reload().finally(() => {
      running = undefined;
    });
    return running;
  };
};
