/** Golden pairs and the sheets of a transformer in, whether each still comes out and why not, out. */
import type { DocumentKind } from '../../mappings/generic/model.ts';
import type { Platform, Sheets } from '../../mappings/generic/platform.ts';
import { canonical } from './canonical.ts';
import type { GoldenCase } from './golden-cases.ts';
import type { Transformer, Urgency } from './transformer.ts';
import type { RawWork } from './work.ts';

export interface Verdict {
  readonly name: string;
  /** undefined: the sheet gives what the pair says. */
  readonly why?: string;
}

/** One platform's sheet: which way it turns what kind of document. */
export interface SheetPlace {
  readonly platform: string;
  readonly direction: keyof Sheets;
  readonly kind: DocumentKind;
}

export const DIRECTIONS = ['toGeneric', 'fromGeneric', 'toHost'] as const satisfies (keyof Sheets)[];

const FOLDERS = { toGeneric: 'to-generic', fromGeneric: 'from-generic', toHost: 'to-host' } as const;
/** Below the program's folder. */
export const sheetPath = ({ platform, direction, kind }: SheetPlace): string =>
  `mappings/${platform}/${FOLDERS[direction]}/${kind}.xsl`;
export const sheetId = ({ platform, direction, kind }: SheetPlace): string =>
  `${platform}.${FOLDERS[direction]}.${kind}`;

/** Every sheet of every platform, by URL. */
export const sheetPlaces = (platforms: readonly Platform[]): Map<string, SheetPlace> => {
  const found = new Map<string, SheetPlace>();
  for (const { name: platform, sheets } of platforms)
    for (const direction of DIRECTIONS)
      for (const [kind, url] of Object.entries(sheets[direction] ?? {}))
        found.set(url.href, { platform, direction, kind: kind as DocumentKind });
  return found;
};

/** The sheet that a pair judges. */
export const placeOf = ({ platform, source }: RawWork, sheets: Sheets): SheetPlace => {
  if ('change' in source)
    return { platform, direction: sheets.toHost === undefined ? 'fromGeneric' : 'toHost', kind: source.change.kind };
  if ('native' in source) return { platform, direction: 'toGeneric', kind: source.native.kind };
  return { platform, direction: 'fromGeneric', kind: source.kind };
};

const FAR = 4;

export const judged = async (
  candidate: Pick<Transformer, 'run'>,
  { name, work, expected }: GoldenCase,
  urgency: Urgency = 'now',
): Promise<Verdict> => {
  const done = await candidate.run(work, urgency);
  if (!done.ok) return { name, why: done.error };
  const output = done.output ?? '';
  // What a sheet that nobody has judged may give: not read where it cannot be the same.
  const isFar = expected === undefined || output.length > FAR * (expected.length + 1000);
  if (isFar || canonical(output) !== canonical(expected))
    return { name, why: 'the sheet gives another document than the golden pair' };
  return { name };
};
