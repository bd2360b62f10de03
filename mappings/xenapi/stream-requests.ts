/** Requests for bytes (raw images of disks, statistics, consoles) in, stream requests out; outcomes of transfers to HTTP answers. */
import type { FaultKind } from '../generic/faults.ts';
import type { Decoded, Front, HttpAnswer, HttpRequest, StreamRequest } from '../generic/platform.ts';
import { table } from '../generic/table.ts';
import { tokenOfRef } from './ids.ts';

/** By method, as the API's own server dispatches: the longest prefix counts, so a slash behind it changes nothing. */
const SERVED: readonly (readonly [method: StreamRequest['method'], path: string])[] = [
  ['GET', '/export_raw_vdi'],
  ['PUT', '/import_raw_vdi'],
  ['GET', '/rrd_updates'],
  ['GET', '/host_rrd'],
  ['GET', '/vm_rrd'],
  ['GET', '/sr_rrd'],
  ['CONNECT', '/console'],
  ['GET', '/console'],
];

/** The path without what follows the name, in the form in which SERVED has it. */
const servedPath = (method: string, path: string): string | undefined =>
  SERVED.find(([own, prefix]) => own === method && (path === prefix || path.startsWith(`${prefix}/`)))?.[1];

/** What the API's own server has beside these, and we do not. */
const UNSERVED =
  /^\/(import|import_metadata|export|export_metadata|blob|vncsnapshot|host_backup|host_restore|system-status|audit_log|cli|services|remotecmd|migrate|pool\/xmldbdump|pool_patch_upload|update|wlb_report|wlb_diagnostics|rrd|config_sync|sm|remote_db_access|remote_stats)(\/|$)/;

/** Of a request that is neither a call nor a stream. */
export const statusWithout = (method: string, path: string): number => {
  if (UNSERVED.test(path)) return 501;
  return method === 'GET' ? 404 : method === 'PUT' || method === 'CONNECT' ? 403 : 501;
};

/** A path of the API's own server, also with a method that it refuses there. */
export const isOwnPath = (path: string): boolean =>
  UNSERVED.test(path) || SERVED.some(([, prefix]) => path === prefix || path.startsWith(`${prefix}/`));

export const isStreamPath = (method: string, path: string): boolean => servedPath(method, path) !== undefined;

const header = (headers: HttpRequest['headers'], name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/** Clients escape the colon of a reference or not. */
const unescaped = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

export const cookie = (headers: HttpRequest['headers'], wanted: string): string | undefined => {
  for (const part of (header(headers, 'cookie') ?? '').split(/[;,]/)) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === wanted) return unescaped(part.slice(equals + 1).trim());
  }
  return undefined;
};

/** Basic authentication (RFC 7617) makes a session for this one transfer. */
export const credentialsOf: NonNullable<Front['credentialsOf']> = (headers) => {
  const coded = /^Basic +([A-Za-z0-9+/]{1,4096}={0,2})$/i.exec(header(headers, 'authorization') ?? '')?.[1];
  if (coded === undefined) return undefined;
  const text = Buffer.from(coded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
};

/** Never handed on: the session is looked up by the agent, and a pool's secret is none of ours. */
const SECRETS = new Set(['session_id', 'pool_secret']);
/** May come as cookies, too. */
const TASKS = ['task_id', 'subtask_of'];

const tunnelOf = ({ method, headers }: HttpRequest): StreamRequest['tunnel'] => {
  if (method === 'CONNECT') return 'raw';
  return header(headers, 'upgrade')?.toLowerCase() === 'websocket' ? 'websocket' : undefined;
};

export const decodeStream = (request: HttpRequest): Decoded => {
  const path = servedPath(request.method, request.path);
  if (path === undefined) throw new Error(`${request.method} ${request.path} is no stream`);
  const query: Record<string, string> = {};
  for (const [name, value] of request.query) if (!SECRETS.has(name)) query[name] = value;
  for (const name of TASKS) {
    const value = query[name] ?? cookie(request.headers, name);
    if (value !== undefined) query[name] = value;
  }
  const tunnel = path === '/console' ? tunnelOf(request) : undefined;
  if (path === '/console' && tunnel === undefined)
    return { kind: 'answer', answer: refusedPage(400, 'a console is opened by CONNECT or as a WebSocket') };
  // Without either there is no body.
  const empty = request.method === 'PUT' && header(request.headers, 'transfer-encoding') === undefined;
  const length = header(request.headers, 'content-length') ?? (empty ? '0' : undefined);
  const session = cookie(request.headers, 'session_id') ?? request.query.get('session_id') ?? undefined;
  return {
    kind: 'stream',
    stream: {
      method: request.method as StreamRequest['method'],
      path,
      query,
      ...(tunnel === undefined ? {} : { tunnel }),
      ...(length !== undefined && /^\d{1,16}$/.test(length) ? { lengthBytes: Number(length) } : {}),
    },
    ...(session === undefined ? {} : { token: tokenOfRef(session) ?? session }),
  };
};

const TITLES = table<string>({
  400: 'Bad Request',
  401: 'Unauthorised',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Request Entity Too Large',
  500: 'Internal Server Error',
  501: 'Method Not Implemented',
  503: 'Service Unavailable',
});

/** A page for people, as the API's own server writes one; the text is ours and holds nothing of the client's. */
export const refusedPage = (status: number, text: string): HttpAnswer => {
  const title = TITLES[String(status)] ?? 'Error';
  const said = text.replace(/[&<>]/g, '');
  return {
    status,
    headers: {
      'content-type': 'text/html',
      'cache-control': 'no-cache, no-store',
      ...(status === 401 ? { 'www-authenticate': 'Basic realm="XenServer"' } : {}),
    },
    body: `<html><head><title>HTTP ${status} ${title}</title></head><body><h1>${title}</h1><p>${said}</p></body></html>\n`,
  };
};

/** Transfers have no error of the API in their answers: the task has it. */
const STATUS: Readonly<Partial<Record<FaultKind, number>>> = {
  'not-authenticated': 401,
  'invalid-login': 401,
  'no-permission': 403,
  'file-not-found': 404,
  'object-not-found': 404,
  'not-found': 404,
  'not-supported': 501,
  'not-implemented': 501,
  'host-communication': 503,
  busy: 503,
  'too-many': 503,
  'invalid-argument': 400,
  'invalid-request': 400,
  'invalid-type': 400,
};

export const streamAnswer: Front['streamAnswer'] = (outcome) =>
  outcome.ok ? { ...outcome.value, body: '' } : refusedPage(STATUS[outcome.fault.kind] ?? 500, outcome.fault.text);
