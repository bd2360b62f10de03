/** A request in, the bytes of a bent one in one of the three encodings out: wrong values, wrong structure, wrong bytes. */
import { parseRef } from '../../mappings/xenapi/ids.ts';
import { bendBytes } from './bend-bytes.ts';
import type { Dice } from './dice.ts';
import type { XenEstate } from './xenapi-estate.ts';
import { Float, type Request, type Value } from './xenapi-seeds.ts';

export type Mutation = 'value' | 'structure' | 'bytes' | 'bomb';
export interface Bent {
  readonly body: Buffer;
  readonly kind: Mutation;
  readonly path: string;
}

const NUMBERS: readonly Value[] = [
  0,
  -1,
  1,
  2,
  7,
  64,
  65536,
  2 ** 31,
  -(2 ** 31),
  2 ** 53,
  '9223372036854775807',
  '9223372036854775808',
  '1e308',
  'NaN',
  '-0',
  '007',
  '0x10',
  '99999999999999999999999',
  new Float(1.5),
  new Float(-0.25),
  new Float(1e300),
];
const TEXTS: readonly string[] = [
  '',
  ' ',
  'OpaqueRef:',
  'OpaqueRef:NULL',
  'OpaqueRef:00000000-0000-8000-8000-000000000000',
  'Ref:0',
  'null',
  'true',
  '../../../etc/passwd',
  "'; DROP TABLE vm; --",
  '<x/>&amp;]]>',
  '"quotes"',
  '%s%n',
  '{0}',
  'a'.repeat(300),
  'b'.repeat(20_000),
  'Zoë 東京 🙂 \u202e',
  '\ud83d\ude00'.repeat(40),
  '__proto__',
  'constructor',
  'toString',
  '19700101T00:00:00Z',
  '2024-13-45T99:99:99',
  'autodetect',
  'field "uuid" = "',
  'not not not true',
  '(((((((',
  'vm',
  '*',
  'task/OpaqueRef:x',
  '00000000000000000000,00000000000000000000',
  '99999999999999999999,1',
  ',',
  '-1,-1',
];

type Place = { readonly holder: Value[] | { [key: string]: Value }; readonly key: number | string };

/** Every value below the parameters, but for the session itself. */
const placesIn = (params: Value[]): Place[] => {
  const places: Place[] = [];
  const visit = (value: Value, holder: Place['holder'], key: Place['key']): void => {
    places.push({ holder, key });
    if (Array.isArray(value)) for (const [at, one] of value.entries()) visit(one, value, at);
    else if (typeof value === 'object' && value !== null && !(value instanceof Float))
      for (const [name, one] of Object.entries(value)) visit(one, value, name);
  };
  params.forEach((value, at) => {
    if (at > 0) visit(value, params, at);
  });
  return places;
};
const get = ({ holder, key }: Place): Value => (holder as Record<string, Value>)[key as string] as Value;
const put = ({ holder, key }: Place, value: Value): void => {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
};

/** Another object of the same class, mostly; else text that is no reference at all. */
const otherRef = (ref: string, dice: Dice, estate: XenEstate): Value => {
  const others = estate.refs(parseRef(ref)?.cls ?? '');
  return others.length > 0 && dice.chance(0.85) ? dice.pick(others) : dice.pick(TEXTS);
};

const otherThan = (value: Value, dice: Dice, estate: XenEstate): Value => {
  if (typeof value === 'string' && value.startsWith('OpaqueRef:')) return otherRef(value, dice, estate);
  if (typeof value === 'boolean') return dice.chance(0.9) ? !value : dice.pick(TEXTS);
  if (typeof value === 'number') return dice.chance(0.5) ? value + dice.pick([-1, 1, 100]) : dice.pick(NUMBERS);
  if (typeof value !== 'string') return dice.chance(0.7) ? dice.pick(TEXTS) : dice.pick(NUMBERS);
  if (dice.chance(0.45)) return dice.pick(TEXTS);
  const at = dice.below(value.length + 1);
  const sign = String.fromCodePoint(dice.pick([33, 48, 65, 97, 233, 0x4e2d, 0x1f600]));
  return value.slice(0, at) + sign + value.slice(at + dice.below(2));
};

const bendValue = (request: Request, dice: Dice, estate: XenEstate): void => {
  const places = placesIn(request.params);
  if (places.length === 0) {
    request.params.push(dice.pick(TEXTS));
    return;
  }
  const place = dice.pick(places);
  const value = get(place);
  put(place, otherThan(value, dice, estate));
};

const bendStructure = (request: Request, dice: Dice): Request => {
  const { params } = request;
  const places = placesIn(params);
  const place = places.length > 0 && places.length < 2000 ? dice.pick(places) : undefined;
  switch (
    dice.pick(['drop', 'more', 'swap', 'session', 'method', 'wrap', 'deepen', 'many', 'null', 'type', 'keys'] as const)
  ) {
    case 'drop':
      params.splice(dice.below(params.length + 1), 1);
      return request;
    case 'more':
      params.push(dice.pick(TEXTS));
      return request;
    case 'swap':
      params.reverse();
      return request;
    case 'session':
      params[0] = dice.pick<Value>([...TEXTS, 7, true, [], {}]);
      return request;
    case 'method':
      return { ...request, method: request.method + dice.pick(['x', '.', '_', ' ', '.get', '\u0000']) };
    case 'wrap':
      if (place) put(place, [get(place)]);
      return request;
    case 'deepen': {
      let deep: Value = place ? get(place) : '';
      for (let depth = dice.pick([2, 30, 31, 32, 33, 200, 400]); depth > 0; depth--)
        deep = depth % 2 === 0 ? [deep] : { a: deep };
      if (place) put(place, deep);
      return request;
    }
    case 'many':
      if (place)
        put(
          place,
          Array.from({ length: dice.pick([3, 300, 5000]) }, () => 'x'),
        );
      return request;
    case 'null':
      if (place) put(place, null);
      return request;
    case 'type':
      if (place) put(place, dice.pick<Value>(['text', 3, true, new Float(0.5), [], {}, null]));
      return request;
    case 'keys':
      if (place) put(place, { __proto__x: 'a', constructor: 'b', '': 'c', uuid: 'd', [dice.pick(TEXTS)]: 'e' });
      return request;
  }
};

