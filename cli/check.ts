/** `transvisor check`: a configuration in; all that is wrong with it, where, and what to do, out. Everything is tried at once, within bounds, and nothing is changed. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { clashes } from '../agent/intake/choice.ts';
import { createAccounts } from '../runtime/accounts.ts';
import { accountsPath } from '../runtime/accounts-file.ts';
import { systemClock } from '../runtime/clock.ts';
import { ConfigError, readConfigText } from '../runtime/config.ts';
import { silentLog } from '../runtime/log.ts';
import { adminTokenPath } from './admin-address.ts';
import { lookAtMode, lookAtSecret, lookAtState, lookAtValidity } from './check/files.ts';
import { type Finding, findingsText, type Place, placesIn } from './check/finding.ts';
import { lookAtFrontCertificate } from './check/front-certificate.ts';
import { lookAtHost } from './check/hosts.ts';
import { lookAtLink } from './check/link.ts';
import { lookAtPorts, type Program } from './check/ports.ts';
import { lookAtRedis } from './check/redis.ts';
import { knownAccounts } from './composition.ts';
import { Unavailable } from './exit-codes.ts';
import { configOf, type Flags, type FullConfig } from './flags.ts';
import { createFrontTls } from './front-tls.ts';
import { loadPlatform } from './hosts.ts';
import { compileInterception } from './intercept/ruleset.ts';
import { neighboursOf, type Placed, tlsTogether, withSharedPlaces } from './shared-places.ts';

const PROGRAMS: readonly string[] = ['up', 'agent', 'server'] satisfies Program[];

/** A mistake that the programs tell of at their start. */
const mistakes = (error: unknown, where: string): Finding[] => {
  if (!(error instanceof ConfigError || error instanceof Unavailable)) throw error;
  return error.message.split('\n').map((line) => {
    const at = /^(\S+:\d+(?::\d+)?): (.*)$/s.exec(line);
    return { level: 'error', what: at?.[2] ?? line, where: at?.[1] ?? where, fix: '' };
  });
};

const lookAtHosts = (config: FullConfig, place: Place): Promise<Finding[]>[] =>
  config.host.map((host, n) => {
    const key = (name: string): string => place(['host', n, name]);
    const [uri, user, passwordFile, fingerprint] = ['uri', 'user', 'passwordFile', 'fingerprint'].map(key);
    const places = { host: place(['host', n]), uri, user, passwordFile, fingerprint } as Parameters<
      typeof lookAtHost
    >[1];
    return lookAtHost(host, places);
  });

const lookAtFronts = async (written: FullConfig, place: Place): Promise<Finding[]> => {
  const config = withSharedPlaces(written);
  const findings: Finding[] = [];
  if (config.host.length === 0)
    findings.push({
      level: 'error',
      what: 'no host is named',
      where: place([]),
      fix: '--host qemu:///system, or [[host]]',
    });
  const tlsOf = createFrontTls(silentLog);
  const atGates: Placed[] = [];
  for (const [n, front] of config.front.entries()) {
    const { platform, gate, at = [] } = front;
    const where = place(['front', n, 'platform']);
    try {
      const its = (await loadPlatform(platform)).front;
      if (its === undefined)
        findings.push({ level: 'error', what: `${platform} is no front: it is for hosts only`, where, fix: '' });
      const secure = front.tls ?? its?.tls ?? false;
      const name = front.name ?? `${platform}@${front.host ?? config.host[0]?.name}`;
      if (gate !== undefined) atGates.push({ gate, api: platform, name, secure, at, wanted: front });
      tlsOf(config, front, () => ({ certificate: '', key: '' }));
      findings.push(...lookAtFrontCertificate(front, place(['front', n, 'certificateFile'])));
    } catch (error) {
      findings.push(...mistakes(error, where));
    }
  }
  for (const one of atGates) {
    try {
      tlsTogether(neighboursOf(one, atGates));
    } catch (error) {
      findings.push(...mistakes(error, place(['front', config.front.indexOf(one.wanted)])));
    }
  }
  for (const [n, { name }] of config.gate.entries())
    for (const clash of clashes(atGates.filter(({ gate }) => gate === name)))
      findings.push({
        level: 'error',
        what: `gate ${name}: ${clash}`,
        where: place(
          n in written.gate ? ['gate', n, 'name'] : ['front', config.front.findLastIndex(({ gate }) => gate === name)],
        ),
        fix: 'give each a port of its own, or with "at" an address or a name at a gate',
      });
  return findings;
};

