/** Interception as text: a configuration in, one table of rules for nft and the routing that its marks need out. Pure; the same text each time. */
import { type Config, ConfigError } from '../../runtime/config.ts';
import type { InterceptRule } from '../../runtime/intercept-config.ts';
import { ANY, FAMILIES, type Family, familyOf, type Target, targetOf } from './target.ts';

/** What tproxy needs beside the table: marked packets are delivered here, whatever address they carry. */
export interface Routing {
  readonly mark: number;
  readonly table: number;
  readonly families: readonly Family[];
}

export interface Interception {
  /** Of the nft table, in the family inet. */
  readonly name: string;
  readonly script: string;
  readonly rules: number;
  readonly routing: Routing | undefined;
  /** Traffic of these families must cross this machine. */
  readonly forwards: readonly Family[];
}

export const TABLE_PREFIX = 'transvisor_';
export const tableName = (name: string): string => `${TABLE_PREFIX}${name}`;

export const hex = (mark: number): string => `0x${mark.toString(16)}`;

/** By this comment the table is known as ours, and by it `remove` knows what belongs to it. */
const MADE_BY = 'transvisor intercept';
const commentOf = (routing: Routing | undefined): string =>
  routing === undefined
    ? MADE_BY
    : `${MADE_BY}: mark ${hex(routing.mark)} table ${routing.table} ${routing.families.join(' ')}`;

const COMMENT = new RegExp(
  `^\\s*comment "${MADE_BY}(?:: mark 0x([0-9a-f]{1,8}) table (\\d{1,10})((?: ip6?)+))?"$`,
  'm',
);

/** What a listed table says of itself; undefined: it is not ours. */
export const parseTable = (listed: string): { readonly routing: Routing | undefined } | undefined => {
  const found = COMMENT.exec(listed);
  if (found === null) return undefined;
  const [, mark, table, families] = found;
  if (mark === undefined) return { routing: undefined };
  const named = (families ?? '').split(' ');
  const routing = {
    mark: Number.parseInt(mark, 16),
    table: Number(table),
    families: FAMILIES.filter((family) => named.includes(family)),
  };
  return { routing };
};

/** The second lock: whatever the configuration let through, nothing here can end a word of a rule. */
const word = (text: string): string => {
  if (!/^[A-Za-z0-9_.:@/-]+$/.test(text)) throw new Error(`no word of a rule: ${JSON.stringify(text)}`);
  return text;
};

/** Which front or gate a rule is for, for readers of the table. */
const remark = ({ target }: Way): string => `comment "${word(target.says.replace(/[[\]]/g, ''))}"`;

const list = (words: readonly (string | number)[]): string => `{ ${words.map((one) => word(String(one))).join(', ')} }`;

const endpoint = (address: string, port: number): string =>
  familyOf(address) === 'ip' ? `${word(address)}:${port}` : `[${word(address)}]:${port}`;

interface Way {
  readonly rule: InterceptRule;
  readonly target: Target;
  readonly family: Family;
  /** undefined: the addresses of this machine. */
  readonly at: readonly string[] | undefined;
}

const waysOf = (config: Config): Way[] =>
  config.intercept.rule.flatMap((rule) => {
    const target = targetOf(rule, config);
    const at = rule.at;
    if (at === undefined && rule.mode !== 'redirect')
      throw new ConfigError(`intercept: to "${rule.to}": ${rule.mode} needs the addresses it is for: set at`);
    const ways: Way[] = [];
    for (const family of FAMILIES) {
      const mine = at?.filter((address) => familyOf(address) === family);
      if (mine !== undefined ? mine.length === 0 : target.answers[family] === undefined) continue;
      if (target.answers[family] === undefined)
        throw new ConfigError(
          `intercept: ${target.says} answers no ${family === 'ip' ? 'IPv4' : 'IPv6'}, as ${mine?.[0]} needs: a listener on :: answers both`,
        );
      ways.push({ rule, target, family, at: mine });
    }
    return ways;
  });

/** Two rules for the same traffic: the second would never be seen. */
const refuseTwice = (ways: readonly Way[]): void => {
  const seen = new Map<string, string>();
  for (const { rule, target, family, at } of ways) {
    for (const address of at ?? [`every ${family} address`])
      for (const port of rule.ports) {
        const before = seen.get(`${address} ${port}`);
        if (before !== undefined)
          throw new ConfigError(`intercept: ${address} port ${port} is sent to ${before} and to ${target.says}`);
        seen.set(`${address} ${port}`, target.says);
      }
  }
};

