/** Documents as spans: what a reader of offsets may get wrong is CDATA, comments, quotes and prefixes. */
import { describe, expect, test } from 'vitest';
import {
  attribute,
  child,
  children,
  parseSpans,
  path,
  source,
  splice,
  textOf,
} from '../../../mappings/libvirt/spans.ts';

describe('spans', () => {
  const text = `<?xml version="1.0"?><!-- <a> --><a x='1>2' y = "it's"><b>one &amp; <![CDATA[<two>]]><!-- <c/> --></b><p:b xmlns:p='u'/><b z=''/></a>`;
  const root = parseSpans(text);

  test('values may hold > and the other quote', () => {
    expect(attribute(text, root, 'x')).toBe('1>2');
    expect(attribute(text, root, 'y')).toBe("it's");
    expect(attribute(text, root, 'z')).toBeUndefined();
  });

  test('comments and CDATA hide no elements and make none', () => {
    expect(root.children.map(({ name }) => name)).toEqual(['b', 'p:b', 'b']);
    expect(textOf(text, child(root, 'b'))).toBe('one & <two>');
    expect(source(text, children(root, 'b')[1] as never)).toBe("<b z=''/>");
  });

  test('a path ends where an element is missing', () => {
    expect(path(root, 'b', 'c')).toBeUndefined();
    expect(textOf(text, path(root, 'q'))).toBe('');
  });

  test('edits keep what is around them', () => {
    const b = child(root, 'b') as NonNullable<typeof root>;
    expect(splice(text, [{ from: b.openEnd, to: b.closeStart, put: 'x' }])).toContain('<b>x</b><p:b');
  });

  test.each(['', '<a>', '<a></b>', '<a/><b/>', '<a x="1>', '<a x=1>', '<!DOCTYPE a><a/>', '<a><!-- </a>'])(
    'refuses %j',
    (broken) => {
      expect(() => parseSpans(broken)).toThrow(/native document/);
    },
  );
});
