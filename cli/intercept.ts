/** `transvisor intercept`: a configuration in; what it intercepts printed, applied to this machine, or taken away again. */
import { existsSync, readFileSync } from 'node:fs';
import { type Config, ConfigError } from '../runtime/config.ts';
import { interceptName } from '../runtime/intercept-config.ts';
import {
  applyInterception,
  removeInterception,
  routingCommands,
  runHere,
  tryInterception,
} from './intercept/kernel.ts';
import { compileInterception, hex, type Interception, tableName } from './intercept/ruleset.ts';
import { FAMILIES } from './intercept/target.ts';

interface Told {
  readonly json: unknown;
  readonly text: string;
}

const interceptionOf = (config: Config): Interception => {
  if (config.intercept.rule.length === 0)
    throw new ConfigError('nothing is to be intercepted: the configuration has no [[intercept.rule]]');
  return compileInterception(config);
};

/** `intercept print | nft -f -` is the table; the routing stands in remarks. */
export const printIntercept = (config: Config): Told => {
  const { name, script, routing } = interceptionOf(config);
  const commands = routing === undefined ? [] : routingCommands(routing);
  return {
    json: { table: name, script, commands },
    text: `${commands.map((command) => `# ${command}\n`).join('')}${script}`,
  };
};

const FORWARDING = {
  ip: ['net.ipv4.ip_forward', '/proc/sys/net/ipv4/ip_forward'],
  ip6: ['net.ipv6.conf.all.forwarding', '/proc/sys/net/ipv6/conf/all/forwarding'],
} as const;

const warningsOf = ({ forwards }: Interception): string[] =>
  forwards.flatMap((family) => {
    const [key, file] = FORWARDING[family];
    return existsSync(file) && readFileSync(file, 'utf8').trim() === '0'
      ? [`${key} is 0: what is not intercepted does not reach the hosts through this machine`]
      : [];
  });

export const applyIntercept = async (config: Config, flags: { readonly dryRun?: boolean }): Promise<Told> => {
  const wanted = interceptionOf(config);
  const dry = flags.dryRun === true;
  await (dry ? tryInterception : applyInterception)(runHere, wanted);
  const { name, rules, routing } = wanted;
  const warnings = warningsOf(wanted);
  const lines = [
    `table inet ${name}: ${rules} ${rules === 1 ? 'rule' : 'rules'}`,
    ...(routing === undefined ? [] : [`packets marked ${hex(routing.mark)} by routing table ${routing.table}`]),
    ...(dry ? ['nothing was changed'] : []),
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
  return { json: { table: name, rules, routing, applied: !dry, warnings }, text: `${lines.join('\n')}\n` };
};

/** With a name alone no configuration is needed: what was applied says itself what belongs to it. */
export const removeIntercept = async (config: Config, name: string | undefined): Promise<Told> => {
  const checked = interceptName.safeParse(name ?? config.intercept.name);
  if (!checked.success) throw new ConfigError(`--name ${name}: ${checked.error.issues[0]?.message}`);
  const table = tableName(checked.data);
  const { mark, table: routes, rule } = config.intercept;
  const routing = rule.some(({ mode }) => mode === 'tproxy') ? { mark, table: routes, families: FAMILIES } : undefined;
  const removed = await removeInterception(runHere, table, routing);
  return {
    json: { table, removed },
    text: removed ? `removed table inet ${table}\n` : `nothing there: no table inet ${table}\n`,
  };
};
