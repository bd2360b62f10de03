/** The configuration: TOML text or the flags of a command in, one checked shape out; mistakes come with their line and the nearest known key. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { accountName, accountShape } from './accounts-file.ts';
import { type Mistake, mistakesOfGates } from './config-gates.ts';
import { parseHostPort } from './host-port.ts';
import { interceptShape } from './intercept-config.ts';
import { LIMITS } from './limits.ts';
import { LOG_LEVELS } from './log.ts';
import { redisShape, serverShape } from './shared-config.ts';
import { TLS_VERSIONS } from './tls-suites.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'letters, digits, dot, dash and underscore, at most 63');
const port = z.int().min(0).max(65_535);
const path = z.string().min(1).max(4096);

/** An address or a name, with a port or without. */
const place = z.string().transform((text, context) => {
  const parsed = parseHostPort(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: `"${text.slice(0, 300)}" is no address or name` });
  return z.NEVER;
});
const address = z.string().refine((text) => isIP(text) !== 0, 'no address');
const network = z.string().refine((text) => {
  const [base = '', bits, ...more] = text.split('/');
  const most = isIP(base) === 6 ? 128 : isIP(base) === 4 ? 32 : -1;
  return more.length === 0 && (bits === undefined ? most > 0 : /^\d{1,3}$/.test(bits) && Number(bits) <= most);
}, 'no network such as 10.0.0.0/8');
/** As systemd writes them in FileDescriptorName=. */
const socketName = z.string().regex(/^[\x21-\x39\x3b-\x7e]{1,255}$/, 'no name of a socket');

const hostShape = z.strictObject({
  name,
  uri: z.string().min(1).max(2048),
  user: z.string().max(LIMITS.userNameBytes).optional(),
  passwordFile: path.optional(),
  /** SHA-256 of the host's certificate. */
  fingerprint: z.string().max(128).optional(),
});

const tlsWishes = {
  tlsMinVersion: z.enum(TLS_VERSIONS).optional(),
  /** OpenSSL's names, of TLS 1.2 and older too. */
  tlsCiphers: z.string().min(1).max(4096).optional(),
};

const frontShape = z.strictObject({
  name: name.optional(),
  platform: name,
  /** The host it serves, by name; the first host when absent. */
  host: name.optional(),
  port: port.optional(),
  listen: z.string().max(255).optional(),
  /** The name of a listening socket that the service manager hands over, instead of an address and a port. */
  socket: socketName.optional(),
  /** The gate that accepts its connections, and the addresses and names that it has there. */
  gate: name.optional(),
  at: z.array(place).min(1).max(100).optional(),
  tls: z.boolean().optional(),
  /** The host's own certificate, those of its issuers behind it, and its key; one of the deployment's own when absent. */
  certificateFile: path.optional(),
  keyFile: path.optional(),
  ...tlsWishes,
  /** false: translated even where front and host speak the same API. */
  pass: z.boolean().optional(),
  options: z.record(z.string(), z.string().max(4096)).default({}),
});

/** One listening place in front of several fronts. */
const gateShape = z.strictObject({
  name,
  listen: z.union([address, z.array(address).min(1).max(100)]).optional(),
  port: port.optional(),
  socket: socketName.optional(),
  proxyProtocol: z.boolean().default(false),
  /** Networks of the load balancers that speak the PROXY protocol. */
  trusted: z.array(network).max(1000).default([]),
  /** What is for no front goes where it wanted to go, or to this place. */
  passthrough: z.boolean().default(false),
  to: place.optional(),
  /** Of its fronts, where they say nothing else. */
  ...tlsWishes,
});

