/** `xenapi://host` (TLS) or `xenapi+http://host:port` in, the endpoint of a XenServer host out. */
import { fault, type Outcome, refused } from '../../generic/faults.ts';
import type { Endpoint } from '../../generic/platform.ts';

export const SCHEMES = ['xenapi'] as const;

const no = (text: string): Outcome<never> => refused(fault('invalid-argument', { property: 'host' }, text));

export const parseUri = (text: string): Outcome<Endpoint> => {
  const head = /^xenapi(?:\+(http|https))?:\/\/(?=[^/])/.exec(text);
  const url = head && text.length <= 1024 ? URL.parse(text.replace(head[0], 'http://')) : null;
  if (!head || !url || url.hostname === '')
    return no(`"${text.slice(0, 200)}" is not a XenAPI URI such as xenapi://address`);
  if (url.password !== '') return no('a XenAPI URI carries no password');
  if ((url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '')
    return no('a XenAPI URI is an address and nothing behind it: xenapi://address');
  const kind = head[1] === 'http' ? 'http' : 'https';
  // The URL reader drops the port that is plain HTTP's own.
  const written = /:(\d+)\/?$/.exec(text)?.[1];
  const port = written === undefined ? (kind === 'http' ? 80 : 443) : Number(written);
  return { ok: true, value: { kind, host: url.hostname.replace(/^\[|\]$/g, ''), port } };
};
