/** XML-RPC bytes within bounds in, a call or a response with typed values out; and the same the other way round. */
import { SaxesParser } from 'saxes';
import {
  boundedText,
  CALL_LIMITS,
  type Decoded,
  decoded,
  Encoded,
  isStruct,
  parseInteger,
  Refusal,
  type RpcLimits,
  WireTime,
  type WireValue,
} from './rpc-value.ts';

export interface XmlRpcCall {
  readonly method: string;
  readonly params: readonly WireValue[];
}
export interface XmlRpcFault {
  readonly code: bigint;
  readonly text: string;
}
/** One of the two is there. `fault` is XML-RPC's own, which an API may never use. */
export type XmlRpcResponse =
  | { readonly value: WireValue; readonly fault?: undefined }
  | { readonly value?: undefined; readonly fault: XmlRpcFault };

/** Which element may be in which; '' is the document. */
const CHILDREN: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  [
    ' methodCall methodResponse',
    'methodCall methodName params',
    'methodResponse params fault',
    'params param',
    'param value',
    'fault value',
    'value string int i4 i8 double boolean dateTime.iso8601 nil array struct',
    'array data',
    'data value',
    'struct member',
    'member name value',
  ].map((row) => {
    const [parent = '', ...children] = row.split(' ');
    return [parent, new Set(children)];
  }),
);

/** The elements whose own text counts; in all others only white space may stand. */
const WITH_TEXT = new Set([
  'value',
  'methodName',
  'name',
  ...'string int i4 i8 double boolean dateTime.iso8601'.split(' '),
]);

interface Frame {
  readonly name: string;
  text: string;
  /** How many children have been closed. */
  count: number;
  /** Of `data` and `params`. */
  items: WireValue[] | undefined;
  /** Of `struct`. */
  members: Map<string, WireValue> | undefined;
  /** Of `member` and the two messages: the text of its name. */
  label: string | undefined;
  value: WireValue | undefined;
  faulty: boolean;
}

const malformed = (text: string): Refusal => new Refusal('malformed', text);

const DOUBLE = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const UNUSUAL_DOUBLES: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['-nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);

const scalar = (kind: string, text: string): WireValue => {
  switch (kind) {
    case 'string':
      return text;
    case 'nil':
      return null;
    case 'boolean':
      // Anything but 1 is false to the one server that matters.
      return text.trim() === '1';
    case 'double': {
      const trimmed = text.trim();
      const value = UNUSUAL_DOUBLES.get(trimmed.toLowerCase()) ?? (DOUBLE.test(trimmed) ? Number(trimmed) : undefined);
      if (value === undefined) throw malformed('a double is no number');
      return value;
    }
    case 'dateTime.iso8601':
      return new WireTime(text.trim());
    default: {
      const value = parseInteger(text.trim());
      if (value === undefined) throw malformed('an integer is not one of 64 bits');
      return value;
    }
  }
};

const blank = (text: string): boolean => text.trim() === '';

const alone = (value: Frame): void => {
  if (value.count > 0) throw malformed('a value has two types');
};

/** What a closed element leaves to its parent. */
const close = (frame: Frame, parent: Frame): void => {
  const only = (): WireValue => {
    if (frame.value === undefined) throw malformed(`<${frame.name}> has no value`);
    return frame.value;
  };
  switch (frame.name) {
    case 'methodName':
    case 'name':
      if (parent.label !== undefined) throw malformed(`<${parent.name}> has two names`);
      parent.label = frame.text;
      return;
    case 'params':
      if (parent.items !== undefined) throw malformed('there are two lists of parameters');
      parent.items = frame.items ?? [];
      return;
    case 'param':
      parent.items ??= [];
      parent.items.push(only());
      return;
    case 'fault':
      parent.faulty = true;
      parent.value = only();
      return;
    case 'value':
      if (frame.value === undefined) frame.value = frame.text;
      else if (!blank(frame.text)) throw malformed('a value has both text and a type');
      if (parent.name === 'data') {
        parent.items ??= [];
        parent.items.push(frame.value);
      } else if (parent.value !== undefined) throw malformed(`<${parent.name}> has two values`);
      else parent.value = frame.value;
      return;
    case 'data':
      if (parent.items !== undefined) throw malformed('an array has its data twice');
      parent.items = frame.items ?? [];
      return;
    case 'array':
      alone(parent);
      if (frame.items === undefined) throw malformed('an array has no data');
      parent.value = frame.items;
      return;
    case 'member':
      if (frame.label === undefined) throw malformed('a member has no name');
      parent.members ??= new Map();
      parent.members.set(frame.label, only());
      return;
    case 'struct':
      alone(parent);
      parent.value = frame.members ?? new Map<string, WireValue>();
      return;
    case 'methodCall':
    case 'methodResponse':
      return;
    default:
      alone(parent);
      parent.value = scalar(frame.name, frame.text);
  }
};

const newFrame = (name: string): Frame => ({
  name,
  text: '',
  count: 0,
  items: undefined,
  members: undefined,
  label: undefined,
  value: undefined,
  faulty: false,
});

/** The message's own frame, by events of the parser and without a tree: replies of a host are large. */
const read = (input: string | Uint8Array, limits: RpcLimits): Frame => {
  const text = boundedText(input, limits);
  const parser = new SaxesParser({ xmlns: false, position: false });
  const open: Frame[] = [newFrame('')];
  let message: Frame | undefined;
  let values = 0;
  let depth = 0;
  parser.on('error', () => {
    throw malformed('the message is not well-formed XML');
  });
  parser.on('doctype', () => {
    throw new Refusal('dtd-refused', 'document type declarations are not accepted');
  });
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding))
      throw new Refusal('encoding', 'only UTF-8 is accepted');
  });
  parser.on('opentag', ({ name }) => {
    const parent = open.at(-1) as Frame;
    if (CHILDREN.get(parent.name)?.has(name) !== true) throw malformed('an element is where XML-RPC has none such');
    if (name === 'value' && ++depth > limits.maxDepth)
      throw new Refusal('too-deep', `values are nested deeper than ${limits.maxDepth}`);
    if ((name === 'value' || name === 'member') && ++values > limits.maxValues)
      throw new Refusal('too-many-values', `the message has more than ${limits.maxValues} values`);
    const frame = newFrame(name);
    if (message === undefined) message = frame;
    open.push(frame);
  });
  const addText = (more: string): void => {
    const frame = open.at(-1) as Frame;
    if (WITH_TEXT.has(frame.name)) frame.text += more;
    else if (!blank(more)) throw malformed(`<${frame.name}> holds text`);
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', ({ name }) => {
    const frame = open.pop() as Frame;
    const parent = open.at(-1) as Frame;
    if (name === 'value') depth--;
    close(frame, parent);
    parent.count++;
  });
  parser.write(text);
  parser.close();
  if (message === undefined) throw malformed('the message has no element');
  return message;
};