const configShape = z.strictObject({
  state: path.optional(),
  listen: z.string().min(1).max(255).default('127.0.0.1'),
  logLevel: z.enum(LOG_LEVELS as [string, ...string[]]).default('info'),
  /** Names and addresses beside `listen` that certificates are made for. */
  names: z.array(z.string().max(255)).max(100).default([]),
  admin: z
    .strictObject({
      port: port.default(8990),
      listen: z.string().max(255).default('127.0.0.1'),
      /** One that the service manager hands over, instead of address and port. */
      socket: socketName.optional(),
      tokenFile: path.optional(),
      /** Where absent: on any address but loopback. */
      tls: z.boolean().optional(),
      /** How many exchanges with clients the log keeps; 0: none, and nothing is told of them. */
      exchanges: z.number().int().min(0).max(100_000).default(LIMITS.exchangesKept),
    })
    .prefault({}),
  link: z
    .strictObject({
      /** At an agent also several, of servers that share their state: the first that answers. */
      address: z.union([z.string().max(4096), z.array(z.string().max(4096)).min(1).max(100)]).optional(),
      tokenFile: path.optional(),
      /** Of a link over TLS; in the folder tls of the state directory when absent. */
      caFile: path.optional(),
      certificateFile: path.optional(),
      keyFile: path.optional(),
      /** Serial numbers of certificates that count no more. */
      revokedFile: path.optional(),
      /** A link over plain TCP may leave this machine. */
      insecure: z.boolean().default(false),
      /** At the server: the agent that alone may hold a host, by the host's name; of others, whoever held it first. */
      hosts: z.record(name, name).default({}),
    })
    .prefault({}),
  telemetry: z
    .strictObject({
      /** Where traces of exchanges are sent: OTLP over HTTP, in JSON. */
      otlp: z
        .url({ protocol: /^https?$/, error: 'no http:// or https:// address' })
        .max(2048)
        .refine((text) => !/^[^/]*\/\/[^/]*@/.test(text), 'no password in the address: tokenFile')
        .optional(),
      /** Of the collector, sent as a bearer token. */
      tokenFile: path.optional(),
    })
    .prefault({}),
  redis: redisShape,
  server: serverShape,
  /** Over TLS the name is the certificate's. */
  agent: z.strictObject({ name: name.optional() }).prefault({}),
  host: z.array(hostShape).max(1000).default([]),
  front: z.array(frontShape).max(1000).default([]),
  gate: z.array(gateShape).max(100).default([]),
  /** What `transvisor intercept` makes of it: the programs themselves change no rules. */
  intercept: interceptShape.prefault({}),
  account: z.array(accountShape).max(LIMITS.accounts).default([]),
  user: accountName.optional(),
  passwordFile: path.optional(),
});

export type Config = z.output<typeof configShape>;
export type ConfigInput = z.input<typeof configShape>;
export type HostConfig = Config['host'][number];

/** A mistake of the person who wrote the configuration or the command line: shown as it is, without a stack. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1]?.toLowerCase() === b[j - 1]?.toLowerCase() ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
};

export const nearest = (word: string, known: readonly string[]): string | undefined => {
  const ranked = known.map((key) => ({ key, far: distance(word, key) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= Math.max(2, Math.floor(word.length / 2)) ? best.key : undefined;
};

/** The object shape at a path, looking through defaults, options and arrays. */
const keysAt = (at: readonly PropertyKey[]): string[] => {
  let shape: unknown = configShape;
  const open = (inner: unknown): unknown => {
    let schema = inner as { def?: { type?: string; innerType?: unknown; element?: unknown } };
    while (schema?.def?.innerType !== undefined) schema = schema.def.innerType as typeof schema;
    return schema;
  };
  for (const step of at) {
    const schema = open(shape) as { def: { element?: unknown }; shape?: Record<string, unknown> };
    shape = typeof step === 'number' ? schema.def.element : schema.shape?.[String(step)];
    if (shape === undefined) return [];
  }
  return Object.keys((open(shape) as { shape?: object }).shape ?? {});
};

