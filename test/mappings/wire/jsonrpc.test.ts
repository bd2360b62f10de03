/** The JSON-RPC codec: both versions literally, integers unrounded, round trips, bounds, and every prefix of a message. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeCall,
  decodeResponse,
  decodeValue,
  encodeCall,
  encodeFailure,
  encodeResponse,
  encodeValue,
  type JsonRpcCall,
} from '../../../mappings/wire/jsonrpc.ts';
import { struct, WireTime, type WireValue } from '../../../mappings/wire/rpc-value.ts';
import { anyWireValue } from './wire-values.ts';

const refusal = (text: string | Uint8Array, limits = {}): string => {
  const read = decodeCall(text, limits);
  return read.ok ? 'taken' : read.fault.kind;
};

describe('a value', () => {
  test.each<[string, WireValue]>([
    ['9007199254740993', 9007199254740993n],
    ['-1', -1n],
    ['1.0', 1],
    ['100000000000000000000', 1e20],
    ['1e3', 1000],
    ['"a\\u00e9\\n\\"\\/"', 'aé\n"/'],
    ['"\\ud83d\\ude00"', '😀'],
    [' [ ] ', []],
    ['[1, "a" ,null,true,false]', [1n, 'a', null, true, false]],
    ['{}', new Map()],
    ['{"__proto__":{"2":"x"}}', new Map([['__proto__', new Map([['2', 'x']])]])],
  ])('is read: %s', (json, value) => {
    expect(decodeValue(json)).toEqual({ ok: true, value });
  });

  test.each([
    '',
    ' ',
    '01',
    '+1',
    '.5',
    '1.',
    '"a',
    '"\\x"',
    '"\n"',
    '[1,]',
    '[,]',
    '{"a"}',
    '{a:1}',
    '{"a":1,}',
    'nul',
  ])('is refused: %s', (json) => {
    expect(decodeValue(json)).toMatchObject({ ok: false, fault: { kind: 'malformed' } });
  });
  test.each(['nullx', '1 2', '[1]]', 'NaN'])('is refused: %s', (json) => {
    expect(decodeValue(json)).toMatchObject({ ok: false, fault: { kind: 'malformed' } });
  });

  test.each<[WireValue, string]>([
    [2n ** 63n - 1n, '9223372036854775807'],
    [1, '1.0'],
    [0.5, '0.5'],
    [1e21, '1e+21'],
    [Number.NaN, 'null'],
    [new WireTime('20260102T03:04:05Z'), '"20260102T03:04:05Z"'],
    [struct({ a: [], b: 'x"' }), '{"a":[],"b":"x\\""}'],
  ])('is written', (value, json) => {
    expect(encodeValue(value)).toBe(json);
  });

  test('is what any JSON reader says it is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const plain = (wire: WireValue): unknown => {
          if (wire instanceof Map) return Object.fromEntries([...wire].map(([k, v]) => [k, plain(v)]));
          if (Array.isArray(wire)) return wire.map(plain);
          return typeof wire === 'bigint' ? Number(wire) : wire;
        };
        const text = JSON.stringify(value);
        const read = decodeValue(text);
        expect(read.ok && plain(read.value)).toEqual(JSON.parse(text));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a call', () => {
  test('of version 1 and of version 2', () => {
    expect(decodeCall('{"method":"a.b","params":["x"],"id":1}')).toEqual({
      ok: true,
      call: { version: 1, id: 1n, method: 'a.b', params: ['x'] },
    });
    expect(decodeCall('{"jsonrpc":"2.0","method":"a.b","id":"q"}')).toEqual({
      ok: true,
      call: { version: 2, id: 'q', method: 'a.b', params: [] },
    });
  });
  test('an object of parameters is one argument', () => {
    const read = decodeCall('{"jsonrpc":"2.0","method":"a.b","params":{"k":1},"id":2}');
    expect(read.ok && read.call.params).toEqual([new Map([['k', 1n]])]);
  });
  test.each([
    '{"method":"a.b","id":1}',
    '{"method":"a.b","params":{},"id":1}',
    '{"method":"a.b","params":[]}',
    '{"method":"a.b","params":[],"id":null}',
    '{"method":"a.b","params":[],"id":1.5}',
    '{"method":1,"params":[],"id":1}',
    '{"jsonrpc":"1.0","method":"a.b","params":[],"id":1}',
    '{"jsonrpc":"2.0","method":"a.b","params":"x","id":1}',
    '[]',
    '[{"jsonrpc":"2.0","method":"a.b","id":1}]',
  ])('is refused: %s', (json) => {
    expect(refusal(json)).toBe('malformed');
  });
  test('whatever is written is read again', () => {
    const calls = fc.record<JsonRpcCall>({
      version: fc.constantFrom(1, 2),
      id: fc.oneof(fc.string(), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })),
      method: fc.string({ minLength: 1 }),
      params: fc.array(anyWireValue('json'), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(calls, (call) => {
        expect(decodeCall(encodeCall(call))).toEqual({ ok: true, call });
      }),
      { numRuns: 200 },
    );
  });
  test('no prefix of a message is taken', () => {
    const whole = encodeCall({ version: 2, id: 1n, method: 'a.b', params: ['x\n', 1.5, [null, struct({ k: -3n })]] });
    for (let length = 0; length < whole.length; length++) expect(refusal(whole.slice(0, length))).toBe('malformed');
  });
  test.each<[string, string | Uint8Array, object]>([
    ['too-deep', '['.repeat(100_000), {}],
    ['too-deep', '{"a":'.repeat(40), {}],
    ['too-many-values', `{"a":[${'1,'.repeat(20)}1]}`, { maxValues: 20 }],
    ['too-large', '{"method":"a.b","params":[],"id":1}', { maxBytes: 8 }],
    ['encoding', new Uint8Array([0x22, 0xc0, 0x22]), {}],
  ])('%s', (kind, text, limits) => {
    expect(refusal(text, limits)).toBe(kind);
  });
});

describe('a response', () => {
  const failure = { code: 1n, message: 'CODE', data: ['p1', ''] };
  test('has the shape of its version', () => {
    expect(encodeResponse({ version: 1, id: 3n }, 'v')).toBe('{"result":"v","error":null,"id":3}');
    expect(encodeResponse({ version: 2, id: 'x' }, [])).toBe('{"jsonrpc":"2.0","result":[],"id":"x"}');
    expect(encodeFailure({ version: 1, id: 3n }, failure)).toBe('{"result":null,"error":["CODE","p1",""],"id":3}');
    expect(encodeFailure({ version: 2, id: 3n }, failure)).toBe(
      '{"jsonrpc":"2.0","error":{"code":1,"message":"CODE","data":["p1",""]},"id":3}',
    );
  });
  test.each([1, 2] as const)('of version %s is read again', (version) => {
    const head = { version, id: 9n };
    expect(decodeResponse(encodeFailure(head, failure))).toEqual({ ok: true, response: { ...head, failure } });
    fc.assert(
      fc.property(anyWireValue('json'), (value) => {
        expect(decodeResponse(encodeResponse(head, value))).toEqual({ ok: true, response: { ...head, value } });
      }),
      { numRuns: 100 },
    );
  });
  test.each(['{"id":1}', '{"jsonrpc":"2.0","error":["A"],"id":1}', '{"error":{"code":1},"id":1}'])(
    'is refused: %s',
    (json) => {
      expect(decodeResponse(json)).toMatchObject({ ok: false, fault: { kind: 'malformed' } });
    },
  );
});
