/** The flags of `up`, `agent` and `server` in, the same shape as a configuration file out. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  type Config,
  ConfigError,
  type ConfigInput,
  checkConfig,
  parseConfig,
  readConfigText,
} from '../runtime/config.ts';

/** The fronts of a host for which neither file nor flags name one. */
const DEFAULT_FRONTS = ['vim25'];

export interface Flags {
  readonly host?: string[];
  readonly hostUser?: string;
  readonly hostPasswordFile?: string;
  readonly hostFingerprint?: string;
  readonly listen?: string;
  readonly port?: string[];
  readonly plain?: string[];
  readonly state?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly readyFile?: string;
  readonly config?: string;
  readonly frontOption?: string[];
  readonly logLevel?: string;
  readonly link?: string;
  readonly linkTokenFile?: string;
  readonly linkInsecure?: boolean;
  readonly agentName?: string;
  readonly json?: boolean;
}

const gather = (value: string, before: string[] = []): string[] => [...before, value];

export const withCommonFlags = (command: Command): Command =>
  command
    .option('--config <file>', 'configuration file (TOML); flags win over it')
    .option('--state <dir>', 'where durable state lives')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent')
    .option('--ready-file <file>', 'written (JSON) when everything answers')
    .option('--json', 'print JSON');

export const withAgentFlags = (command: Command): Command =>
  command
    .option(
      '--host <[NAME=]URI>',
      'a host to manage, repeatable: qemu:///system, esx://h, vpx://h, xenapi://h; auto://h finds out what is there',
      gather,
    )
    .option('--host-user <name>', 'user on the last host named without one')
    .option('--host-password-file <file>', 'its password')
    .option('--host-fingerprint <sha256>', 'its certificate, when no authority vouches for it')
    .option('--listen <address>', 'address of the fronts')
    .option(
      '--port <FRONT[@NAME]=N>',
      'a front (vim25, xenapi) and its port, or admin=N; 0 takes any free port; repeatable. A host has the fronts named for it, else vim25',
      gather,
    )
    .option('--plain <FRONT[@NAME]>', 'serve a front without TLS; repeatable', gather)
    .option(
      '--front-option <FRONT[@NAME].KEY=VALUE>',
      'an option of a front, such as vim25.loginText=...; repeatable',
      gather,
    )
    .option('--user <name>', 'account made for this run')
    .option('--password-file <file>', 'its password; without it one is made and printed once');

export const withLinkFlags = (command: Command): Command =>
  command
    .option(
      '--link <address>',
      'unix:PATH, tls:HOST:PORT (certificates: ca issue) or tcp:HOST:PORT of the server (default: of an agent none, it works alone; of a server a socket in the state directory)',
    )
    .option('--link-token-file <file>', 'the secret both programs know, where the link has no TLS')
    .option('--link-insecure', 'let a link over plain TCP leave this machine: who listens in sees all of it');

const defaultState = (): string =>
  process.getuid?.() === 0
    ? '/var/lib/transvisor'
    : join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'transvisor');

type HostInput = NonNullable<ConfigInput['host']>[number];
type FrontInput = NonNullable<ConfigInput['front']>[number];

