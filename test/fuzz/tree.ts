/** XML text to a tree that can be bent, and back; knows nothing of what is valid. */
import { SaxesParser } from 'saxes';

export interface Node {
  name: string;
  attributes: [name: string, value: string][];
  children: (Node | string)[];
}

export const parseTree = (text: string): Node => {
  const top: Node = { name: '', attributes: [], children: [] };
  const stack = [top];
  const parser = new SaxesParser({ xmlns: false });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', (tag) => {
    const node: Node = { name: tag.name, attributes: Object.entries(tag.attributes), children: [] };
    stack.at(-1)?.children.push(node);
    stack.push(node);
  });
  parser.on('closetag', () => void stack.pop());
  parser.on('text', (piece) => {
    if (stack.length > 1 && piece !== '') stack.at(-1)?.children.push(piece);
  });
  parser.write(text).close();
  const root = top.children.find((child) => typeof child !== 'string');
  if (root === undefined) throw new Error('no root element');
  return root;
};

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? '&quot;');

export const formatTree = ({ name, attributes, children }: Node): string => {
  const head = attributes.map(([key, value]) => ` ${key}="${escaped(value)}"`).join('');
  const inner = children.map((child) => (typeof child === 'string' ? escaped(child) : formatTree(child))).join('');
  return `<${name}${head}>${inner}</${name}>`;
};

/** Every node below this one, with its parent. */
export const nodesOf = (root: Node): readonly { readonly node: Node; readonly parent: Node }[] => {
  const found: { node: Node; parent: Node }[] = [];
  const visit = (parent: Node): void => {
    for (const child of parent.children) {
      if (typeof child === 'string') continue;
      found.push({ node: child, parent });
      visit(child);
    }
  };
  visit(root);
  return found;
};

export const isLeaf = (node: Node): boolean => node.children.every((child) => typeof child === 'string');
export const textOf = (node: Node): string => node.children.filter((child) => typeof child === 'string').join('');
