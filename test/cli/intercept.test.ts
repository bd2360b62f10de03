/** Interception as text: what configurations become, that they become the same each time, and mistakes and bent words that are refused, each saying why. */
import { describe, expect, test } from 'vitest';
import { compileInterception, parseTable } from '../../cli/intercept/ruleset.ts';
import { printIntercept } from '../../cli/intercept.ts';
import { type Config, checkConfig } from '../../runtime/config.ts';
import { refusalOf } from '../refusal.ts';

const ESTATE = {
  listen: '::',
  host: [
    { name: 'kvm-1', uri: 'sim:///one' },
    { name: 'kvm-2', uri: 'sim:///two' },
  ],
  front: [
    { platform: 'vim25', port: 8443 },
    { platform: 'vim25', host: 'kvm-2', port: 8444, listen: '198.51.100.1' },
    { platform: 'xenapi', name: 'loop', port: 8445, listen: '127.0.0.1' },
    { platform: 'xenapi', name: 'any', port: 0 },
    { platform: 'xenapi', name: 'local', port: 8446, listen: 'localhost' },
    { platform: 'xenapi', name: 'behind', gate: 'door' },
  ],
  gate: [
    { name: 'door', listen: ['192.0.2.1', '2001:db8::1'], port: 8450 },
    { name: 'both', listen: ['0.0.0.0', '::'], port: 8451 },
    { name: 'handed', socket: 'hosts' },
  ],
};
type Rule = { mode: string; at?: string[]; ports?: number[]; to: string; masquerade?: boolean };
const configWith = (rules: Rule[], more: object = {}): Config =>
  checkConfig({ ...ESTATE, intercept: { rule: rules.map((rule) => ({ ports: [443], ...rule })), ...more } });
const compiled = (rules: Rule[], more: object = {}) => compileInterception(configWith(rules, more));
const rulesOf = (rules: Rule[], more: object = {}): string[] =>
  compiled(rules, more)
    .script.split('\n')
    .map((line) => line.trim())
    .filter((line) => / tcp dport /.test(line));