const matchOf = ({ rule, family, at }: Way): string => {
  const where =
    at === undefined
      ? `meta nfproto ipv${family === 'ip' ? 4 : 6} fib daddr type local`
      : `${family} daddr ${list(at)}`;
  return `${where} tcp dport ${list(rule.ports)}`;
};

const translates = (way: Way): string => {
  const { family, target } = way;
  const address = target.answers[family] ?? ANY;
  const act = address === ANY ? `redirect to :${target.port}` : `dnat ${family} to ${endpoint(address, target.port)}`;
  return `${matchOf(way)} ${act} ${remark(way)}`;
};

const diverts =
  (mark: number) =>
  (way: Way): string => {
    const { family, target } = way;
    const address = target.answers[family] ?? ANY;
    const to = address === ANY ? `:${target.port}` : endpoint(address, target.port);
    return `${matchOf(way)} tproxy ${family} to ${to} meta mark set meta mark or ${hex(mark)} accept ${remark(way)}`;
  };

const hides = ({ family, target, at }: Way): string =>
  `${family} daddr ${word(target.answers[family] ?? '')} tcp dport ${target.port} ct status dnat ct original ${family} daddr ${list(at ?? [])} masquerade`;

const chain = (name: string, hook: string, rules: readonly string[]): string[] =>
  rules.length === 0
    ? []
    : ['', `\tchain ${name} {`, `\t\ttype ${hook}; policy accept;`, ...rules.map((rule) => `\t\t${rule}`), '\t}'];

const exceptSet = (family: Family, prefixes: readonly string[]): string[] =>
  prefixes.length === 0
    ? []
    : [
        '',
        `\tset except_${family} {`,
        `\t\ttype ${family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'}`,
        '\t\tflags interval',
        '\t\tauto-merge',
        `\t\telements = ${list(prefixes)}`,
        '\t}',
      ];

export const compileInterception = (config: Config): Interception => {
  const { name, interfaces, except, mark, table } = config.intercept;
  const ways = waysOf(config);
  refuseTwice(ways);
  const diverted = ways.filter(({ rule }) => rule.mode === 'tproxy');
  const translated = ways.filter(({ rule }) => rule.mode !== 'tproxy');
  const familiesOf = (some: readonly Way[]): Family[] =>
    FAMILIES.filter((one) => some.some(({ family }) => family === one));
  const routing = diverted.length === 0 ? undefined : { mark, table, families: familiesOf(diverted) };

  const exceptions = FAMILIES.map(
    (family) => [family, except.filter((prefix) => familyOf(prefix.split('/')[0] ?? '') === family)] as const,
  );
  // What this machine says to itself comes in by loopback: the agent reaches whatever listens here as before.
  const guards = [
    'iifname "lo" return',
    ...(interfaces.length === 0
      ? []
      : [`iifname != { ${interfaces.map((one) => `"${word(one)}"`).join(', ')} } return`]),
    ...exceptions.flatMap(([family, prefixes]) =>
      prefixes.length === 0 ? [] : [`${family} saddr @except_${family} return`],
    ),
  ];
  const guarded = (rules: readonly string[], ...more: string[]): string[] =>
    rules.length === 0 ? [] : [...guards, ...more, ...rules];
  // In the middle of a connection that nobody kept track of before, it is too late to send it elsewhere.
  const onlyBegins = 'tcp flags & (fin | syn | rst | ack) != syn return';
  const full = tableName(name);
  // One transaction: declared so that it can be deleted, deleted with whatever was in it, made anew.
  const script = [
    `table inet ${word(full)}`,
    `delete table inet ${full}`,
    `table inet ${full} {`,
    `\tcomment "${commentOf(routing)}"`,
    ...exceptions.flatMap(([family, prefixes]) => exceptSet(family, prefixes)),
    // Ahead of others at the same hooks, in whichever order tables were made.
    ...chain('arriving', 'nat hook prerouting priority dstnat - 1', guarded(translated.map(translates), onlyBegins)),
    ...chain('diverted', 'filter hook prerouting priority mangle - 1', guarded(diverted.map(diverts(mark)))),
    ...chain(
      'leaving',
      'nat hook postrouting priority srcnat - 1',
      translated.filter(({ rule }) => rule.masquerade).map(hides),
    ),
    '}',
    '',
  ].join('\n');
  return {
    name: full,
    script,
    rules: ways.length,
    routing,
    forwards: familiesOf(ways.filter(({ rule }) => rule.mode !== 'redirect')),
  };
};
