/** URIs of vim25 hosts: the endpoint behind them, and what is refused with a word of advice. */
import { expect, it } from 'vitest';
import { parseUri } from '../../../../mappings/vim25/host/uri.ts';

it.each([
  ['esx://host/', { kind: 'https', host: 'host', port: 443 }, 'HostAgent'],
  ['vpx://vcenter.example:8443', { kind: 'https', host: 'vcenter.example', port: 8443 }, 'VirtualCenter'],
  ['esx://root@10.0.0.1/', { kind: 'https', host: '10.0.0.1', port: 443 }, 'HostAgent'],
  ['esx+http://127.0.0.1:8989/', { kind: 'http', host: '127.0.0.1', port: 8989 }, 'HostAgent'],
  ['esx://127.0.0.1:80/?transport=http', { kind: 'http', host: '127.0.0.1', port: 80 }, 'HostAgent'],
  ['esx://127.0.0.1:80/', { kind: 'https', host: '127.0.0.1', port: 80 }, 'HostAgent'],
  ['vpx+http://[::1]/', { kind: 'http', host: '::1', port: 80 }, 'VirtualCenter'],
])('%s', (uri, endpoint, apiType) => {
  expect(parseUri(uri)).toEqual({ ok: true, value: { endpoint, apiType } });
});

it.each([
  ['esx:///', /not a URI such as/],
  ['gsx://host/', /not a URI such as/],
  ['vpx://vcenter/DC0/cluster/host', /no path/],
  ['esx://host/?no_verify=1', /fingerprint/],
  ['esx://host/?auto_answer=1', /transport, not "auto_answer"/],
  ['esx://host/?transport=ftp', /https or http/],
  ['esx://host/#x', /fragment/],
])('%s is refused', (uri, text) => {
  const outcome = parseUri(uri);
  expect(outcome.ok ? '' : outcome.fault.text).toMatch(text);
});