describe('rules', () => {
  test('on a host: whatever address of it a client means, in both families', () => {
    expect(rulesOf([{ mode: 'redirect', to: 'vim25@kvm-1' }])).toEqual([
      'meta nfproto ipv4 fib daddr type local tcp dport { 443 } redirect to :8443 comment "vim25@kvm-1"',
      'meta nfproto ipv6 fib daddr type local tcp dport { 443 } redirect to :8443 comment "vim25@kvm-1"',
    ]);
  });
  test('on a gateway: an address and port of a host become those of its front', () => {
    expect(
      rulesOf([
        { mode: 'dnat', at: ['192.0.2.11', '2001:DB8:0:0::11'], to: 'vim25@kvm-1' },
        { mode: 'dnat', at: ['192.0.2.12'], ports: [443, 80], to: 'vim25@kvm-2' },
      ]),
    ).toEqual([
      'ip daddr { 192.0.2.11 } tcp dport { 443 } redirect to :8443 comment "vim25@kvm-1"',
      'ip6 daddr { 2001:db8::11 } tcp dport { 443 } redirect to :8443 comment "vim25@kvm-1"',
      'ip daddr { 192.0.2.12 } tcp dport { 443, 80 } dnat ip to 198.51.100.1:8444 comment "vim25@kvm-2"',
    ]);
  });
  test('to a gate, on whichever addresses it listens', () => {
    const both = { mode: 'dnat', at: ['192.0.2.11', '2001:db8::11'] };
    expect(rulesOf([{ ...both, to: 'both' }]).map((rule) => rule.replace(/^.*\} /, ''))).toEqual([
      'redirect to :8451 comment "both"',
      'redirect to :8451 comment "both"',
    ]);
    expect(rulesOf([{ ...both, to: 'door' }]).map((rule) => rule.replace(/^.*\} /, ''))).toEqual([
      'dnat ip to 192.0.2.1:8450 comment "door"',
      'dnat ip6 to [2001:db8::1]:8450 comment "door"',
    ]);
  });
  test('to a transparent listener: marked, and routed to this machine by a table of its own', () => {
    const rule = { mode: 'tproxy', at: ['192.0.2.11', '2001:db8::11'], to: 'loop' };
    expect(refusalOf(() => compiled([rule]))).toMatch(/loop answers no IPv6, as 2001:db8::11 needs/);
    const only4 = { ...rule, at: ['192.0.2.11'] };
    expect(rulesOf([only4])).toEqual([
      'ip daddr { 192.0.2.11 } tcp dport { 443 } tproxy ip to 127.0.0.1:8445 meta mark set meta mark or 0x100000 accept comment "loop"',
    ]);
    expect(compiled([only4], { mark: 0x200, table: 300 }).routing).toEqual({
      mark: 0x200,
      table: 300,
      families: ['ip'],
    });
    expect(compiled([{ ...rule, to: ':8447' }]).routing?.families).toEqual(['ip', 'ip6']);
  });
  test('to an agent on another machine, which sees this one as its client where asked to', () => {
    const rule = { mode: 'dnat', at: ['192.0.2.11'], to: '203.0.113.5:8443' };
    expect(rulesOf([rule])).toHaveLength(1);
    expect(rulesOf([{ ...rule, masquerade: true }])).toEqual([
      'ip daddr { 192.0.2.11 } tcp dport { 443 } dnat ip to 203.0.113.5:8443 comment "203.0.113.5:8443"',
      'ip daddr 203.0.113.5 tcp dport 8443 ct status dnat ct original ip daddr { 192.0.2.11 } masquerade',
    ]);
    expect(rulesOf([{ mode: 'dnat', at: ['2001:db8::11'], to: '[2001:db8::5]:8443' }])[0]).toContain(
      'dnat ip6 to [2001:db8::5]:8443 comment "2001:db8::5:8443"',
    );
  });
  test('loopback, other interfaces and excepted clients come first', () => {
    const { script } = compiled([{ mode: 'redirect', to: 'vim25@kvm-1' }], {
      interfaces: ['eth0', 'br0.10'],
      except: ['10.0.0.0/8', '192.0.2.9', 'fd00::/64'],
    });
    const lines = script.split('\n').map((line) => line.trim());
    expect(lines).toContain('elements = { 10.0.0.0/8, 192.0.2.9 }');
    expect(lines).toContain('elements = { fd00::/64 }');
    const begin = lines.indexOf('iifname "lo" return');
    expect(lines.slice(begin, begin + 5)).toEqual([
      'iifname "lo" return',
      'iifname != { "eth0", "br0.10" } return',
      'ip saddr @except_ip return',
      'ip6 saddr @except_ip6 return',
      'tcp flags & (fin | syn | rst | ack) != syn return',
    ]);
  });
  test('the same configuration gives the same text, and replaces what an earlier one left', () => {
    const rules = [{ mode: 'redirect', to: 'vim25@kvm-1' }];
    expect(compiled(rules)).toEqual(compiled(rules));
    expect(compiled(rules, { name: 'edge-1' }).script.split('\n').slice(0, 3)).toEqual([
      'table inet transvisor_edge-1',
      'delete table inet transvisor_edge-1',
      'table inet transvisor_edge-1 {',
    ]);
  });
  test('a table says itself what belongs to it, and one of somebody else says nothing', () => {
    for (const to of ['vim25@kvm-1', ':8447']) {
      const made = compiled([{ mode: 'tproxy', at: ['2001:db8::11'], to }], { mark: 0x8000_0000, table: 0xffff_ffff });
      expect(parseTable(made.script)).toEqual({ routing: made.routing });
    }
    expect(parseTable(compiled([{ mode: 'redirect', to: 'vim25@kvm-1' }]).script)).toEqual({ routing: undefined });
    expect(parseTable('table inet transvisor_main {\n\tcomment "made by hand"\n}\n')).toBeUndefined();
    expect(parseTable('table inet transvisor_main {\n\tchain x {\n\t}\n}\n')).toBeUndefined();
  });
  test('print shows the routing in remarks, so that its output is a script for nft', () => {
    const { text } = printIntercept(configWith([{ mode: 'tproxy', at: ['192.0.2.11'], to: ':8447' }]));
    expect(text.split('\n').slice(0, 3)).toEqual([
      '# ip -4 route replace local default dev lo table 7443 proto 116',
      '# ip -4 rule add pref 100 fwmark 0x100000/0x100000 lookup 7443 protocol 116',
      'table inet transvisor_main',
    ]);
  });
});

