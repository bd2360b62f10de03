/** Sheets and words that a client said or was told in; the lines of the sheets that write elements of such names out. Found by name alone. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface SheetLine {
  /** The element, as clients know the field. */
  readonly field: string;
  /** `mappings/PLATFORM/FOLDER/KIND.xsl`. */
  readonly sheet: string;
  readonly line: number;
  readonly text: string;
}

export interface FieldLine extends SheetLine {
  /** Where the generic field comes from that this one is made of. */
  readonly from?: SheetLine;
}

const WRITTEN = /<(?:xsl:element name=")?([A-Za-z_][\w.-]*)(?=[\s"/>])/g;
const GENERIC = /select="(?:\/in\/)?(?:vm|host|storage|network|volume)\/([A-Za-z]\w*)/;
const LINE_TEXT = 300;
const FIELDS = 100;

const pathOf = (sheet: URL): string => `mappings/${fileURLToPath(sheet).split('/mappings/').at(-1)}`;

/** The first line that writes each element of a sheet. */
const linesOf = (sheet: URL): Map<string, SheetLine> => {
  const found = new Map<string, SheetLine>();
  // On disk it may be gone, while it is in use.
  if (!existsSync(sheet)) return found;
  const path = pathOf(sheet);
  for (const [at, text] of readFileSync(sheet, 'utf8').split('\n').entries())
    for (const [, field = ''] of text.matchAll(WRITTEN))
      if (!found.has(field))
        found.set(field, { field, sheet: path, line: at + 1, text: text.trim().slice(0, LINE_TEXT) });
  return found;
};

/** `rendering` makes the client's document of the generic one, `reading` the generic one of the host's. */
export const fieldLines = (rendering: URL, reading: URL | undefined, said: string): readonly FieldLine[] => {
  const words = new Set(said.match(/[A-Za-z_][\w-]*/g));
  const generic = reading === undefined ? undefined : linesOf(reading);
  const fields: FieldLine[] = [];
  for (const one of linesOf(rendering).values()) {
    if (!words.has(one.field) || fields.length >= FIELDS) continue;
    // Of a line with several elements the select behind this one counts.
    const after = one.text.slice(one.text.indexOf(`<${one.field}`));
    const from = generic?.get(GENERIC.exec(after)?.[1] ?? '');
    fields.push(from === undefined ? one : { ...one, from });
  }
  return fields;
};
