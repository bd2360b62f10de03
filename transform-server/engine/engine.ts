/** An XSLT 1.0 engine: sheet text and input text in, output text out. What every engine must refuse is refused here, once. */
import { SaxesParser } from 'saxes';

/** A compiled sheet of one engine; `dispose` frees what it holds. */
export interface Sheet {
  readonly engine: string;
  dispose(): void;
}

/** Session facts for a sheet's top-level parameters; always strings. */
export type SheetParams = Readonly<Record<string, string>>;

export interface XsltEngine {
  readonly name: string;
  /** Memory held outside the JavaScript heap; 0 when there is none. */
  readonly memoryBytes: number;
  /** Throws SheetError for a sheet that does not compile or that reaches outside itself. */
  compile(sheetText: string): Promise<Sheet>;
  /** Output without XML declaration and without white space around the root. Throws SheetError. */
  transform(sheet: Sheet, inputText: string, params?: SheetParams): Promise<string>;
  dispose(): void;
}

/** A sheet or its input is wrong: our bug, or a host's document that is no XML. */
export class SheetError extends Error {
  override readonly name = 'SheetError';
}

/** The largest input and output of a sheet, in UTF-16 units: a VM document is a few KB, a host with everything below 1 MB. */
const SHEET_LIMIT = 16 * 1024 * 1024;

const XSLT = 'http://www.w3.org/1999/XSL/Transform';

/** The prolog of a document: declaration, comments, processing instructions. A DOCTYPE can stand nowhere but after it. */
const PROLOG = /^\uFEFF?(?:\s+|<\?(?:(?!\?>)[\s\S])*\?>|<!--(?:(?!-->)[\s\S])*-->)*/;

/** Refuses DTDs (so no entity can be declared), NUL and texts without measure. */
export const checkInput = (text: string): void => {
  if (text.length > SHEET_LIMIT)
    throw new SheetError(`document of ${text.length} characters is over the limit of ${SHEET_LIMIT}`);
  const start = PROLOG.exec(text)?.[0].length ?? 0;
  if (/^<!doctype/i.test(text.slice(start, start + 9))) throw new SheetError('document type declarations are refused');
  if (text.includes('\0')) throw new SheetError('NUL in document');
};

/** For engines that read what is not well-formed without complaint. */
export const checkWellFormed = (text: string): void => {
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw new SheetError(`input is not well-formed: ${error.message}`);
  });
  parser.write(text).close();
};

/** Elements by which a sheet would read or write something that is not its input, by local name in the XSLT namespace. */
const REACHING = new Set([
  'import',
  'include',
  'document',
  'result-document',
  'source-document',
  'use-package',
  'evaluate',
]);

/** Refuses sheets that load or write anything: imports, document(), extension elements. The sheets are ours; a swapped one may not be. */
export const checkSheet = (text: string): void => {
  checkInput(text);
  const parser = new SaxesParser({ xmlns: true });
  let root = true;
  parser.on('error', (error) => {
    throw new SheetError(`sheet is not well-formed: ${error.message}`);
  });
  parser.on('opentag', (tag) => {
    if (root && (tag.uri !== XSLT || (tag.local !== 'stylesheet' && tag.local !== 'transform')))
      throw new SheetError('the root of a sheet is xsl:stylesheet');
    root = false;
    if (tag.uri === XSLT && REACHING.has(tag.local)) throw new SheetError(`xsl:${tag.local} is refused`);
    for (const attribute of Object.values(tag.attributes)) {
      if (attribute.local === 'extension-element-prefixes') throw new SheetError('extension elements are refused');
      if (/(^|[^\w.-])(document|unparsed-text|doc|evaluate|collection)\s*\(/.test(attribute.value))
        throw new SheetError(`a function that reaches outside the sheet is refused: ${attribute.value}`);
    }
  });
  parser.write(text).close();
};

/** Without declaration and outer white space: the one point where engines differ in every output. */
export const trimOutput = (text: string): string => {
  if (text.length > SHEET_LIMIT)
    throw new SheetError(`output of ${text.length} characters is over the limit of ${SHEET_LIMIT}`);
  return text.replace(/^\uFEFF?\s*(?:<\?xml(?:(?!\?>)[\s\S])*\?>)?\s*/, '').trimEnd();
};

/** JSPI (WebAssembly JavaScript Promise Integration): on by default on Node 26, behind a flag on 24. */
export const hasJspi = (): boolean => {
  const { WebAssembly } = globalThis as unknown as { WebAssembly?: object };
  return WebAssembly !== undefined && 'promising' in WebAssembly && 'Suspending' in WebAssembly;
};

/** For the whole thread: what is asked for beyond that, an engine in WebAssembly is told there is not. */
export const limitEngineMemory = (mb: number, exhausted: () => void): void => {
  const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: GrowingMemory } } }).WebAssembly
    .Memory;
  const { grow } = prototype;
  prototype.grow = function (this: GrowingMemory, pages: number): number {
    if (this.buffer.byteLength + pages * 65_536 > mb * 1024 * 1024) {
      exhausted();
      throw new RangeError('no more memory');
    }
    return grow.call(this, pages);
  };
};
interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export type EngineName = 'libxslt' | 'xslt-processor';

/** libxslt where JSPI exists, the pure-JavaScript engine elsewhere or when asked for by name. */
export const chooseEngine = async (
  name: EngineName = hasJspi() ? 'libxslt' : 'xslt-processor',
): Promise<XsltEngine> => {
  switch (name) {
    case 'libxslt':
      return (await import('./libxslt.ts')).createLibxslt();
    case 'xslt-processor':
      return (await import('./xslt-processor.ts')).createXsltProcessor();
    default:
      return name satisfies never;
  }
};
