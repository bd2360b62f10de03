/** Which requests the fronts say are theirs, when two of them share an address and port: each of an API's own is its, and none is both's. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Front } from '../../mappings/generic/platform.ts';
import { front as vim25 } from '../../mappings/vim25/http.ts';
import { front as xenapi } from '../../mappings/xenapi/http.ts';

type Request = Parameters<Front['claims']>[0];
const of = (method: string, path: string, headers: Request['headers'] = {}): Request => ({ method, path, headers });
const XML = { 'content-type': 'text/xml' };
const SOAP = { ...XML, soapaction: '"urn:vim25/8.0"' };

describe.each([
  ['vim25', vim25, xenapi],
  ['xenapi', xenapi, vim25],
] as const)('of %s', (name, own, other) => {
  const requests: Readonly<Record<string, readonly Request[]>> = {
    vim25: [
      ...[of('POST', '/sdk', SOAP), of('POST', '/sdk', XML), of('POST', '/sdk/', XML), of('GET', '/sdk')],
      ...[of('POST', '/sdk/vimService', SOAP), of('GET', '/sdk/vimServiceVersions.xml'), of('GET', '/sdk/vim.wsdl')],
      ...[of('GET', '/folder'), of('PUT', '/folder/vm/disk.vmdk'), of('GET', '/screen'), of('HEAD', '/folder/vm/a')],
      // The welcome page.
      ...[of('GET', '/'), of('HEAD', '/'), of('GET', '/ui/'), of('GET', '/mob')],
    ],
    xenapi: [
      ...[of('POST', '/', XML), of('POST', '/'), of('POST', '/RPC2', XML), of('OPTIONS', '/jsonrpc')],
      ...[of('POST', '/jsonrpc', { 'content-type': 'application/json' }), of('POST', '/jsonrpc/v2')],
      ...[of('GET', '/export_raw_vdi'), of('PUT', '/import_raw_vdi'), of('PUT', '/import_raw_vdi/')],
      ...[of('CONNECT', '/console'), of('GET', '/console', { upgrade: 'websocket' }), of('GET', '/rrd_updates')],
      // Not served, and still nobody else's to refuse.
      ...[of('GET', '/export'), of('PUT', '/import'), of('POST', '/cli'), of('POST', '/import_raw_vdi')],
    ],
  };
  test.each((requests[name] ?? []).map((request) => [`${request.method} ${request.path}`, request] as const))(
    '%s',
    (_, request) => {
      expect([own.claims(request), other.claims(request)]).toEqual([true, false]);
    },
  );
});

test('a stream is its own front’s', () => {
  for (const [front, other] of [
    [vim25, xenapi],
    [xenapi, vim25],
  ] as const)
    fc.assert(
      fc.property(
        fc.constantFrom('GET', 'PUT', 'POST', 'CONNECT', 'HEAD'),
        fc.constantFrom('/folder', '/screen', '/console', '/export_raw_vdi', '/import_raw_vdi', '/vm_rrd', '/sdk', '/'),
        fc.constantFrom('', '/', '/x', 'x', '%2fx'),
        (method, start, end) => {
          const path = start + end;
          fc.pre(front.isStream(method, path));
          expect(front.claims(of(method, path))).toBe(true);
          expect(other.claims(of(method, path))).toBe(false);
        },
      ),
    );
});
test('what is no API’s own is nobody’s', () => {
  for (const request of [
    of('GET', '/x'),
    of('POST', '/', SOAP),
    of('GET', '/RPC2'),
    of('OPTIONS', '*'),
    of('GET', '/sdkx'),
  ])
    expect([vim25.claims(request), xenapi.claims(request)]).toEqual([false, false]);
});