/** `name=uri` or `uri`; a name is made from the URI's authority. */
export const parseHost = (text: string, taken: readonly string[]): HostInput => {
  const named = /^([A-Za-z0-9][A-Za-z0-9._-]{0,62})=(.+)$/.exec(text);
  const uri = named?.[2] ?? text;
  const parts = /^([a-z][a-z0-9]*)(?:\+[a-z0-9]+)?:\/\/([^/?#]*)/.exec(uri);
  if (parts === null) throw new ConfigError(`--host ${text}: not a URI such as qemu:///system`);
  if (named?.[1] !== undefined) return { name: named[1], uri };
  const authority = (parts[2] ?? '').replace(/^.*@/, '').replace(/:\d+$/, '');
  const base =
    authority
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[._-]+/, '')
      .slice(0, 50) || 'local';
  let name = base;
  for (let n = 2; taken.includes(name); n++) name = `${base}-${n}`;
  return { name, uri };
};

const parseFrontRef = (text: string, flag: string): { platform: string; host: string | undefined } => {
  const parts = /^([a-z0-9]+)(?:@([A-Za-z0-9._-]+))?$/.exec(text);
  if (parts?.[1] === undefined) throw new ConfigError(`${flag}: "${text}" is not FRONT or FRONT@NAME`);
  return { platform: parts[1], host: parts[2] };
};

const parsePort = (text: string): { ref: string; port: number } => {
  const parts = /^([^=]+)=(\d{1,5})$/.exec(text);
  const port = Number(parts?.[2]);
  if (parts?.[1] === undefined || port > 65_535) throw new ConfigError(`--port ${text}: not FRONT[@NAME]=N`);
  return { ref: parts[1], port };
};

/** Merges the flags over the file's content; the result is checked as a whole. */
export const mergeFlags = (file: ConfigInput, flags: Flags): ConfigInput => {
  const hosts: HostInput[] = [...(file.host ?? [])];
  for (const text of flags.host ?? []) {
    hosts.push(
      parseHost(
        text,
        hosts.map((host) => host.name),
      ),
    );
  }
  const last = hosts.at(-1);
  if (last !== undefined) {
    if (flags.hostUser !== undefined) last.user = flags.hostUser;
    if (flags.hostPasswordFile !== undefined) last.passwordFile = flags.hostPasswordFile;
    if (flags.hostFingerprint !== undefined) last.fingerprint = flags.hostFingerprint;
  } else if (
    flags.hostUser !== undefined ||
    flags.hostPasswordFile !== undefined ||
    flags.hostFingerprint !== undefined
  ) {
    throw new ConfigError('--host-user, --host-password-file and --host-fingerprint belong to a --host');
  }

  const fronts: FrontInput[] = (file.front ?? []).map((front) => ({ ...front, options: { ...front.options } }));
  const byFile = fronts.length > 0;
  const find = (text: string, flag: string): FrontInput => {
    const { platform, host } = parseFrontRef(text, flag);
    const wanted = host ?? hosts[0]?.name;
    const found = fronts.find((front) => front.platform === platform && (front.host ?? hosts[0]?.name) === wanted);
    if (found !== undefined) return found;
    const front: FrontInput = { platform, ...(wanted === undefined ? {} : { host: wanted }) };
    fronts.push(front);
    return front;
  };
  let admin = file.admin;
  for (const text of flags.port ?? []) {
    const { ref, port } = parsePort(text);
    if (ref === 'admin') admin = { ...admin, port };
    else find(ref, '--port').port = port;
  }
  for (const text of flags.plain ?? []) find(text, '--plain').tls = false;
  for (const text of flags.frontOption ?? []) {
    const parts = /^([a-z0-9]+(?:@[A-Za-z0-9._-]+?)?)\.([A-Za-z][A-Za-z0-9]*)=([\s\S]*)$/.exec(text);
    if (parts === null) throw new ConfigError(`--front-option ${text}: not FRONT[@NAME].KEY=VALUE`);
    const front = find(parts[1] ?? '', '--front-option');
    front.options = { ...front.options, [parts[2] ?? '']: parts[3] ?? '' };
  }
  for (const host of byFile ? [] : hosts) {
    if (fronts.some((front) => (front.host ?? hosts[0]?.name) === host.name)) continue;
    for (const platform of DEFAULT_FRONTS) fronts.push({ platform, host: host.name });
  }
  const link = {
    ...file.link,
    ...(flags.link === undefined ? {} : { address: flags.link }),
    ...(flags.linkTokenFile === undefined ? {} : { tokenFile: flags.linkTokenFile }),
    ...(flags.linkInsecure === undefined ? {} : { insecure: flags.linkInsecure }),
  };
  return {
    ...file,
    host: hosts,
    front: fronts,
    link,
    ...(admin === undefined ? {} : { admin }),
    ...(flags.listen === undefined ? {} : { listen: flags.listen }),
    ...(flags.state === undefined ? {} : { state: flags.state }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.passwordFile === undefined ? {} : { passwordFile: flags.passwordFile }),
    ...(flags.logLevel === undefined ? {} : { logLevel: flags.logLevel }),
    ...(flags.agentName === undefined ? {} : { agent: { ...file.agent, name: flags.agentName } }),
  };
};

/** With the folder that its programs keep their state in. */
export type FullConfig = Config & { readonly state: string };

/** The file is checked by itself first, so that its mistakes come with their lines. */
export const configOf = (flags: Flags): FullConfig => {
  let file: ConfigInput = {};
  if (flags.config !== undefined) {
    const text = readConfigText(flags.config);
    file = parseConfig(text, flags.config);
    checkConfig(file, text, flags.config);
  }
  const config = checkConfig(mergeFlags(file, flags), undefined, 'flags');
  return { ...config, state: config.state ?? defaultState() };
};

/** An agent to which no server was named. */
export const worksAlone = ({ link }: Config): boolean => link.address === undefined && link.tokenFile === undefined;
