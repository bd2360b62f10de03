/** Bodies of XenAPI clients, XML-RPC and JSON-RPC, in; calls out; values and errors in, replies in the client's own encoding out. */
import type { Call, Reply } from '../generic/call.ts';
import type { Fault } from '../generic/faults.ts';
import type { FrontInstance } from '../generic/platform.ts';
import * as json from '../wire/jsonrpc.ts';
import { Encoded, type RpcFault, struct, type WireValue } from '../wire/rpc-value.ts';
import * as xml from '../wire/xmlrpc.ts';
import { rowOf, UNKNOWN } from './commands.ts';
import { type XenError, xenError } from './faults.ts';
import { refOfToken, tokenOfRef } from './ids.ts';
import { type Message, type ResolvedCall, resolveCall, type Type } from './types.ts';
import { decodeArgument, encodeJson, encodeXml, missingArgument } from './values.ts';

/** How the client speaks: `Call.version`. '' where no call was understood. */
export type Speech = 'xmlrpc' | 'jsonrpc1' | 'jsonrpc2';

/** What of a call a reply depends on. */
export type Answered = Pick<Call, 'method' | 'version' | 'operation' | 'target' | 'args'>;

export type DecodedCall =
  | { readonly kind: 'call'; readonly call: Call; readonly token?: string }
  /** The reply is known already. */
  | { readonly kind: 'reply'; readonly body: string }
  /** No call that a reply could answer: HTTP says so. */
  | { readonly kind: 'malformed'; readonly fault: RpcFault };

const isSpeech = (version: string): version is Speech =>
  version === 'xmlrpc' || version === 'jsonrpc1' || version === 'jsonrpc2';

export const speechOf = ({ version }: Pick<Answered, 'version'>): Speech => (isSpeech(version) ? version : 'xmlrpc');

// ---- replies ----

const XML_BEFORE =
  '<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value></member>' +
  '<member><name>Value</name>';
const XML_AFTER = '</member></struct></value></param></params></methodResponse>';

/** Text before and after the value of a reply that is written in pieces: `<value>…</value>`, or JSON. */
export const wrapReply = (call: Pick<Answered, 'version' | 'operation'>): { before: string; after: string } => {
  switch (speechOf(call)) {
    case 'xmlrpc':
      return { before: XML_BEFORE, after: XML_AFTER };
    case 'jsonrpc1':
      return { before: '{"result":', after: `,"error":null,"id":${call.operation}}` };
    case 'jsonrpc2':
      return { before: '{"jsonrpc":"2.0","result":', after: `,"id":${call.operation}}` };
  }
};

const encodeErrorReply = (call: Pick<Answered, 'version' | 'operation'>, { code, params }: XenError): string => {
  const all = [code, ...params];
  switch (speechOf(call)) {
    case 'xmlrpc':
      return xml.encodeResponse(struct({ Status: 'Failure', ErrorDescription: all }));
    case 'jsonrpc1':
      return `{"result":null,"error":${json.encodeValue(all)},"id":${call.operation}}`;
    case 'jsonrpc2':
      return `{"jsonrpc":"2.0","error":{"code":1,"message":${JSON.stringify(code)},"data":${json.encodeValue(params)}},"id":${call.operation}}`;
  }
};

const TASK: Type = { kind: 'ref', class: 'task' };
const TEXTS: Type = { kind: 'set', of: { kind: 'string' } };

const resultType = ({ method }: Pick<Answered, 'method'>): Type => {
  if (method === 'system.listMethods') return TEXTS;
  const resolved = resolveCall(method);
  if (resolved === undefined) throw new Error(`a reply to ${method}, which is no method`);
  return resolved.async ? TASK : resolved.message.result;
};

/** The value of a reply alone, in the client's encoding. */
const encodeResult = (call: Pick<Answered, 'method' | 'version'>, value: unknown): string =>
  speechOf(call) === 'xmlrpc' ? encodeXml(resultType(call), value) : encodeJson(resultType(call), value);