/** Accounts, keys and tokens of the state directory and of the configuration. */
const lookAtSecrets = (config: FullConfig, file: string | undefined, place: Place): Finding[] => {
  const { state, passwordFile } = config;
  const findings: Finding[] = [];
  const tls = join(state, 'tls');
  try {
    createAccounts(knownAccounts(config));
    const keys = existsSync(tls) ? readdirSync(tls).filter((name) => name.endsWith('.key')) : [];
    const own = [adminTokenPath(config), accountsPath(state), ...keys.map((name) => join(tls, name))];
    for (const path of own.filter(existsSync)) findings.push(...lookAtMode(path, place(['state'])));
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    findings.push({ level: 'error', what, where: place(['state']), fix: "run the check as the program's user" });
  }
  if (passwordFile !== undefined) findings.push(...lookAtSecret(passwordFile, place(['passwordFile'])));
  // Hashes can be guessed at.
  if (file !== undefined && config.account.length > 0) findings.push(...lookAtMode(file, file, statSync(file)));
  const fix = 'with its key elsewhere: renew it there; else delete both, and have clients trust the new one';
  findings.push(...lookAtValidity(join(tls, 'ca.crt'), place(['state']), systemClock.now(), fix));
  return findings;
};

/** What `intercept apply` would refuse. */
const lookAtInterception = (config: FullConfig, place: Place): Finding[] => {
  try {
    compileInterception(config);
    return [];
  } catch (error) {
    return mistakes(error, place(['intercept']));
  }
};

/** Of several programs one: as it is named, else as the configuration looks. */
const programOf = (named: string | undefined, { link, host }: FullConfig): Program => {
  if (named === undefined) return link.address === undefined ? 'up' : host.length > 0 ? 'agent' : 'server';
  // An agent to which no server is named works alone.
  if (named === 'agent' && link.address === undefined) return 'up';
  if (PROGRAMS.includes(named)) return named as Program;
  throw new ConfigError(`"${named}" is none of ${PROGRAMS.join(', ')}`);
};

const look = async (named: string | undefined, flags: Flags): Promise<Finding[]> => {
  let config: FullConfig;
  let place: Place;
  let program: Program;
  try {
    config = configOf(flags);
    place = placesIn(flags.config, flags.config === undefined ? '' : readConfigText(flags.config));
    program = programOf(named, config);
  } catch (error) {
    return mistakes(error, flags.config ?? 'command line');
  }
  const { findings, isRunning } = lookAtState(config.state, place(['state']));
  const agent = program !== 'server';
  const told = [...findings, ...lookAtSecrets(config, flags.config, place), ...lookAtInterception(config, place)];
  const tried = await Promise.all([
    ...(agent ? [lookAtFronts(config, place)] : []),
    ...(isRunning ? [] : [lookAtPorts(config, program, place).catch((error: unknown) => mistakes(error, place([])))]),
    lookAtLink(config, program, place),
    lookAtRedis(config, program, place),
    ...(agent ? lookAtHosts(config, place) : []),
  ]);
  return [...told, ...tried.flat()];
};

/** Well is what has warnings at most. */
export const check = async (
  named: string | undefined,
  flags: Flags,
): Promise<{ json: unknown; text: string; well: boolean }> => {
  const findings = await look(named, flags);
  // One mistake may be come across from two sides.
  const once = findings.filter(({ what }, at) => findings.findIndex((other) => other.what === what) === at);
  const well = once.every(({ level }) => level !== 'error');
  return {
    json: { well, findings: once },
    text: once.length === 0 ? 'nothing is wrong\n' : findingsText(once),
    well,
  };
};
