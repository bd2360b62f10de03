/** XML text in, one line a node out: namespaces resolved, attributes in order, white-space-only text dropped, CDATA as text. */
import { SaxesParser } from 'saxes';

export const canonical = (text: string): string => {
  const lines: string[] = [];
  let depth = 0;
  let pending = '';
  const line = (content: string): void => {
    lines.push(`${'  '.repeat(depth)}${content}`);
  };
  const flush = (): void => {
    if (pending.trim() !== '') line(JSON.stringify(pending));
    pending = '';
  };
  const name = (uri: string, local: string): string => (uri === '' ? local : `{${uri}}${local}`);
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('text', (part) => {
    pending += part;
  });
  parser.on('cdata', (part) => {
    pending += part;
  });
  parser.on('comment', (part) => {
    flush();
    line(`<!--${part}-->`);
  });
  parser.on('processinginstruction', ({ target, body }) => {
    flush();
    line(`<?${target} ${body}?>`);
  });
  parser.on('opentag', (tag) => {
    flush();
    const attributes = Object.values(tag.attributes)
      .filter((one) => one.uri !== 'http://www.w3.org/2000/xmlns/')
      .map((one) => `${name(one.uri, one.local)}=${JSON.stringify(one.value)}`)
      .sort();
    line([`<${name(tag.uri, tag.local)}`, ...attributes].join(' '));
    depth += 1;
  });
  parser.on('closetag', () => {
    flush();
    depth -= 1;
  });
  parser.write(text).close();
  return lines.join('\n');
};