describe('what is refused', () => {
  const redirect = (to: string) => () => compiled([{ mode: 'redirect', to }]);
  const dnat = (more: object) => () => compiled([{ mode: 'dnat', at: ['192.0.2.11'], to: 'vim25@kvm-1', ...more }]);
  test.each([
    [
      'a front that is not there',
      redirect('vim25@kvm1'),
      /no gate or front of that name, .*; did you mean "vim25@kvm-1"\?/,
    ],
    ['a front without a port', redirect('any'), /front any has no port of its own/],
    ['a front at a gate', redirect('behind'), /front behind has no port of its own: name its gate, door/],
    ['a gate whose socket is handed over', redirect('handed'), /gate handed has no port of its own: .* as :PORT/],
    ['a front that listens on a name', redirect('local'), /listens on "localhost": an address is needed/],
    ['a front on loopback', redirect('loop'), /loop listens on 127\.0\.0\.1, where nothing from outside arrives/],
    ['a redirect to another machine', redirect('192.0.2.9:443'), /redirect stays on this machine/],
    ['a port that is none', redirect(':0'), /not :PORT/],
    ['dnat for no address', dnat({ at: undefined }), /dnat needs the addresses it is for/],
    ['IPv6 to IPv4', dnat({ at: ['2001:db8::11'], to: 'vim25@kvm-2' }), /vim25@kvm-2 answers no IPv6/],
    ['masquerade on this machine', dnat({ masquerade: true }), /masquerade belongs to dnat to another machine/],
    [
      'one address sent to two places, however it is written',
      () =>
        compiled([
          { mode: 'dnat', at: ['2001:db8::11'], to: 'vim25@kvm-1' },
          { mode: 'tproxy', at: ['2001:DB8::0:11'], to: ':9' },
        ]),
      /2001:db8::11 port 443 is sent to vim25@kvm-1 and to :9/,
    ],
    ['no rule at all', () => printIntercept(configWith([])), /no \[\[intercept\.rule\]\]/],
  ])('%s', (_says, act, refusal) => {
    expect(refusalOf(act)).toMatch(refusal);
  });

  const BENT = [
    '192.0.2.11; flush ruleset',
    '192.0.2.11 }\n',
    '192.0.2.11/8',
    '$(reboot)',
    'fe80::1%eth0',
    '@set',
    ' ',
    '0x7f.1',
  ];
  test.each(BENT)('%j is no address', (address) => {
    expect(refusalOf(dnat({ at: [address] }))).toMatch(/not an IPv4 or IPv6 address/);
    expect(refusalOf(dnat({ to: `${address}:443` }))).toMatch(/intercept/);
  });
  test.each(['"eth0', 'eth*', 'eth0 }', 'a"; flush ruleset; "', 'sixteen-letters.', ''])(
    '%j is no interface',
    (name) => {
      expect(refusalOf(() => compiled([], { interfaces: [name] }))).toMatch(/not the name of a network interface/);
    },
  );
  test.each(['a b', 'a;b', 'a{', '../x', '', 'ä'])('%j is no name', (name) => {
    expect(refusalOf(() => compiled([], { name }))).toMatch(/letters, digits, dash and underscore/);
  });
  test('no prefix, mark, table, port or mode of nowhere', () => {
    const rule = { mode: 'redirect', to: ':1' };
    for (const except of ['::ffff:10.0.0.0/104', '10.0.0.0/33', '10.0.0.0/-1', 'fd00::/129', '10.0.0.0/8/8', 'any'])
      expect(refusalOf(() => compiled([], { except: [except] }))).toMatch(/not an address or prefix/);
    expect(refusalOf(() => compiled([], { mark: 3 }))).toMatch(/not a single bit/);
    expect(refusalOf(() => compiled([], { table: 254 }))).toMatch(/intercept\.table/);
    expect(refusalOf(() => compiled([{ ...rule, ports: [0] }]))).toMatch(/intercept\.rule\.0\.ports/);
    expect(refusalOf(() => compiled([{ ...rule, mode: 'drop' }]))).toMatch(/intercept\.rule\.0\.mode/);
  });
});
