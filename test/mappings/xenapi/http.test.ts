/** Paths, methods and headers of XenAPI over HTTP; malformed bodies; requests for bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fault, refused } from '../../../mappings/generic/faults.ts';
import { front } from '../../../mappings/xenapi/http.ts';
import { answerOf, decode, instance, jsonCall, request, xmlCall } from './front-rig.ts';

describe('headers', () => {
  it('content types have no charset: clients compare them as a whole', () => {
    expect(answerOf(decode('/RPC2', xmlCall('foo'))).headers['content-type']).toBe('text/xml');
    expect(answerOf(decode('/jsonrpc', jsonCall('foo', [], 1))).headers['content-type']).toBe('application/json');
    expect(answerOf(decode('/', xmlCall('foo'))).headers['cache-control']).toBe('no-cache, no-store');
    expect(answerOf(decode('/', xmlCall('foo'))).status).toBe(200);
  });

  it('a browser of another origin may post JSON', () => {
    const asked = { 'access-control-request-headers': 'content-type' };
    const answer = answerOf(decode('/jsonrpc', '', { method: 'OPTIONS', headers: asked }));
    expect(answer.status).toBe(200);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-allow-headers']).toContain('content-type');
  });
});

describe('where nothing is served', () => {
  it('an unregistered method is 501, a path that is none 403 or 404', () => {
    const statusOf = (method: string, path: string): number => answerOf(decode(path, '', { method })).status;
    expect(statusOf('PATCH', '/')).toBe(501);
    expect(statusOf('DELETE', '/export_raw_vdi')).toBe(501);
    expect(statusOf('PUT', '/nowhere')).toBe(403);
    expect(statusOf('CONNECT', '/nowhere')).toBe(403);
    expect(statusOf('GET', '/nowhere')).toBe(404);
    expect(statusOf('POST', '/cli')).toBe(501);
  });

  it('a transfer that the API has and we do not is refused as not implemented', () => {
    for (const [method, path] of [
      ['PUT', '/import'],
      ['GET', '/export/'],
      ['GET', '/host_backup'],
    ] as const)
      expect(answerOf(decode(path, '', { method })).status, path).toBe(501);
  });
});

describe('bodies that are no call', () => {
  const bomb =
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><methodCall><methodName>&c;</methodName></methodCall>';
  const nested = (depth: number): string =>
    `<methodCall><methodName>VM.get_all</methodName><params><param>${'<value><array><data>'.repeat(depth)}${'</data></array></value>'.repeat(depth)}</param></params></methodCall>`;

  it.each([
    ['nothing', '/', ''],
    ['no XML', '/', 'hello'],
    ['XML cut short', '/', xmlCall('VM.get_all').slice(0, 50)],
    ['a document type and entities', '/', bomb],
    ['very deep values', '/', nested(5000)],
    ['another element', '/', '<methodResponse/>'],
    ['no method', '/', '<methodCall><params/></methodCall>'],
    ['no JSON', '/jsonrpc', '{"method":'],
    ['a batch', '/jsonrpc', `[${jsonCall('VM.get_all', ['x'], 2)}]`],
    ['no id', '/jsonrpc', '{"jsonrpc":"2.0","method":"VM.get_all","params":["x"]}'],
    ['an id that is null', '/jsonrpc', '{"jsonrpc":"2.0","method":"VM.get_all","params":["x"],"id":null}'],
    ['no parameters in version 1', '/jsonrpc', '{"method":"VM.get_all","id":1}'],
    ['very deep JSON', '/jsonrpc', `{"method":"a","id":1,"params":${'['.repeat(5000)}${']'.repeat(5000)}}`],
  ])('%s is a server error of HTTP, without a word of the body', (_what, path, body) => {
    const answer = answerOf(decode(path, body));
    expect(answer.status).toBe(500);
    expect(answer.headers['content-type']).toBe('text/html');
    expect(String(answer.body)).not.toContain('bbbb');
  });

  it('a body over the limit is 413', () => {
    const large = xmlCall('VM.get_all', 'x'.repeat(310 * 1024));
    expect(answerOf(decode('/', large)).status).toBe(413);
    const unread = front.encode(
      { method: '', target: { type: '', id: '' }, args: {}, version: '', operation: '' },
      { kind: 'fault', fault: fault('invalid-request', {}, 'The request is larger than 307200 bytes.') },
      instance,
    );
    expect(unread.status).toBe(413);
  });
});

describe('whatever a client sends', () => {
  const paths = fc.oneof(
    fc.constantFrom(
      '/',
      '/RPC2',
      '/jsonrpc',
      '/console',
      '/export_raw_vdi',
      '/import_raw_vdi/',
      '/rrd_updates',
      '/cli',
    ),
    fc.webPath(),
  );
  const headers = fc.dictionary(
    fc.constantFrom(
      'cookie',
      'content-length',
      'transfer-encoding',
      'upgrade',
      'authorization',
      'access-control-request-headers',
    ),
    fc.oneof(
      fc.string(),
      fc.constantFrom('websocket', 'session_id=%', 'session_id=OpaqueRef:x; task_id=%41', 'Basic !!!', '99'),
    ),
  );
  const query = fc.dictionary(
    fc.constantFrom('session_id', 'vdi', 'format', 'task_id', 'uuid', 'pool_secret'),
    fc.string(),
  );

  it('becomes a call, a stream or an answer of the API', () => {
    const methods = fc.constantFrom('GET', 'PUT', 'POST', 'CONNECT', 'OPTIONS', 'HEAD', 'DELETE', 'BREW');
    fc.assert(
      fc.property(methods, paths, headers, query, fc.string(), (method, path, given, asked, body) => {
        const whole = { ...request(path, body, { method, headers: given }), query: new URLSearchParams(asked) };
        const decoded = front.decode(whole, instance);
        expect(['call', 'stream', 'answer']).toContain(decoded.kind);
        if (decoded.kind === 'answer') expect(decoded.answer.status).toBeGreaterThanOrEqual(200);
        if (decoded.kind === 'stream') {
          expect(decoded.stream.query).not.toHaveProperty('session_id');
          expect(decoded.stream.query).not.toHaveProperty('pool_secret');
          expect(front.isStream(method, path)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('requests for bytes', () => {
  const stream = (method: string, target: string, headers: Record<string, string> = {}) => {
    const url = new URL(target, 'http://x');
    const decoded = front.decode(
      { ...request(url.pathname, '', { method, headers }), query: url.searchParams },
      instance,
    );
    if (decoded.kind !== 'stream') throw new Error(`no stream: ${decoded.kind}`);
    return decoded;
  };

  it('take the session of a cookie or of the query, and never hand it on', () => {
    const byQuery = stream('GET', '/export_raw_vdi?vdi=OpaqueRef:v&format=raw&session_id=OpaqueRef:t&pool_secret=p');
    expect(byQuery.token).toBe('t');
    expect(byQuery.stream).toEqual({
      method: 'GET',
      path: '/export_raw_vdi',
      query: { vdi: 'OpaqueRef:v', format: 'raw' },
    });
    const byCookie = stream('GET', '/export_raw_vdi/?vdi=v', {
      cookie: 'a=b; session_id=OpaqueRef%3At; task_id=OpaqueRef:k',
    });
    expect(byCookie.token).toBe('t');
    expect(byCookie.stream.path).toBe('/export_raw_vdi');
    expect(byCookie.stream.query).toEqual({ vdi: 'v', task_id: 'OpaqueRef:k' });
  });

  it('know how long an upload will be', () => {
    const lengthOf = (headers: Record<string, string>): number | undefined =>
      stream('PUT', '/import_raw_vdi/?vdi=v', headers).stream.lengthBytes;
    expect(lengthOf({ 'content-length': '1024' })).toBe(1024);
    expect(lengthOf({ 'content-length': '1125899906842624' })).toBe(2 ** 50);
    expect(lengthOf({})).toBe(0);
    expect(lengthOf({ 'transfer-encoding': 'chunked' })).toBeUndefined();
  });

  it('for a console want a connection, not an answer', () => {
    expect(stream('CONNECT', '/console?uuid=u').stream).toEqual({
      method: 'CONNECT',
      path: '/console',
      query: { uuid: 'u' },
      tunnel: 'raw',
    });
    expect(stream('GET', '/console?ref=r', { upgrade: 'websocket' }).stream.tunnel).toBe('websocket');
    const plain = { ...request('/console', '', { method: 'GET' }), query: new URLSearchParams('uuid=u') };
    expect(answerOf(front.decode(plain, instance)).status).toBe(400);
  });

  it('are refused by a status', () => {
    const statusOf = (kind: 'not-authenticated' | 'object-not-found' | 'internal'): number =>
      front.streamAnswer(refused(fault(kind, {} as never, ''))).status;
    expect(statusOf('not-authenticated')).toBe(401);
    expect(
      front.streamAnswer(refused(fault('not-authenticated', { privilege: '' }, ''))).headers['www-authenticate'],
    ).toMatch(/^Basic realm=/);
    expect(statusOf('object-not-found')).toBe(404);
    expect(statusOf('internal')).toBe(500);
  });
});
