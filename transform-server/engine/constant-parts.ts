/** A sheet in; the same sheet with its constant parts taken out, and the function that puts them back into its output. */
import { hash } from 'node:crypto';

/*
 * Much of what a from-generic sheet writes is the same in every document. An engine makes nodes of it each time and writes them out
 * again; put back as text it costs nothing. A part is a run of literal elements without instructions, attribute value templates,
 * references or namespaces of their own. It is taken out only where the output goes straight to the result and an element of the
 * sheet stands around it, which carries the namespace declarations.
 */

export interface Folded {
  readonly sheet: string;
  restore(output: string): string;
}

interface Node {
  readonly name: string;
  readonly attributes: string;
  readonly start: number;
  readonly parent: Node | undefined;
  openEnd: number;
  closeStart: number;
  end: number;
  readonly children: Node[];
  /** Text of its own that counts, a comment, CDATA: anything but elements and white space. */
  mixed: boolean;
}

const TOKEN =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<(\/?)([^\s/>]+)((?:[^>"']|"[^"]*"|'[^']*')*?)(\/?)>/g;

const read = (text: string): Node | undefined => {
  let root: Node | undefined;
  let open: Node | undefined;
  let last = 0;
  for (const token of text.matchAll(TOKEN)) {
    const at = token.index;
    if (open !== undefined && /\S/.test(text.slice(last, at))) open.mixed = true;
    last = at + token[0].length;
    const [, slash, name, attributes = '', empty] = token;
    if (name === undefined) {
      if (open !== undefined) open.mixed = true;
    } else if (slash === '/') {
      if (open === undefined) return undefined;
      open.closeStart = at;
      open.end = last;
      open = open.parent;
    } else {
      const node: Node = {
        name,
        attributes,
        start: at,
        parent: open,
        openEnd: last,
        closeStart: last,
        end: last,
        children: [],
        mixed: false,
      };
      if (open === undefined) root ??= node;
      else open.children.push(node);
      if (empty !== '/') open = node;
    }
  }
  return open === undefined ? root : undefined;
};

const isLiteral = ({ name }: Node): boolean => !name.includes(':');
const ATTRIBUTES = /^(?:\s+(?!xmlns[:=]|xsl:|xml:)[\w.-]+(?::[\w.-]+)?="[^"<>&{}\n\t\r]*")*\s*$/;

/** The text of a constant element as an engine writes it; undefined: it is none. */
const constant = (text: string, node: Node): string | undefined => {
  if (!isLiteral(node) || !ATTRIBUTES.test(node.attributes)) return undefined;
  const attributes = node.attributes.trim().replace(/"\s+/g, '" ');
  const open = `<${node.name}${attributes === '' ? '' : ` ${attributes}`}`;
  let inner = '';
  if (node.children.length === 0) {
    inner = text.slice(node.openEnd, node.closeStart);
    if (/[<>&\r]/.test(inner)) return undefined;
    if (!/\S/.test(inner)) inner = '';
  } else {
    if (node.mixed) return undefined;
    for (const child of node.children) {
      const one = constant(text, child);
      if (one === undefined) return undefined;
      inner += one;
    }
  }
  return inner === '' ? `${open}/>` : `${open}>${inner}</${node.name}>`;
};

/** Instructions whose content is looked at again, or is no element of the result. */
const KEPT = new Set([
  'variable',
  'param',
  'with-param',
  'attribute',
  'attribute-set',
  'comment',
  'processing-instruction',
  'message',
  'key',
  'sort',
]);
const CALLS = new Set(['call-template', 'apply-templates', 'apply-imports']);

const some = (node: Node, test: (node: Node) => boolean): boolean =>
  test(node) || node.children.some((child) => some(child, test));

export const foldConstants = (text: string): Folded => {
  const unchanged: Folded = { sheet: text, restore: (output) => output };
  const root = read(text);
  const xsl = root?.name.replace(/:?[^:]*$/, '');
  if (root === undefined || xsl === undefined || xsl === '' || /\sxml:space\s*=/.test(text)) return unchanged;
  const instruction = ({ name }: Node): string => (name.startsWith(`${xsl}:`) ? name.slice(xsl.length + 1) : '');
  const captures = (node: Node): boolean =>
    KEPT.has(instruction(node)) && node.children.some((child) => some(child, (one) => CALLS.has(instruction(one))));
  // What a template writes may land in a variable.
  if (some(root, captures)) return unchanged;
  const templates = root.children.filter((child) => instruction(child) === 'template');
  // Where processing starts: at the root, by a pattern that matches nothing else. Whatever runs then runs below what it writes.
  const entries = templates.filter(({ attributes }) => /\smatch\s*=\s*(["'])\/(?:[\w-]+|\*)?\1/.test(attributes));
  const entry = entries.length === 1 ? entries[0] : undefined;
  const outermost = entry?.children.filter((child) => !KEPT.has(instruction(child))) ?? [];
  const surrounded = entry !== undefined && !entry.mixed && outermost.length === 1 && outermost.every(isLiteral);

  const mark = `constant-${hash('sha1', text).slice(0, 12)}`;
  const parts: string[] = [];
  const edits: { from: number; to: number; put: string }[] = [];
  const fold = (node: Node, within: boolean): void => {
    if (KEPT.has(instruction(node))) return;
    const inside = within || isLiteral(node);
    let run: { from: number; to: number; text: string } | undefined;
    const take = (): void => {
      // An empty element alone costs as much as what would stand for it.
      if (run?.text.includes('</')) {
        edits.push({ from: run.from, to: run.to, put: `<${mark}-${parts.length}/>` });
        parts.push(run.text);
      }
      run = undefined;
    };
    for (const child of node.children) {
      const one = inside && !node.mixed ? constant(text, child) : undefined;
      if (one === undefined) {
        take();
        fold(child, inside);
      } else if (run === undefined) run = { from: child.start, to: child.end, text: one };
      else run = { from: run.from, to: child.end, text: run.text + one };
    }
    take();
  };
  for (const template of templates) fold(template, surrounded && template !== entry);
  if (parts.length === 0) return unchanged;
  let sheet = '';
  let at = 0;
  for (const { from, to, put } of edits) {
    sheet += text.slice(at, from) + put;
    at = to;
  }
  sheet += text.slice(at);
  const begin = `<${mark}-`;
  const restore = (output: string): string => {
    let out = '';
    let from = 0;
    for (let place = output.indexOf(begin); place >= 0; place = output.indexOf(begin, from)) {
      const end = output.indexOf('/>', place);
      out += output.slice(from, place) + (parts[Number(output.slice(place + begin.length, end))] ?? '');
      from = end + 2;
    }
    return out + output.slice(from);
  };
  return { sheet, restore };
};
