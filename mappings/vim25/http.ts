/** vim25 over HTTP: paths to calls, streams and documents; replies and faults to answers. The `Front` of the platform. */
import type { Call, Reply } from '../generic/call.ts';
import type { Outcome } from '../generic/faults.ts';
import type { HubId } from '../generic/ids.ts';
import type { Decoded, Front, FrontInstance, HttpAnswer, HttpRequest, StreamRequest } from '../generic/platform.ts';
import {
  cookieOf,
  decodeRequest,
  encodeFault,
  encodeReply,
  REPLY_HEADERS,
  SERVICE_VERSIONS,
  setCookie,
  wrapReply,
} from './front.ts';
import { hubIdOf, refOf } from './ids.ts';
import { answerSession } from './session-calls.ts';
import { moRef } from './values.ts';

const SDK = /^\/sdk(?:\/vimService)?\/?$/;
const STREAM = /^\/(?:folder(?:\/|$)|screen$)/;
/** What else an ESXi host has at its port, pages for people among it: none of it belongs to another API. */
const OWN = /^\/(?:sdk|folder|screen|ui|client|mob|nfc|ha-nfc|guestFile|host|cgi-bin|ticket)(?:\/|$)/i;

/** The welcome page is asked for with GET; calls of other APIs are posted there. */
const claims: Front['claims'] = ({ method, path }) =>
  OWN.test(path) || (path === '/' && (method === 'GET' || method === 'HEAD'));

const plainText = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
  body,
});

const header = (request: Pick<HttpRequest, 'headers'>, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/** `bytes=0-99`, `bytes=100-`; a form we do not serve is no range (RFC 9110, 14.2: it may be ignored). */
const rangeOf = (text: string | undefined): StreamRequest['range'] => {
  const match = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(text ?? '');
  if (!match) return undefined;
  const start = Number(match[1]);
  return match[2] === undefined ? { start } : { start, end: Number(match[2]) };
};

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE']);

const decodeStream = (request: HttpRequest): Decoded => {
  if (!METHODS.has(request.method))
    return { kind: 'answer', answer: plainText(405, 'Method Not Allowed', { allow: [...METHODS].join(', ') }) };
  let path: string;
  try {
    path = decodeURIComponent(request.path);
  } catch {
    return { kind: 'answer', answer: plainText(400, 'Bad Request') };
  }
  const range = rangeOf(header(request, 'range'));
  const length = header(request, 'content-length');
  return {
    kind: 'stream',
    stream: {
      method: request.method as StreamRequest['method'],
      path,
      query: Object.fromEntries(request.query),
      ...(range ? { range } : {}),
      ...(length !== undefined && /^\d{1,15}$/.test(length) ? { lengthBytes: Number(length) } : {}),
    },
  };
};

const context = (front: FrontInstance) => {
  const loginText = front.options['loginText'];
  const refs = (id: HubId) => {
    const ref = refOf(id);
    return ref && moRef(ref.type, ref.value);
  };
  return loginText === undefined ? { refs } : { refs, loginText };
};

const decode = (request: HttpRequest, front: FrontInstance): Decoded => {
  if (SDK.test(request.path)) {
    if (request.method !== 'POST')
      return { kind: 'answer', answer: plainText(405, 'Method Not Allowed', { allow: 'POST' }) };
    const decoded = decodeRequest(request.body, { soapAction: header(request, 'soapaction') });
    if (decoded.ok) return { kind: 'call', call: decoded.call };
    return {
      kind: 'answer',
      answer: { status: 500, headers: REPLY_HEADERS, body: encodeFault(decoded, decoded.fault, context(front)) },
    };
  }
  if (request.path === '/sdk/vimServiceVersions.xml' && request.method === 'GET')
    return { kind: 'answer', answer: { status: 200, headers: { 'content-type': 'text/xml' }, body: SERVICE_VERSIONS } };
  if (STREAM.test(request.path)) return decodeStream(request);
  return { kind: 'answer', answer: plainText(404, 'Not Found') };
};

const encode = (call: Call, reply: Reply, front: FrontInstance): HttpAnswer => {
  switch (reply.kind) {
    case 'value':
      return { status: 200, headers: REPLY_HEADERS, body: encodeReply(call, reply.value) };
    case 'fault':
      return { status: 500, headers: REPLY_HEADERS, body: encodeFault(call, reply.fault, context(front)) };
    case 'body':
      throw new Error(`${call.method}: a body is streamed, not encoded`);
    default:
      return reply satisfies never;
  }
};

/** Basic authentication (RFC 7617) of `/folder` and `/screen`: libvirt's esx driver sends it instead of the cookie. */
const credentialsOf: NonNullable<Front['credentialsOf']> = (headers) => {
  const coded = /^Basic +([A-Za-z0-9+/]{1,4096}={0,2})$/i.exec(header({ headers }, 'authorization') ?? '')?.[1];
  if (coded === undefined) return undefined;
  const text = Buffer.from(coded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
};

/** HTTP status of a refused transfer; files have no SOAP fault. */
const STREAM_STATUS: Readonly<Record<string, number>> = {
  'not-authenticated': 401,
  'no-permission': 403,
  'file-not-found': 404,
  'object-not-found': 404,
  'invalid-datastore-path': 404,
  'file-exists': 409,
  'file-locked': 423,
  'no-disk-space': 507,
  'host-communication': 503,
  'not-supported': 501,
  busy: 503,
  'invalid-argument': 400,
  'invalid-request': 400,
};

const streamAnswer = (outcome: Outcome<{ status: number; headers: Record<string, string> }>): HttpAnswer =>
  outcome.ok
    ? { ...outcome.value, body: '' }
    : plainText(
        STREAM_STATUS[outcome.fault.kind] ?? 500,
        outcome.fault.text,
        outcome.fault.kind === 'not-authenticated' ? { 'www-authenticate': 'Basic realm="VMware HTTP server"' } : {},
      );

export const front: Front = {
  port: 443,
  tls: true,
  idleMs: 30 * 60_000,
  maxBodyBytes: 4 * 1024 * 1024,
  claims,
  isStream: (_method, path) => STREAM.test(path),
  decode,
  encode,
  wrap: (call) => ({ status: 200, headers: REPLY_HEADERS, ...wrapReply(call) }),
  cookieOf,
  credentialsOf,
  setCookie,
  session: answerSession,
  targetOf: (call) => hubIdOf({ type: call.target.type, value: call.target.id }),
  jobValue: (job) => {
    const ref = refOf(job);
    if (!ref) throw new Error(`no task for ${job}`);
    return moRef(ref.type, ref.value);
  },
  streamAnswer,
};