/** The line of a key in TOML text: tables and arrays of tables are followed by their headers. 0: not found. */
export const lineOf = (text: string, at: readonly PropertyKey[]): number => {
  const wanted = at.map(String);
  const counts = new Map<string, number>();
  let table: string[] = [];
  let lastOfTable = 0;
  const same = (a: readonly string[], b: readonly string[]): boolean =>
    a.length === b.length && a.every((x, i) => x === b[i]);
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const header = /^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?/.exec(line);
    if (header !== null) {
      const parts = (header[2] ?? '').split('.').map((part) => part.trim().replace(/^["']|["']$/g, ''));
      table = parts;
      if (header[1] === '[[') {
        const key = parts.join('.');
        const count = counts.get(key) ?? 0;
        counts.set(key, count + 1);
        table = [...parts, String(count)];
      } else if (parts.length > 1 && counts.has(parts.slice(0, -1).join('.'))) {
        table = [
          ...parts.slice(0, -1),
          String((counts.get(parts.slice(0, -1).join('.')) ?? 1) - 1),
          parts.at(-1) ?? '',
        ];
      }
      if (same(table, wanted) || same(table, wanted.slice(0, table.length))) lastOfTable = index + 1;
      if (same(table, wanted)) return index + 1;
      continue;
    }
    const key = /^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=/.exec(line)?.[1];
    if (key === undefined) continue;
    const whole = [...table, ...(/^["']/.test(key) ? [key.slice(1, -1)] : key.split('.').map((part) => part.trim()))];
    // A key of an inline table stands on the line of the key that holds it.
    if (same(whole, wanted.slice(0, whole.length)) && whole.length > table.length) return index + 1;
  }
  return lastOfTable;
};

const placeIn = (text: string | undefined, at: readonly PropertyKey[], file: string): string => {
  if (text === undefined) return '';
  const line = lineOf(text, at);
  return line === 0 ? `${file}: ` : `${file}:${line}: `;
};
const didYouMean = (word: Mistake['word']): string => {
  const near = word === undefined ? undefined : nearest(word.wrong, word.known);
  return near === undefined ? '' : `; did you mean "${near}"?`;
};

const complaint = (issue: z.core.$ZodIssue, text: string | undefined, file: string): string => {
  const where = (at: readonly PropertyKey[]): string => placeIn(text, at, file);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .map((key) => {
        const near = didYouMean({ wrong: key, known: keysAt(issue.path) });
        return `${where([...issue.path, key])}unknown key "${key}"${near}`;
      })
      .join('\n');
  }
  return `${where(issue.path)}${issue.path.map(String).join('.') || 'configuration'}: ${issue.message}`;
};

/** Checks a shape; `text` is the file it was read from, so that mistakes name their line. */
export const checkConfig = (input: unknown, text?: string, file = 'configuration'): Config => {
  const parsed = configShape.safeParse(input);
  if (!parsed.success)
    throw new ConfigError(parsed.error.issues.map((issue) => complaint(issue, text, file)).join('\n'));
  const config = parsed.data;
  const hosts = config.host.map((host) => host.name);
  const twice = hosts.find((host, index) => hosts.indexOf(host) !== index);
  if (twice !== undefined) throw new ConfigError(`two hosts have the name "${twice}"`);
  const mistakes: Mistake[] = mistakesOfGates(config);
  if (config.telemetry.otlp !== undefined && config.admin.exchanges === 0)
    mistakes.push({
      at: ['telemetry', 'otlp'],
      text: 'telemetry.otlp: traces are made of the exchange log, and admin.exchanges is 0',
    });
  for (const [index, front] of config.front.entries()) {
    if (front.host === undefined || hosts.includes(front.host)) continue;
    mistakes.push({
      at: ['front', index, 'host'],
      text: `front ${front.platform}: unknown host "${front.host}"`,
      word: { wrong: front.host, known: hosts },
    });
  }
  if (mistakes.length > 0)
    throw new ConfigError(
      mistakes.map(({ at, text: says, word }) => `${placeIn(text, at, file)}${says}${didYouMean(word)}`).join('\n'),
    );
  return config;
};

export const parseConfig = (text: string, file = 'configuration'): ConfigInput => {
  try {
    return parse(text) as ConfigInput;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new ConfigError(`${file}:${error.line}:${error.column}: ${error.message.split('\n')[0]}`);
  }
};

export const readConfigText = (file: string): string => {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    throw new ConfigError(
      `${file}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : 'cannot be read'}`,
    );
  }
  try {
    if (fstatSync(fd).size > LIMITS.configBytes)
      throw new ConfigError(`${file}: larger than ${LIMITS.configBytes} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
};
