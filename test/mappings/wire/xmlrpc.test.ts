/** The XML-RPC codec: what it takes and writes literally, round trips, bounds, and every prefix of a message. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatTime, parseTime, struct, WireTime, type WireValue } from '../../../mappings/wire/rpc-value.ts';
import {
  decodeCall,
  decodeResponse,
  encodeCall,
  encodeFault,
  encodeResponse,
  encodeValue,
  formatDouble,
} from '../../../mappings/wire/xmlrpc.ts';
import { anyWireValue } from './wire-values.ts';

const call = (value: string): string =>
  `<methodCall><methodName>m</methodName><params><param>${value}</param></params></methodCall>`;
const taken = (value: string): WireValue | undefined => {
  const read = decodeCall(call(value));
  if (!read.ok) throw new Error(read.fault.text);
  return read.call.params[0];
};
const refusal = (text: string | Uint8Array, limits = {}): string => {
  const read = decodeCall(text, limits);
  return read.ok ? 'taken' : read.fault.kind;
};

describe('a value', () => {
  test.each<[string, WireValue]>([
    ['<value>42</value>', '42'],
    ['<value></value>', ''],
    ['<value/>', ''],
    ['<value><string></string></value>', ''],
    ['<value><string/></value>', ''],
    ['<value><string> a </string></value>', ' a '],
    ['<value>  </value>', '  '],
    ['<value>\n <string>x</string>\n</value>', 'x'],
    ['<value>a&lt;<![CDATA[<&>]]>&#233;</value>', 'a<<&>é'],
    ['<value><nil/></value>', null],
    ['<value><int>7</int></value>', 7n],
    ['<value><i4>-7</i4></value>', -7n],
    ['<value><i8>9223372036854775807</i8></value>', 9223372036854775807n],
    ['<value><double>1</double></value>', 1],
    ['<value><double> -2.5e3 </double></value>', -2500],
    ['<value><double>nan</double></value>', Number.NaN],
    ['<value><boolean>1</boolean></value>', true],
    ['<value><boolean>0</boolean></value>', false],
    ['<value><boolean>true</boolean></value>', false],
    ['<value><dateTime.iso8601>20260102T03:04:05Z</dateTime.iso8601></value>', new WireTime('20260102T03:04:05Z')],
    ['<value><array><data/></array></value>', []],
    ['<value><array><data><value>a</value><value><int>1</int></value></data></array></value>', ['a', 1n]],
    ['<value><struct/></value>', new Map()],
    [
      '<value><struct><member><name>__proto__</name><value>x</value></member><member><value/><name>2</name></member></struct></value>',
      new Map([
        ['__proto__', 'x'],
        ['2', ''],
      ]),
    ],
  ])('is read: %s', (xml, value) => {
    expect(taken(xml)).toEqual(value);
  });

  test.each([
    '<value><int>1.5</int></value>',
    '<value><int></int></value>',
    '<value><i8>9223372036854775808</i8></value>',
    '<value><double>0x10</double></value>',
    '<value><double></double></value>',
    '<value><base64>AA==</base64></value>',
    '<value>a<int>1</int></value>',
    '<value><int>1</int><int>2</int></value>',
    '<value><array/></value>',
    '<value><array><data/><data/></array></value>',
    '<value><struct><member><value>1</value></member></struct></value>',
    '<value><struct><member><name>a</name></member></struct></value>',
    '<value><struct>text</struct></value>',
    '<string>x</string>',
    '',
    '<value/><value/>',
  ])('is refused: %s', (xml) => {
    expect(refusal(call(xml))).toBe('malformed');
  });

  test.each<[WireValue, string]>([
    ['', '<value></value>'],
    ['a<b>&"\u0001\ud800', '<value>a&lt;b&gt;&amp;&quot;</value>'],
    [true, '<value><boolean>1</boolean></value>'],
    [1, '<value><double>1</double></value>'],
    [1n, '<value><i4>1</i4></value>'],
    [2n ** 53n + 1n, '<value><i8>9007199254740993</i8></value>'],
    [null, '<value><nil/></value>'],
    [[], '<value><array><data></data></array></value>'],
    [struct({ a: 'b' }), '<value><struct><member><name>a</name><value>b</value></member></struct></value>'],
    [new WireTime('19700101T00:00:00Z'), '<value><dateTime.iso8601>19700101T00:00:00Z</dateTime.iso8601></value>'],
  ])('is written', (value, xml) => {
    expect(encodeValue(value)).toBe(xml);
  });

  test.each<[number, string]>([
    [1, '1'],
    [0, '0'],
    [0.1, '0.1'],
    [0.1 + 0.2, '0.3'],
    [1 / 3, '0.3333333333333333'],
    [-2.5, '-2.5'],
    [123456789.125, '123456789.125'],
    [1e15, '1000000000000000'],
    [1e16, '1e+16'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1.5e300, '1.5e+300'],
    [Number.POSITIVE_INFINITY, 'inf'],
  ])('a double has 16 digits: %s', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });
});

describe('a message', () => {
  test('a call without parameters', () => {
    expect(decodeCall('<methodCall><methodName> a.b </methodName></methodCall>')).toEqual({
      ok: true,
      call: { method: 'a.b', params: [] },
    });
  });
  test('whatever is written is read again', () => {
    fc.assert(
      fc.property(fc.array(anyWireValue('xml'), { maxLength: 4 }), (params) => {
        expect(decodeCall(encodeCall('a.b', params))).toEqual({ ok: true, call: { method: 'a.b', params } });
        expect(decodeResponse(encodeResponse(params))).toEqual({ ok: true, response: { value: params } });
      }),
      { numRuns: 200 },
    );
  });
  test('a fault is read again', () => {
    const fault = { code: 4n, text: 'no <such>' };
    expect(decodeResponse(encodeFault(fault))).toEqual({ ok: true, response: { fault } });
  });
  test('no prefix of a message is taken', () => {
    const whole = encodeCall('a.b', ['x', 1n, [true, struct({ k: null })], new WireTime('20260102T03:04:05Z')]);
    for (let length = 0; length < whole.length; length++) expect(refusal(whole.slice(0, length))).toBe('malformed');
  });
  test('no byte changed brings more than a refusal', () => {
    const bytes = Buffer.from(encodeResponse(['x', 1n, struct({ k: 2.5 })]));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = Buffer.from(bytes);
        changed[at] = byte;
        expect(decodeResponse(changed)).toHaveProperty('ok');
      }),
      { numRuns: 300 },
    );
  });

  const nested = (depth: number): string =>
    call(`${'<value><array><data>'.repeat(depth)}<value/>${'</data></array></value>'.repeat(depth)}`);
  test.each<[string, string | Uint8Array, object]>([
    ['malformed', '', {}],
    ['malformed', '<methodResponse/>', {}],
    ['malformed', '<methodCall/>', {}],
    ['malformed', '<methodCall><methodName/></methodCall>', {}],
    ['malformed', '<a/>', {}],
    ['malformed', call('<value>&nbsp;</value>'), {}],
    ['dtd-refused', `<!DOCTYPE a [<!ENTITY x "y">]>${call('<value>&x;</value>')}`, {}],
    ['encoding', `<?xml version="1.0" encoding="UTF-16"?>${call('<value/>')}`, {}],
    ['encoding', new Uint8Array([0x3c, 0xff, 0xfe]), {}],
    ['too-large', call('<value/>'), { maxBytes: 10 }],
    ['taken', nested(31), {}],
    ['too-deep', nested(32), {}],
    ['too-deep', nested(4_000), {}],
    ['too-many-values', call(`<value><array><data>${'<value/>'.repeat(11)}</data></array></value>`), { maxValues: 11 }],
  ])('%s', (kind, text, limits) => {
    expect(refusal(text, limits)).toBe(kind);
  });
});

describe('a time', () => {
  test.each<[string, number | undefined]>([
    ['19700101T00:00:00Z', 0],
    ['20260102T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['20260102T03:04:05', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05.250+02:00', Date.UTC(2026, 0, 2, 1, 4, 5, 250)],
    ['20260102T03:04:05-0130', Date.UTC(2026, 0, 2, 4, 34, 5)],
    ['20260102T03:04:05+01', Date.UTC(2026, 0, 2, 2, 4, 5)],
    ['20260230T00:00:00Z', undefined],
    ['20261301T00:00:00Z', undefined],
    ['yesterday', undefined],
    ['', undefined],
  ])('%s', (text, ms) => {
    expect(parseTime(text)).toBe(ms);
  });
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
        expect(parseTime(formatTime(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });
});
