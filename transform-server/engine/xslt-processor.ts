/** Sheets and documents as text in, output text out: the pure-JavaScript engine, for a Node without JSPI. */
import { XmlParser, Xslt } from 'xslt-processor';
import {
  checkInput,
  checkSheet,
  checkWellFormed,
  type Sheet,
  SheetError,
  trimOutput,
  type XsltEngine,
} from './engine.ts';

type ParsedDocument = ReturnType<XmlParser['xmlParse']>;

interface ProcessorSheet extends Sheet {
  document: ParsedDocument | undefined;
}

/** What the serialiser needs of the package's nodes. */
interface OutputNode {
  readonly nodeType: number;
  readonly nodeName: string | null;
  readonly nodeValue: string | null;
  readonly siblingPosition: number;
  readonly childNodes: readonly OutputNode[];
  readonly firstChild?: OutputNode | null;
  readonly nextSibling?: OutputNode | null;
}

const refuseLoading = async (uri: string): Promise<string> => {
  throw new SheetError(`loading is refused: ${uri}`);
};

const NAMED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
  '\n': '&#10;',
  '\t': '&#9;',
};
const escapeText = (text: string): string => text.replace(/[&<>\r]/g, (c) => NAMED[c] ?? c);
const escapeAttribute = (text: string): string => text.replace(/[&<>"\r\n\t]/g, (c) => NAMED[c] ?? c);

const childrenOf = (node: OutputNode): OutputNode[] => {
  const children: OutputNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children.length > 0 ? children : [...node.childNodes];
};

/**
 * The package's own serialiser (5.1.2) is not used: it writes the text `&amp;` (a literal in a VM's note) as `&`, so text that was
 * escaped twice comes back escaped once.
 */
const serialise = (node: OutputNode, out: string[]): void => {
  switch (node.nodeType) {
    case 1: {
      const children = childrenOf(node);
      out.push('<', node.nodeName ?? '');
      for (const child of children)
        if (child.nodeType === 2)
          out.push(' ', child.nodeName ?? '', '="', escapeAttribute(child.nodeValue ?? ''), '"');
      const content = children
        .filter((child) => child.nodeType !== 2)
        .sort((a, b) => a.siblingPosition - b.siblingPosition);
      const before = out.push('>');
      for (const child of content) serialise(child, out);
      if (out.length === before) out[before - 1] = '/>';
      else out.push('</', node.nodeName ?? '', '>');
      return;
    }
    case 3:
    case 4:
      if (node.nodeValue) out.push(escapeText(node.nodeValue));
      return;
    case 7:
      out.push(`<?${node.nodeName} ${node.nodeValue ?? ''}?>`);
      return;
    case 8:
      out.push(`<!--${node.nodeValue ?? ''}-->`);
      return;
    default:
      for (const child of childrenOf(node).sort((a, b) => a.siblingPosition - b.siblingPosition)) serialise(child, out);
  }
};

export const createXsltProcessor = (): XsltEngine => ({
  name: 'xslt-processor',
  memoryBytes: 0,
  compile: async (text) => {
    checkSheet(text);
    const sheet: ProcessorSheet = {
      engine: 'xslt-processor',
      document: new XmlParser().xmlParse(text),
      dispose: () => {
        sheet.document = undefined;
      },
    };
    return sheet;
  },
  transform: async (given, input, params) => {
    const sheet = given as ProcessorSheet;
    if (sheet.engine !== 'xslt-processor') throw new Error(`sheet of ${sheet.engine}`);
    if (!sheet.document) throw new Error('sheet is disposed');
    checkInput(input);
    // xslt-processor 5.1.2 reads `<a><b></a>` without complaint.
    checkWellFormed(input);
    // Every option is named: a partial object takes away the defaults of the others.
    const xslt = new Xslt({
      cData: true,
      escape: true,
      selfClosingTags: true,
      outputMethod: 'xml',
      fetchFunction: refuseLoading,
      parameters: Object.entries(params ?? {}).map(([name, value]) => ({ name, value })),
    });
    try {
      const document = await xslt.xsltProcessToDocument(new XmlParser().xmlParse(input), sheet.document);
      const out: string[] = [];
      serialise(document as unknown as OutputNode, out);
      return trimOutput(out.join(''));
    } catch (error) {
      if (error instanceof SheetError) throw error;
      throw new SheetError(`transform failed: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  },
  dispose: () => {},
});