const encodeValueReply = (call: Answered, value: unknown): string => {
  const text = encodeResult(call, value);
  // The one method that answers without a status.
  if (call.method === 'system.listMethods' && speechOf(call) === 'xmlrpc') return xml.encodeResponse(new Encoded(text));
  const { before, after } = wrapReply(call);
  return before + text + after;
};

const removed: XenError = { code: 'MESSAGE_REMOVED', params: [] };

/** What is refused by its row: withdrawn, no method at all, or not built. */
const refusedError = (call: Answered): XenError | undefined => {
  if (call.method === UNKNOWN)
    return { code: 'MESSAGE_METHOD_UNKNOWN', params: [String(call.args['name'] ?? call.method)] };
  return resolveCall(call.method)?.message.stage === 'removed' ? removed : undefined;
};

/** A token that is no reference at all is kept whole behind a mark that no token has. */
const NO_REF = ' ';
const tokenOf = (text: string): string => tokenOfRef(text) ?? NO_REF + text;
const sessionText = (token: string): string =>
  token.startsWith(NO_REF) ? token.slice(NO_REF.length) : refOfToken(token);

export const errorOf = (call: Answered, reason: Fault, front: FrontInstance, token: string | undefined): XenError =>
  (reason.kind === 'not-supported' && reason.native === undefined ? refusedError(call) : undefined) ??
  xenError(reason, { front, call, ...(token === undefined ? {} : { session: sessionText(token) }) });

export const encodeReply = (call: Answered, reply: Reply, front: FrontInstance, token?: string): string => {
  switch (reply.kind) {
    case 'value':
      return encodeValueReply(call, reply.value);
    case 'fault':
      return encodeErrorReply(call, errorOf(call, reply.fault, front, token));
    case 'body':
      throw new Error(`${call.method}: a body is streamed, not encoded`);
    default:
      return reply satisfies never;
  }
};

// ---- requests ----

interface Request {
  readonly method: string;
  readonly params: readonly WireValue[];
  readonly version: Speech;
  readonly operation: string;
}

const failing = (request: Request, code: string, ...params: readonly string[]): DecodedCall => ({
  kind: 'reply',
  body: encodeErrorReply(request, { code, params }),
});

const ALIVE = 'system.isAlive:';

/** Echoes what it is given: a test of the connection alone. */
const alive = (request: Request): DecodedCall => {
  const [echo] = request.params;
  if (echo === undefined) return failing(request, 'INTERNAL_ERROR', 'there is nothing to echo');
  const text = request.version === 'xmlrpc' ? xml.encodeValue(echo) : json.encodeValue(echo);
  const { before, after } = wrapReply(request);
  return { kind: 'reply', body: before + text + after };
};

const syncName = (method: string): string => method.replace(/^(Internal)?Async\./, '');

const callOf = (
  request: Request,
  method: string,
  target: Call['target'],
  args: Call['args'],
  token: string | undefined,
): DecodedCall => ({
  kind: 'call',
  call: { method, target, args, version: request.version, operation: request.operation },
  ...(token === undefined ? {} : { token }),
});

/** Sessions are checked where they are known; a value that is no text is none. */
const tokenOfParam = (value: WireValue | undefined): string => tokenOf(typeof value === 'string' ? value : '');

const unknownCall = (request: Request): DecodedCall => {
  const name = syncName(request.method);
  // Without parameters there is no session to check first.
  if (request.params.length === 0) return failing(request, 'MESSAGE_METHOD_UNKNOWN', name);
  return callOf(request, UNKNOWN, { type: 'system', id: '' }, { name }, tokenOfParam(request.params[0]));
};

const listMethods = (request: Request): DecodedCall =>
  callOf(request, 'system.listMethods', { type: 'system', id: '' }, {}, undefined);

