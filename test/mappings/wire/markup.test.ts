/** Values in; elements that parse back to them out, whatever is in the values. */
import { describe, expect, it } from 'vitest';
import { element } from '../../../mappings/wire/markup.ts';
import { attributeOf, readXml } from '../../../mappings/wire/xml.ts';

const root = (text: string) => {
  const read = readXml(text);
  if (!read.ok) throw new Error(read.fault.text);
  return read.root;
};

describe('elements of sheet inputs', () => {
  it('leave out what is undefined, and close themselves without content', () => {
    expect(element('a', { b: 1, c: undefined, d: true })).toBe('<a b="1" d="true"/>');
    expect(element('a', { b: '' }, '<c/>')).toBe('<a b=""><c/></a>');
  });

  it('give back every text that XML can hold, line ends and tabs too', () => {
    const text = `a & b < c > d "e" 'f'\n\r\t\u00fc\u{1f600}`;
    expect(attributeOf(root(element('a', { b: text })), 'b')).toBe(text);
  });

  it('lose what XML cannot hold', () => {
    expect(attributeOf(root(element('a', { b: 'x\u0000\u0008\u000b\u000c\u001f\ufffe\uffffy' })), 'b')).toBe('xy');
  });
});
