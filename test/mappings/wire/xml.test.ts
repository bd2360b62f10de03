/** The XML reader at its limits, escaping by what is read back, and the SOAP envelope. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeSoap, envelope } from '../../../mappings/wire/soap.ts';
import {
  attributeOf,
  childOf,
  escapeAttribute,
  escapeText,
  readXml,
  resolveQName,
  type XmlElement,
  XSI_NS,
  xsiTypeOf,
} from '../../../mappings/wire/xml.ts';

const root = (text: string): XmlElement => {
  const read = readXml(text);
  if (!read.ok) throw new Error(read.fault.text);
  return read.root;
};
const refusal = (text: string | Uint8Array, limits = {}): string => {
  const read = readXml(text, limits);
  return read.ok ? 'taken' : read.fault.kind;
};

describe('reading', () => {
  test('resolves namespaces of elements, attributes and values, each in its own scope', () => {
    const tree =
      root(`<a xmlns="urn:one" xmlns:p="urn:two" p:x="1" x="2"><p:b/><c xmlns="" xmlns:p="urn:three"><p:d/></c>
      <e xmlns:i="${XSI_NS}" i:type="p:Some" type="other"/></a>`);
    expect([tree.ns, tree.name]).toEqual(['urn:one', 'a']);
    expect(attributeOf(tree, 'x', 'urn:two')).toBe('1');
    expect(attributeOf(tree, 'x')).toBe('2');
    expect(childOf(tree, 'b')?.ns).toBe('urn:two');
    const c = childOf(tree, 'c') as XmlElement;
    expect([c.ns, c.children[0]?.ns]).toEqual(['', 'urn:three']);
    const e = childOf(tree, 'e') as XmlElement;
    expect(xsiTypeOf(e)).toEqual({ ns: 'urn:two', name: 'Some' });
    expect(attributeOf(e, 'type')).toBe('other');
    expect(resolveQName(e, 'no:Such')).toEqual({ ns: undefined, name: 'Such' });
  });

  test('joins text and CDATA and knows the five entities and character references', () => {
    expect(root('<a>x&lt;&#65;<![CDATA[<&>]]><!-- no --><b>in</b>y</a>').text).toBe('x<A<&>y');
  });

  test.each([
    ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'dtd-refused'],
    ['<!DOCTYPE a SYSTEM "http://h/x.dtd"><a/>', 'dtd-refused'],
    ['<a>&x;</a>', 'malformed'],
    ['<a><b></a>', 'malformed'],
    ['<a/><b/>', 'malformed'],
    ['', 'malformed'],
    ['<a', 'malformed'],
    ['<p:a/>', 'malformed'],
    ['<a p:x="1"/>', 'malformed'],
    ['<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>', 'malformed'],
    ['<a x="1" x="2"/>', 'malformed'],
    ['<?xml version="1.0" encoding="UTF-16"?><a/>', 'encoding'],
    [new Uint8Array([0x3c, 0x61, 0x3e, 0xff, 0xfe, 0x3c, 0x2f, 0x61, 0x3e]), 'encoding'],
  ])('refuses %s', (text, kind) => {
    expect(refusal(text)).toBe(kind);
  });

  test('refuses an entity bomb before it grows', () => {
    const levels = Array.from({ length: 20 }, (_, at) => `<!ENTITY e${at + 1} "&e${at};&e${at};&e${at};">`).join('');
    expect(refusal(`<!DOCTYPE a [<!ENTITY e0 "boom">${levels}]><a>&e20;</a>`)).toBe('dtd-refused');
  });

  test('every limit holds at its edge', () => {
    expect(refusal('<a>12345</a>', { maxBytes: 12 })).toBe('taken');
    expect(refusal('<a>123456</a>', { maxBytes: 12 })).toBe('too-large');
    expect(refusal('<a><b><c/></b></a>', { maxDepth: 3 })).toBe('taken');
    expect(refusal('<a><b><c><d/></c></b></a>', { maxDepth: 3 })).toBe('too-deep');
    expect(refusal('<a><b/><b/></a>', { maxElements: 3 })).toBe('taken');
    expect(refusal('<a><b/><b/><b/></a>', { maxElements: 3 })).toBe('too-many-elements');
    expect(refusal('<a b="" c=""/>', { maxAttributes: 2 })).toBe('taken');
    expect(refusal('<a b="" c="" d=""/>', { maxAttributes: 2 })).toBe('too-many-attributes');
    expect(refusal('<a>12<b/>345</a>', { maxTextBytes: 5 })).toBe('taken');
    expect(refusal('<a>12<b/>3456</a>', { maxTextBytes: 5 })).toBe('text-too-long');
    expect(refusal('<a>'.repeat(100_000))).toBe('too-deep');
  });

  test('names of JavaScript are names like others', () => {
    const tree = root('<__proto__ constructor="1"><toString/></__proto__>');
    expect([tree.name, attributeOf(tree, 'constructor'), tree.children[0]?.name]).toEqual([
      '__proto__',
      '1',
      'toString',
    ]);
  });

  test('any truncation of a document is refused, none hangs or throws', () => {
    const text = '<a xmlns="u" b="c">t<![CDATA[x]]><d e="&amp;"/><!-- c --></a>';
    for (let end = 0; end < text.length; end++)
      expect(refusal(text.slice(0, end)), text.slice(0, end)).toBe('malformed');
  });
});

describe('escaping', () => {
  test('whatever text is written is read back, but for what XML cannot hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const kept = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
        expect(root(`<a>${escapeText(text)}</a>`).text).toBe(kept);
        expect(attributeOf(root(`<a b="${escapeAttribute(text)}"/>`), 'b')).toBe(kept);
      }),
    );
  });

  test('a lone surrogate becomes the replacement character', () => {
    expect(escapeText('a\ud800b\udc00c\u{1f600}')).toBe('a\ufffdb\ufffdc\u{1f600}');
  });
});

describe('SOAP', () => {
  test('the first child of the body is the call, whatever the prefixes', () => {
    const text = `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Header><operationID>op-1</operationID>
      <x S:mustUnderstand="1" xmlns="urn:x"/></S:Header><S:Body> <v:Call xmlns:v="urn:v"/><v:Other xmlns:v="urn:v"/></S:Body></S:Envelope>`;
    const soap = decodeSoap(text);
    expect(soap).toMatchObject({ ok: true, message: { body: { ns: 'urn:v', name: 'Call' }, operation: 'op-1' } });
  });

  test.each(['<a/>', '<Envelope xmlns="urn:x"><Body><a/></Body></Envelope>', envelope('')])('%s is no call', (text) => {
    expect(decodeSoap(text)).toMatchObject({ ok: false, fault: { kind: 'malformed' } });
  });

  test('a reply has no white space inside its body', () => {
    expect(envelope('<X/>')).toMatch(/<soapenv:Body>\n<X\/>\n<\/soapenv:Body>\n<\/soapenv:Envelope>$/);
    expect(decodeSoap(envelope('<X/>'))).toMatchObject({ ok: true, message: { body: { name: 'X' } } });
  });
});

test('a document that is no UTF-8, or ends within a character, changes nothing for the next one', () => {
  const broken = [[0xff], [0xef, 0xbb, 0xbf, 0xe6, 0xbc], [0xe6, 0xbc]].map((bytes) => Uint8Array.from(bytes));
  for (const bytes of broken) {
    expect(readXml(bytes)).toMatchObject({ ok: false, fault: { kind: 'encoding' } });
    expect(readXml(Buffer.from('\ufeff<a>漢</a>'))).toMatchObject({ ok: true, root: { text: '漢' } });
  }
});