/** undefined: as many as it takes. Parameters with a default may be missing at the end; who takes such takes more, too. */
const wrongCount = (message: Message, received: number): readonly [expected: number, received: number] | undefined => {
  const own = message.session ? received - 1 : received;
  const expected = message.params.filter((param) => param.default === undefined).length;
  const open = expected < message.params.length;
  return own === expected || (open && own > expected) ? undefined : [expected, own];
};

/** The object a method acts on: its first parameter when that is a reference of the method's class. */
const targetOf = (message: Message, args: Readonly<Record<string, unknown>>): Call['target'] => {
  const [first] = message.params;
  const acts = first?.type.kind === 'ref' && first.type.class === message.class;
  const id = acts ? args[first.name] : undefined;
  return { type: message.class, id: typeof id === 'string' ? id : '' };
};

const knownCall = (request: Request, { message, async }: ResolvedCall): DecodedCall => {
  const { params } = request;
  const count = wrongCount(message, params.length);
  if (count !== undefined)
    return failing(
      request,
      'MESSAGE_PARAMETER_COUNT_MISMATCH',
      syncName(request.method),
      String(count[0]),
      String(count[1]),
    );
  const args: [string, unknown][] = [];
  const first = message.session ? 1 : 0;
  for (const [at, { name, type, default: missing }] of message.params.entries()) {
    const given = params[at + first];
    if (given === undefined) {
      args.push([name, missingArgument(type, missing)]);
      continue;
    }
    // A session stands for no other object, and what a call holds may be looked at: it must not go on as one.
    if (type.kind === 'ref' && type.class !== 'session' && message.session && given === params[0])
      return failing(request, 'HANDLE_INVALID', type.class, String(given));
    const decoded = decodeArgument(type, given, name);
    if (!decoded.ok) {
      const { bad } = decoded;
      return bad.kind === 'type'
        ? failing(request, 'FIELD_TYPE_ERROR', bad.field)
        : failing(request, 'INVALID_VALUE', bad.field, bad.value);
    }
    args.push([name, decoded.value]);
  }
  const named = Object.fromEntries(args);
  const token = message.session ? tokenOfParam(params[0]) : undefined;
  const twin = `Async.${message.wire}`;
  if (async && rowOf(twin) === undefined) {
    // What is not served at all says so; what has no background mode must not look like a success.
    if (rowOf(message.wire)?.route !== 'refuse')
      return failing(request, 'Fault', `No async mode for this operation (rpc: ${message.wire})`);
    return callOf(request, message.wire, targetOf(message, named), named, token);
  }
  return callOf(request, async ? twin : message.wire, targetOf(message, named), named, token);
};

const decodeRequest = (request: Request): DecodedCall => {
  const { method } = request;
  if (method === 'system.listMethods') return listMethods(request);
  if (method.startsWith(ALIVE)) return alive(request);
  const resolved = resolveCall(method);
  return resolved === undefined ? unknownCall(request) : knownCall(request, resolved);
};

/** Never throws for what a client sent. */
export const decodeXmlRpc = (body: Uint8Array): DecodedCall => {
  const decoded = xml.decodeCall(body);
  if (decoded.ok) return decodeRequest({ ...decoded.call, version: 'xmlrpc', operation: '' });
  if (decoded.fault.kind !== 'encoding') return { kind: 'malformed', fault: decoded.fault };
  const error = { code: 'INVALID_VALUE', params: ['Invalid UTF-8 string in parameter', ''] };
  return { kind: 'reply', body: encodeErrorReply({ version: 'xmlrpc', operation: '' }, error) };
};

export const decodeJsonRpc = (body: Uint8Array): DecodedCall => {
  const decoded = json.decodeCall(body);
  if (!decoded.ok) return { kind: 'malformed', fault: decoded.fault };
  const { method, params, version, id } = decoded.call;
  return decodeRequest({
    method,
    params,
    version: version === 1 ? 'jsonrpc1' : 'jsonrpc2',
    operation: json.encodeValue(id),
  });
};
