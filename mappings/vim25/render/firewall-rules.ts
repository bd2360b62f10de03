/** The services that ESXi names in its firewall, as facts: key, label and ports; what reads them gets one ruleset each. */
import { element } from '../../wire/markup.ts';

type Direction = 'inbound' | 'outbound';
/** Direction, protocol, first port and, of a range, the last. */
type Rule = readonly [Direction, 'tcp' | 'udp', number, number?];

/*
 * No host we drive tells of its firewall, and we ask for none: nothing is blocked, as the default policy says. So every service passes,
 * and no ruleset can be switched off (EnableRuleset and DisableRuleset answer NotSupported).
 */
const RULESETS: readonly (readonly [key: string, label: string, rules: readonly Rule[]])[] = [
  [
    'dhcp',
    'DHCP Client',
    [
      ['outbound', 'udp', 67],
      ['inbound', 'udp', 68],
    ],
  ],
  [
    'dns',
    'DNS Client',
    [
      ['outbound', 'udp', 53],
      ['outbound', 'tcp', 53],
      ['inbound', 'udp', 53],
    ],
  ],
  [
    'httpClient',
    'httpClient',
    [
      ['outbound', 'tcp', 80],
      ['outbound', 'tcp', 443],
    ],
  ],
  [
    'nfsClient',
    'NFS Client',
    [
      ['outbound', 'tcp', 111],
      ['outbound', 'tcp', 2049],
    ],
  ],
  ['ntpClient', 'NTP Client', [['outbound', 'udp', 123]]],
  ['sshClient', 'SSH Client', [['outbound', 'tcp', 22]]],
  ['sshServer', 'SSH Server', [['inbound', 'tcp', 22]]],
  [
    'syslog',
    'syslog',
    [
      ['outbound', 'udp', 514],
      ['outbound', 'tcp', 514],
      ['outbound', 'tcp', 1514],
    ],
  ],
  [
    'vSphereClient',
    'vSphere Web Client',
    [
      ['inbound', 'tcp', 443],
      ['inbound', 'tcp', 902],
    ],
  ],
  ['webAccess', 'vSphere Web Access', [['inbound', 'tcp', 80]]],
];

export const firewallInput = (): string =>
  RULESETS.map(([key, label, rules]) =>
    element(
      'ruleset',
      { key, label },
      rules
        .map(([direction, protocol, port, endPort]) => element('rule', { direction, protocol, port, endPort }))
        .join(''),
    ),
  ).join('');
