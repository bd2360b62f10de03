/** Addresses of XenServer hosts. */
import { expect, test } from 'vitest';
import { parseUri } from '../../../../mappings/xenapi/host/uri.ts';

test.each([
  ['xenapi://xen.example', { kind: 'https', host: 'xen.example', port: 443 }],
  ['xenapi://xen.example/', { kind: 'https', host: 'xen.example', port: 443 }],
  ['xenapi+http://192.0.2.1', { kind: 'http', host: '192.0.2.1', port: 80 }],
  ['xenapi+http://192.0.2.1:80', { kind: 'http', host: '192.0.2.1', port: 80 }],
  ['xenapi://192.0.2.1:80', { kind: 'https', host: '192.0.2.1', port: 80 }],
  ['xenapi+https://[2001:db8::1]:8443', { kind: 'https', host: '2001:db8::1', port: 8443 }],
  ['xenapi://root@xen.example', { kind: 'https', host: 'xen.example', port: 443 }],
])('%s', (text, endpoint) => expect(parseUri(text)).toEqual({ ok: true, value: endpoint }));

test.each([
  '',
  'xenapi',
  'xenapi:',
  'xenapi://',
  'xenapi:///path',
  'xenapi+ftp://a',
  'xenapi://a/b',
  'xenapi://a?x=1',
  'xenapi://a#b',
  'xenapi://root:secret@a',
  'https://a',
  `xenapi://${'a'.repeat(2000)}`,
])('no address: %s', (text) => expect(parseUri(text).ok).toBe(false));
