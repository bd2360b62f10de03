/** `esx://host:port/` and `vpx://vcenter/` in, the endpoint of the host's web service and what is expected there out. */
import { fault, type Outcome, refused } from '../../generic/faults.ts';
import type { Endpoint } from '../../generic/platform.ts';

export const SCHEMES = ['esx', 'vpx'] as const;

export interface VimUri {
  readonly endpoint: Endpoint;
  readonly apiType: 'HostAgent' | 'VirtualCenter';
}

const PORTS = { http: 80, https: 443 } as const;

const no = (text: string): Outcome<never> => refused(fault('invalid-argument', { property: 'host' }, text));

export const parseUri = (text: string): Outcome<VimUri> => {
  const head = /^(esx|vpx)(?:\+(https?))?:\/\//.exec(text);
  const url = head && text.length <= 2048 ? URL.parse(`http${text.slice(text.indexOf(':'))}`) : null;
  // URL leaves out port 80 of http, under which it is parsed here.
  const port = /^[^/]*\/\/(?:[^@/?#]*@)?(?:\[[^\]]*\]|[^:/?#]*):(\d{1,5})(?=[/?#]|$)/.exec(text)?.[1];
  if (!head || !url || url.hostname === '')
    return no(`"${text.slice(0, 200)}" is not a URI such as esx://host/ or vpx://vcenter/`);
  if (url.hash !== '') return no('a URI of a host has no fragment');
  if (url.pathname !== '/' && url.pathname !== '')
    return no('the whole host or vCenter is driven: the URI has no path behind the address');
  for (const key of url.searchParams.keys()) {
    if (key === 'no_verify')
      return no('certificates are verified: instead of no_verify name the certificate by its fingerprint');
    if (key !== 'transport') return no(`esx and vpx URIs know the option transport, not "${key.slice(0, 50)}"`);
  }
  const kind = url.searchParams.get('transport') ?? head[2] ?? 'https';
  if (kind !== 'http' && kind !== 'https') return no('transport is https or http');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    ok: true,
    value: {
      endpoint: { kind, host, port: port === undefined ? PORTS[kind] : Number(port) },
      apiType: head[1] === 'vpx' ? 'VirtualCenter' : 'HostAgent',
    },
  };
};
