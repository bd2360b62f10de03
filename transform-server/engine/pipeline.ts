/** Work on one object in, its texts out: the platforms' pure halves and the sheets between them, on whichever thread this runs. */
import { readFile } from 'node:fs/promises';
import { formatDocument, parseDocument } from '../../mappings/generic/documents.ts';
import { joinVm } from '../../mappings/generic/join.ts';
import type { DocumentKind, Documents, Vm } from '../../mappings/generic/model.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import type { Platform, Sheets } from '../../mappings/generic/platform.ts';
import { createTemplateIndexes, PackedMember } from '../store/packed-member.ts';
import { createPacker, type PackedText } from '../store/packed-text.ts';
import { type Folded, foldConstants } from './constant-parts.ts';
import { type Sheet, SheetError, type XsltEngine } from './engine.ts';
import { changeInput, joinsOf, type RawWork, rawInput, type Work, type WorkDone } from './work.ts';

export type PlatformLoaders = Readonly<Record<string, () => Promise<Platform>>>;

export interface Pipeline {
  run(work: Work): Promise<WorkDone>;
  dispose(): void;
}

const asIs = (output: string): string => output;

/** The texts of sheets that were judged, by URL: they stay what they are whatever becomes of the files. */
export type SheetTexts = Readonly<Record<string, string>>;

export const createPipeline = (engine: XsltEngine, loaders: PlatformLoaders, texts: SheetTexts = {}): Pipeline => {
  const textOf = async (url: URL): Promise<string> => texts[url.href] ?? readFile(url, 'utf8');
  const platforms = new Map<string, Promise<Platform>>();
  const sheets = new Map<string, Promise<{ sheet: Sheet; restore: Folded['restore'] }>>();
  const packer = createPacker();
  const indexOf = createTemplateIndexes();

  const platformOf = (name: string): Promise<Platform> => {
    let platform = platforms.get(name);
    if (!platform) {
      const load = Object.hasOwn(loaders, name) ? loaders[name] : undefined;
      if (!load) throw new Error(`no platform ${name}`);
      platform = load();
      platforms.set(name, platform);
      // A file that could not be read a moment ago must not fail every object for the life of the thread.
      platform.catch(() => platforms.delete(name));
    }
    return platform;
  };

  const sheetOf = async (
    platform: Platform,
    direction: keyof Sheets,
    kind: DocumentKind,
  ): Promise<{ sheet: Sheet; restore: Folded['restore'] }> => {
    const key = `${platform.name} ${direction} ${kind}`;
    let sheet = sheets.get(key);
    if (!sheet) {
      const url = platform.sheets[direction]?.[kind];
      if (!url) throw new SheetError(`${platform.name} has no ${direction} sheet for ${kind}`);
      sheet = textOf(url).then(async (text) => {
        // The other engine declares a namespace where it is used, so its parts are no text that can be cut out.
        const { sheet: folded, restore } =
          engine.name === 'libxslt' ? foldConstants(text) : { sheet: text, restore: asIs };
        return { sheet: await engine.compile(folded), restore };
      });
      sheets.set(key, sheet);
      // A sheet that does not compile is tried again when it is asked for again: it may have been mended.
      sheet.catch(() => sheets.delete(key));
    }
    return sheet;
  };

  const transform = async (
    platform: Platform,
    direction: keyof Sheets,
    kind: DocumentKind,
    input: string,
  ): Promise<string> => {
    const { sheet, restore } = await sheetOf(platform, direction, kind);
    return restore(await engine.transform(sheet, input));
  };

  const toGeneric = async (
    name: string,
    native: NativeObject,
  ): Promise<{ text: PackedText; document: Documents[DocumentKind] }> => {
    const platform = await platformOf(name);
    if (!platform.host) throw new Error(`${name} drives no host`);
    const output = await transform(platform, 'toGeneric', native.kind, platform.host.toGenericInput(native));
    // Parsed here, so that a sheet whose output the model does not know fails on this object and not at a reader; formatted again
    // for one spelling.
    const document = parseDocument(native.kind, output);
    const text = packer.pack(`generic ${native.kind}`, formatDocument(native.kind, document as never));
    return { text, document };
  };

  const render = async (work: Extract<Work, { work: 'render' }>): Promise<WorkDone> => {
    const { source } = work;
    const made = 'native' in source ? await toGeneric(work.platform, source.native) : undefined;
    const [kind, document] = 'native' in source ? [source.native.kind, made?.document] : [source.kind, source.generic];
    const platform = await platformOf(work.front.platform);
    const side = platform.render;
    if (!side) throw new Error(`${platform.name} renders nothing`);
    const joins = joinsOf(work.joins);
    if (kind === 'vm') joinVm(document as Vm, joins);
    const input = side.input(kind, document as Documents[DocumentKind], joins, work.front);
    const output = await transform(platform, 'fromGeneric', kind, input);
    const members = side.split(output).map(({ type, id, text }) => {
      const packed = packer.pack(`${platform.name} ${type}`, text);
      return new PackedMember(
        type,
        id,
        packed,
        indexOf(packed, () => side.index(type, text)),
      );
    });
    return { ok: true, members, ...(made ? { generic: made.text } : {}) };
  };

  const change = async (work: Extract<Work, { work: 'change' }>): Promise<WorkDone> => {
    const platform = await platformOf(work.platform);
    const { direction, kind, input } = changeInput(platform, work.change);
    return { ok: true, output: await transform(platform, direction, kind, input) };
  };

  const raw = async (work: RawWork): Promise<WorkDone> => {
    const platform = await platformOf(work.platform);
    const { direction, kind, input } = rawInput(platform, work);
    return { ok: true, output: await transform(platform, direction, kind, input) };
  };

  const run = async (work: Work): Promise<WorkDone> => {
    try {
      switch (work.work) {
        case 'generic':
          return { ok: true, generic: (await toGeneric(work.platform, work.native)).text };
        case 'render':
          return await render(work);
        case 'change':
          return await change(work);
        case 'raw':
          return await raw(work);
        case 'compile':
          await sheetOf(await platformOf(work.platform), work.direction, work.kind);
          return { ok: true };
        default:
          return work satisfies never;
      }
    } catch (error) {
      return { ok: false, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
    }
  };

  return {
    run,
    dispose: () => {
      for (const sheet of sheets.values()) sheet.then((one) => one.sheet.dispose()).catch(() => {});
      sheets.clear();
      engine.dispose();
    },
  };
};