/** A `methodCall`. Untyped text is text, as XML-RPC says; what a method makes of it is up to the API. */
export const decodeCall = (
  input: string | Uint8Array,
  limits: Partial<RpcLimits> = {},
): Decoded<{ readonly call: XmlRpcCall }> =>
  decoded(() => {
    const frame = read(input, { ...CALL_LIMITS, ...limits });
    if (frame.name !== 'methodCall') throw malformed('the message is no call');
    const method = frame.label?.trim() ?? '';
    if (method === '') throw malformed('the call names no method');
    return { call: { method, params: frame.items ?? [] } };
  });

/** A `methodResponse` with a value or XML-RPC's own fault. */
export const decodeResponse = (
  input: string | Uint8Array,
  limits: Partial<RpcLimits> = {},
): Decoded<{ readonly response: XmlRpcResponse }> =>
  decoded(() => {
    const frame = read(input, { ...CALL_LIMITS, ...limits });
    if (frame.name !== 'methodResponse') throw malformed('the message is no response');
    if (frame.faulty) {
      const value = frame.value ?? null;
      const code = isStruct(value) ? value.get('faultCode') : undefined;
      const text = isStruct(value) ? value.get('faultString') : undefined;
      if (typeof code !== 'bigint' || typeof text !== 'string') throw malformed('the fault has no code or no text');
      if (frame.items !== undefined) throw malformed('the response has a value and a fault');
      return { response: { fault: { code, text } } };
    }
    const [value, ...more] = frame.items ?? [];
    if (value === undefined || more.length > 0) throw malformed('the response has not one value');
    return { response: { value } };
  });

const SPECIAL = /[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\ud800-\udfff]/;
const ALL_SPECIAL =
  /[&<>"\r]|[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ['\r', '&#13;'],
]);

/** What XML cannot hold is dropped, as the API's own server does. */
const escapeText = (text: string): string =>
  SPECIAL.test(text) ? text.replace(ALL_SPECIAL, (character) => ESCAPES.get(character) ?? '') : text;

/** 16 significant digits in C's %g form: 1.0 is `1`. */
export const formatDouble = (value: number): string => {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const [digits = '0', power = '0'] = value.toExponential(15).split('e');
  const exponent = Number(power);
  const trim = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (exponent < -4 || exponent >= 16) {
    const magnitude = String(Math.abs(exponent)).padStart(2, '0');
    return `${trim(digits)}e${exponent < 0 ? '-' : '+'}${magnitude}`;
  }
  return trim(Number(value.toPrecision(16)).toFixed(15 - exponent));
};

const INT32 = 2n ** 31n;

const write = (value: WireValue): string => {
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'boolean') return value ? '<boolean>1</boolean>' : '<boolean>0</boolean>';
  if (typeof value === 'number') return `<double>${formatDouble(value)}</double>`;
  if (typeof value === 'bigint') return value >= -INT32 && value < INT32 ? `<i4>${value}</i4>` : `<i8>${value}</i8>`;
  if (value === null) return '<nil/>';
  if (value instanceof WireTime) return `<dateTime.iso8601>${escapeText(value.text)}</dateTime.iso8601>`;
  if (isStruct(value)) {
    let text = '<struct>';
    for (const [name, member] of value)
      text += `<member><name>${escapeText(name)}</name>${encodeValue(member)}</member>`;
    return `${text}</struct>`;
  }
  let text = '<array><data>';
  for (const item of value as readonly WireValue[]) text += encodeValue(item);
  return `${text}</data></array>`;
};

/** `<value>…</value>`. Text is written untyped: `<value></value>` when empty, for one client reads an empty <string> as nothing at all. */
export const encodeValue = (value: WireValue): string =>
  value instanceof Encoded ? value.text : `<value>${write(value)}</value>`;

const DECLARATION = '<?xml version="1.0"?>';

export const encodeCall = (method: string, params: readonly WireValue[]): string =>
  `${DECLARATION}<methodCall><methodName>${escapeText(method)}</methodName><params>${params
    .map((param) => `<param>${encodeValue(param)}</param>`)
    .join('')}</params></methodCall>`;

export const encodeResponse = (value: WireValue): string =>
  `${DECLARATION}<methodResponse><params><param>${encodeValue(value)}</param></params></methodResponse>`;

export const encodeFault = (fault: XmlRpcFault): string =>
  `${DECLARATION}<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>${fault.code}</int></value></member>` +
  `<member><name>faultString</name>${encodeValue(fault.text)}</member></struct></value></fault></methodResponse>`;
