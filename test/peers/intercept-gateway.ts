/** A gateway's agent as its operator writes it down: three hosts, reached in every way that a gateway has; the file, and where a client finds each host by each way. */
import { nameOfHost } from './netns.ts';
import type { KvmHost } from './netns-estate.ts';

type Family = 4 | 6;

/** Of the two vendors, each with clients of its own; at every place both. */
const PLATFORMS = ['vim25', 'xenapi'] as const;
const FAMILIES = [4, 6] as const;

/** Addresses that the gateway holds for its hosts: for clients, and for the load balancer. */
const ALIASES = { own: 1, balanced: 2 } as const;
type Alias = keyof typeof ALIASES;
const ALL: readonly Alias[] = ['own', 'balanced'];
const alias = (which: Alias, { number }: KvmHost, family: Family): string =>
  family === 4 ? `203.0.113.${ALIASES[which]}${number}` : `2001:db8:3::${ALIASES[which]}${number}`;

export const HANDED_PORT = 50_443;
const BALANCED_PORT = 8453;
const GATEWAY = { 4: '198.51.100.1', 6: '2001:db8:1::1' } as const;

const inUrl = (address: string): string => (address.includes(':') ? `[${address}]` : address);
export const portOf = ({ number }: KvmHost): number => 8440 + number;

/** The origin at which a client finds a host, where it is not the host's own. */
export const WAYS = {
  port: (host, family) => `https://${inUrl(GATEWAY[family])}:${portOf(host)}`,
  alias: (host, family) => `https://${inUrl(alias('own', host, family))}`,
  serverName: (host, family) => `https://${nameOfHost(host.number, family)}`,
  hostHeader: (host, family) => `http://${nameOfHost(host.number, family)}`,
  balanced: (host, family) => `https://${inUrl(alias('balanced', host, family))}`,
} as const satisfies Readonly<Record<string, (host: KvmHost, family: Family) => string>>;

const list = (texts: readonly string[]): string => `[${texts.map((text) => `"${text}"`).join(', ')}]`;
const aliases = (hosts: readonly KvmHost[], which: readonly Alias[]): string[] =>
  which.flatMap((one) => hosts.flatMap((host) => FAMILIES.map((family) => alias(one, host, family))));

const frontsOf = (host: KvmHost): string =>
  PLATFORMS.map((platform) => {
    const front = (name: string, keys: string): string =>
      `[[front]]\nname = "${name}-${platform}-${host.number}"\nplatform = "${platform}"\nhost = "${host.name}"\n${keys}\n`;
    const names = FAMILIES.map((family) => nameOfHost(host.number, family));
    return [
      front('port', `port = ${portOf(host)}`),
      front('standard', `gate = "standard"\nat = ${list([...aliases([host], ['own']), ...names])}`),
      front('plain', `gate = "plain"\ntls = false\nat = ${list(names)}`),
      front('balanced', `gate = "balanced"\nat = ${list(aliases([host], ['balanced']))}`),
      front('meant', `gate = "meant"\nat = ${list([host.ip, host.ip6])}`),
    ].join('');
  }).join('');

export const gatewayConfig = (hosts: readonly KvmHost[]): string => `
listen = "::"
${hosts.map(({ name, uriFromAfar }) => `[[host]]\nname = "${name}"\nuri = "${uriFromAfar}"\n`).join('')}
[[gate]]
name = "standard"
listen = ${list([...Object.values(GATEWAY), ...aliases(hosts, ['own'])])}
port = 443
[[gate]]
name = "plain"
port = 80
[[gate]]
name = "balanced"
port = ${BALANCED_PORT}
proxyProtocol = true
trusted = ${list(Object.values(GATEWAY))}
[[gate]]
name = "meant"
socket = "meant"
passthrough = true
${hosts.map(frontsOf).join('')}`;

/** The right to listen for other machines' addresses is the opener's, and gone when the program starts. */
export const gatewayOpener = (openTransparent: string): readonly string[] => [
  openTransparent,
  ...['0.0.0.0', '[::]'].map((address) => `meant=${address}:${HANDED_PORT}`),
  ...['--', 'setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'],
];

/** Makes the gateway hold its hosts' addresses. */
export const addAliases = (hosts: readonly KvmHost[]): string =>
  aliases(hosts, ALL)
    .map((address) => `ip addr add ${address}/${address.includes(':') ? 128 : 32} dev lo\n`)
    .join('');

/** HAProxy's configuration: version 2 of the protocol on IPv4, version 1 on IPv6. */
export const balancerConfig = (hosts: readonly KvmHost[]): string =>
  `defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n${FAMILIES.map((family) => {
    const binds = hosts.map((host) => `  bind ${inUrl(alias('balanced', host, family))}:443\n`).join('');
    return `listen v${family}\n${binds}  server agent ${inUrl(GATEWAY[family])}:${BALANCED_PORT} ${family === 4 ? 'send-proxy-v2' : 'send-proxy'}\n`;
  }).join('')}`;
