/** Where a link goes: text of the configuration in, one of three kinds out; and back. */

/** `unix:/run/transvisor/link`, `tcp:127.0.0.1:7443` in plain text, or `tls:server.example:7443` with certificates on both sides. */
export type LinkAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' | 'tls'; readonly host: string; readonly port: number };

export const parseLinkAddress = (text: string): LinkAddress | undefined => {
  if (text.startsWith('unix:') && text.length > 5) return { kind: 'unix', path: text.slice(5) };
  const parts = /^(tcp|tls):(?:\[([0-9a-fA-F:]+)\]|([^:[\]/@?#\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[4]);
  const host = parts?.[2] ?? parts?.[3];
  if (host === undefined || port > 65_535) return undefined;
  return { kind: parts?.[1] === 'tls' ? 'tls' : 'tcp', host, port };
};

const hostPart = (host: string): string => (host.includes(':') ? `[${host}]` : host);

export const formatLinkAddress = (address: LinkAddress): string =>
  address.kind === 'unix' ? `unix:${address.path}` : `${address.kind}:${hostPart(address.host)}:${address.port}`;

/** The same address for a WebSocket client. */
export const linkUrl = (address: LinkAddress, path: string): string =>
  address.kind === 'unix'
    ? `ws+unix:${address.path}:${path}`
    : `${address.kind === 'tls' ? 'wss' : 'ws'}://${hostPart(address.host)}:${address.port}${path}`;
