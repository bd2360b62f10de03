/** XenAPI over HTTP: paths to calls and streams; replies, errors and refusals to answers. The `Front` of the platform. */
import type { Call, Reply } from '../generic/call.ts';
import type { HubId } from '../generic/ids.ts';
import { kindOf } from '../generic/ids.ts';
import type { Decoded, Front, FrontInstance, HttpAnswer, HttpRequest } from '../generic/platform.ts';
import { type DecodedCall, decodeJsonRpc, decodeXmlRpc, encodeReply, speechOf, wrapReply } from './front.ts';
import { parseRef, refOf, tokenOfRef, xenId } from './ids.ts';
import { answerSession } from './session-calls.ts';
import {
  cookie,
  credentialsOf,
  decodeStream,
  isOwnPath,
  isStreamPath,
  refusedPage,
  statusWithout,
  streamAnswer,
} from './stream-requests.ts';

const ANYONE = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'X-Requested-With' };

/** Without a charset: clients compare the type as a whole. */
const XML_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/xml',
  'cache-control': 'no-cache, no-store',
  ...ANYONE,
};
const JSON_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  'cache-control': 'no-cache, no-store',
  ...ANYONE,
};

const headersOf = (call: Pick<Call, 'version'>): Readonly<Record<string, string>> =>
  speechOf(call) === 'xmlrpc' ? XML_HEADERS : JSON_HEADERS;

/** The limit of the API's own server. */
const MAX_BODY_BYTES = 300 * 1024;

/** Where clients post their calls to. The own server takes them anywhere, which is no reason to claim all. */
const CALLS = /^\/(?:RPC2\/?|jsonrpc.*)?$/;

/** SOAP is XML, too, and says what it is. */
const claims: Front['claims'] = ({ method, path, headers }) =>
  isOwnPath(path) ||
  (CALLS.test(path) && (method === 'POST' || method === 'OPTIONS') && headers['soapaction'] === undefined);

/** Browsers ask before they post JSON from another origin. */
const preflight = (request: HttpRequest): HttpAnswer => {
  const asked = request.headers['access-control-request-headers'];
  const names = typeof asked === 'string' && /^[A-Za-z0-9, -]{1,256}$/.test(asked) ? `${asked}, ` : '';
  return {
    status: 200,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-headers': `${names}X-Requested-With`,
      'access-control-allow-methods': 'POST, PUT, GET, OPTIONS',
    },
    body: '',
  };
};

const answerOf = (decoded: DecodedCall, headers: Readonly<Record<string, string>>): Decoded => {
  switch (decoded.kind) {
    case 'call':
      return decoded;
    case 'reply':
      return { kind: 'answer', answer: { status: 200, headers, body: decoded.body } };
    case 'malformed':
      return {
        kind: 'answer',
        answer: refusedPage(decoded.fault.kind === 'too-large' ? 413 : 500, decoded.fault.text),
      };
    default:
      return decoded satisfies never;
  }
};

const decodePost = (request: HttpRequest): Decoded => {
  if (request.path.startsWith('/jsonrpc')) return answerOf(decodeJsonRpc(request.body), JSON_HEADERS);
  return answerOf(decodeXmlRpc(request.body), XML_HEADERS);
};

const decode = (request: HttpRequest): Decoded => {
  const { method, path } = request;
  if (isStreamPath(method, path)) return decodeStream(request);
  if (method === 'POST' && !path.startsWith('/cli')) return decodePost(request);
  if (method === 'OPTIONS') return { kind: 'answer', answer: preflight(request) };
  return { kind: 'answer', answer: refusedPage(statusWithout(method, path), `${method} is not served here`) };
};

const encode = (call: Call, reply: Reply, front: FrontInstance, token?: string): HttpAnswer => {
  // There was no call: the body was too large to be read.
  if (call.method === '' && reply.kind === 'fault') return refusedPage(413, reply.fault.text);
  return { status: 200, headers: headersOf(call), body: encodeReply(call, reply, front, token) };
};

/** Direct commands are for machines; templates of our own making, snapshots and the control domain are the server's business. */
const targetOf = (call: Call, front: FrontInstance): HubId | undefined => {
  const id = parseRef(call.target.id, front);
  return id?.cls === 'VM' && id.part === 0 && kindOf(id.owner) === 'vm' ? id.owner : undefined;
};

export const front: Front = {
  port: 443,
  tls: true,
  idleMs: 24 * 3_600_000,
  maxBodyBytes: MAX_BODY_BYTES,
  claims,
  isStream: isStreamPath,
  decode,
  encode,
  wrap: (call) => ({ status: 200, headers: headersOf(call), ...wrapReply(call) }),
  cookieOf: (headers) => {
    const text = cookie(headers, 'session_id');
    return text === undefined ? undefined : (tokenOfRef(text) ?? text);
  },
  credentialsOf,
  session: answerSession,
  targetOf,
  jobValue: (job, front) => refOf(xenId('task', job), front),
  streamAnswer,
};
