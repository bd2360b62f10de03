/** A gateway's agent as its operator writes it down: three hosts, reached in every way that a gateway has; the file, and where a client finds each host by each way. */
import { nameOfHost } from './netns.ts';
import type { KvmHost } from './netns-estate.ts';

export type Kind = 'kvm' | 'xen';
type Family = 4 | 6;

const PLATFORM = { kvm: 'vim25', xen: 'xenapi' } as const;
const KINDS = ['kvm', 'xen'] as const;
const FAMILIES = [4, 6] as const;

/** Addresses that the gateway holds for its hosts: by kind of client, and for the load balancer. */
const ALIASES = { kvm: 1, xen: 2, kvmBalanced: 3, xenBalanced: 4 } as const;
const alias = (which: keyof typeof ALIASES, { number }: KvmHost, family: Family): string =>
  family === 4 ? `203.0.113.${ALIASES[which]}${number}` : `2001:db8:3::${ALIASES[which]}${number}`;

export const HANDED_PORTS = { kvm: 50_443, xen: 50_444 } as const;
const BALANCED_PORT = 8453;
const GATEWAY = { 4: '198.51.100.1', 6: '2001:db8:1::1' } as const;

const inUrl = (address: string): string => (address.includes(':') ? `[${address}]` : address);
const portOf = (kind: Kind, { number }: KvmHost): number => (kind === 'kvm' ? 8440 : 9440) + number;

/** The origin at which a client finds a host, where it is not the host's own. */
export const WAYS = {
  port: (kind, host, family) => `https://${inUrl(GATEWAY[family])}:${portOf(kind, host)}`,
  alias: (kind, host, family) => `https://${inUrl(alias(kind, host, family))}`,
  serverName: (kind, host, family) => `https://${nameOfHost(kind, host.number, family)}`,
  hostHeader: (kind, host, family) => `http://${nameOfHost(kind, host.number, family)}`,
  balanced: (kind, host, family) => `https://${inUrl(alias(`${kind}Balanced`, host, family))}`,
} as const satisfies Readonly<Record<string, (kind: Kind, host: KvmHost, family: Family) => string>>;

const list = (texts: readonly string[]): string => `[${texts.map((text) => `"${text}"`).join(', ')}]`;
const aliases = (hosts: readonly KvmHost[], which: readonly (keyof typeof ALIASES)[]): string[] =>
  which.flatMap((one) => hosts.flatMap((host) => FAMILIES.map((family) => alias(one, host, family))));

const frontsOf = (host: KvmHost): string =>
  KINDS.map((kind) => {
    const front = (name: string, keys: string): string =>
      `[[front]]\nname = "${name}-${kind}-${host.number}"\nplatform = "${PLATFORM[kind]}"\nhost = "${host.name}"\n${keys}\n`;
    const names = FAMILIES.map((family) => nameOfHost(kind, host.number, family));
    return [
      front('port', `port = ${portOf(kind, host)}`),
      front('standard', `gate = "standard"\nat = ${list([...aliases([host], [kind]), ...names])}`),
      front('plain', `gate = "plain"\ntls = false\nat = ${list(names)}`),
      front('balanced', `gate = "balanced"\nat = ${list(aliases([host], [`${kind}Balanced`]))}`),
      front('meant', `gate = "meant-${kind}"\nat = ${list([host.ip, host.ip6])}`),
    ].join('');
  }).join('');

export const gatewayConfig = (hosts: readonly KvmHost[]): string => `
listen = "::"
${hosts.map(({ name, uriFromAfar }) => `[[host]]\nname = "${name}"\nuri = "${uriFromAfar}"\n`).join('')}
[[gate]]
name = "standard"
listen = ${list([...Object.values(GATEWAY), ...aliases(hosts, KINDS)])}
port = 443
[[gate]]
name = "plain"
port = 80
[[gate]]
name = "balanced"
port = ${BALANCED_PORT}
proxyProtocol = true
trusted = ${list(Object.values(GATEWAY))}
${KINDS.map((kind) => `[[gate]]\nname = "meant-${kind}"\nsocket = "${kind}"\npassthrough = true\n`).join('')}
${hosts.map(frontsOf).join('')}`;

/** The right to listen for other machines' addresses is the opener's, and gone when the program starts. */
export const gatewayOpener = (openTransparent: string): readonly string[] => [
  openTransparent,
  ...KINDS.flatMap((kind) => ['0.0.0.0', '[::]'].map((address) => `${kind}=${address}:${HANDED_PORTS[kind]}`)),
  ...['--', 'setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'],
];

/** Makes the gateway hold its hosts' addresses. */
export const addAliases = (hosts: readonly KvmHost[]): string =>
  aliases(hosts, Object.keys(ALIASES) as (keyof typeof ALIASES)[])
    .map((address) => `ip addr add ${address}/${address.includes(':') ? 128 : 32} dev lo\n`)
    .join('');

/** HAProxy's configuration: version 2 of the protocol on IPv4, version 1 on IPv6. */
export const balancerConfig = (hosts: readonly KvmHost[]): string =>
  `defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n${FAMILIES.map((family) => {
    const binds = (['kvmBalanced', 'xenBalanced'] as const)
      .flatMap((which) => hosts.map((host) => `  bind ${inUrl(alias(which, host, family))}:443\n`))
      .join('');
    return `listen v${family}\n${binds}  server agent ${inUrl(GATEWAY[family])}:${BALANCED_PORT} ${family === 4 ? 'send-proxy-v2' : 'send-proxy'}\n`;
  }).join('')}`;