// ---- encodings: written here, so that the codec under test has no part in what it is given ----

const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (sign) => (sign === '&' ? '&amp;' : sign === '<' ? '&lt;' : '&gt;'));

const xmlValue = (value: Value, dice: Dice): string => {
  if (typeof value === 'string')
    return dice.chance(0.7) ? `<value><string>${escaped(value)}</string></value>` : `<value>${escaped(value)}</value>`;
  if (typeof value === 'number')
    return dice.chance(0.6) ? `<value><string>${value}</string></value>` : `<value><int>${value}</int></value>`;
  if (typeof value === 'boolean') return `<value><boolean>${value ? 1 : 0}</boolean></value>`;
  if (value === null) return '<value><nil/></value>';
  if (value instanceof Float) return `<value><double>${value.value}</double></value>`;
  if (Array.isArray(value))
    return `<value><array><data>${value.map((one) => xmlValue(one, dice)).join('')}</data></array></value>`;
  return `<value><struct>${Object.entries(value)
    .map(([name, one]) => `<member><name>${escaped(name)}</name>${xmlValue(one, dice)}</member>`)
    .join('')}</struct></value>`;
};

const jsonOf = (value: Value): unknown => {
  if (value instanceof Float) return value.value;
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, jsonOf(one)]));
  return value;
};

const encode = ({ method, params }: Request, isXml: boolean, dice: Dice): string => {
  if (isXml)
    return `<?xml version='1.0'?>\n<methodCall><methodName>${escaped(method)}</methodName><params>${params.map((one) => `<param>${xmlValue(one, dice)}</param>`).join('')}</params></methodCall>`;
  const id = dice.pick<unknown>([1, 0, 'a', 123456789]);
  return JSON.stringify({ ...(dice.chance(0.6) ? { jsonrpc: '2.0' } : {}), method, params: params.map(jsonOf), id });
};

const XML_BOMBS: readonly ((text: string, dice: Dice) => string)[] = [
  (text) =>
    `<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa">${[...'bcdefghi'].map((name, at) => `<!ENTITY ${name} "${`&${'abcdefgh'[at]};`.repeat(10)}">`).join('')}]>${text.replace(/>([^<]+)<\//, '>&i;</')}`,
  (text) => `<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>${text.replace(/>([^<]+)<\//, '>&x;</')}`,
  (text) => text.replace(/>([^<]+)<\//, '>&#0;&#xFFFFFFFF;</'),
  (text, dice) => text.replace(/>([^<]+)<\//, `><![CDATA[${']]'.repeat(dice.below(500))}]]></`),
  (text) => text.replace('</params>', `${'<param><value/></param>'.repeat(10_000)}</params>`),
  (text) => text.replace('</params>', `<!--${'-x'.repeat(5000)}--></params>`),
  (text) => text.replace('<params>', `<params a="${'u'.repeat(60_000)}">`),
  (text) => `<?xml version="1.1" encoding="ISO-8859-7"?>${text}`,
  (text) => text + ' '.repeat(310 * 1024),
];
const JSON_BOMBS: readonly ((text: string, dice: Dice) => string)[] = [
  (text) => text.replace(/"params":\[/, `"params":[${'['.repeat(100_000)}`),
  (text) => text.replace(/"params":\[/, `"params":[${'{"a":'.repeat(10_000)}`),
  (text) => text.replace(/"id":.*/, `"id":${'9'.repeat(5000)}}`),
  (text) => text.replace(/"id":.*/, '"id":null}'),
  (text) => text.replace(/"params":\[/, `"params":[${'1,'.repeat(120_000)}`),
  (text) => text.replace(/"method":"/, '"method":"\\ud800'),
  (text) => text.replace(/}$/, `,"${'k'.repeat(60_000)}":1}`),
  (text) => text + ' '.repeat(310 * 1024),
];

export const bend = (seed: Request, dice: Dice, estate: XenEstate): Bent => {
  const isXml = dice.chance(0.5);
  const path = isXml ? dice.pick(['/RPC2', '/', '/xmlrpc', '/json']) : '/jsonrpc';
  const kind = dice.weighted<Mutation>([
    [74, 'value'],
    [15, 'structure'],
    [9, 'bytes'],
    [2, 'bomb'],
  ]);
  if (kind === 'bytes' || kind === 'bomb') {
    const text = encode(seed, isXml, dice);
    if (kind === 'bytes') return { kind, path, body: bendBytes(text, dice, ['batch']) };
    return { kind, path, body: Buffer.from(dice.pick(isXml ? XML_BOMBS : JSON_BOMBS)(text, dice)) };
  }
  let request: Request = { method: seed.method, params: seed.params };
  for (
    let count = dice.weighted([
      [7, 1],
      [2, 2],
      [1, 4],
    ] as const);
    count > 0;
    count--
  ) {
    if (kind === 'value') bendValue(request, dice, estate);
    else request = bendStructure(request, dice);
  }
  return { kind, path, body: Buffer.from(encode(request, isXml, dice)) };
};
