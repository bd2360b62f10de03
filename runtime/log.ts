/** The log: JSON lines on stderr by pino. Fields are few and fixed; secrets are blanked by name, by type, and in every text. */
import { pino } from 'pino';
import { LIMITS } from './limits.ts';
import { eachText, withoutSecrets } from './redaction.ts';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
export const LOG_LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** The fields a line may carry beside its text. */
export interface LogFields {
  readonly exchange?: string | undefined;
  readonly platform?: string;
  readonly front?: string;
  readonly host?: string;
  readonly verb?: string;
  readonly route?: string;
  readonly vm?: string;
  readonly job?: string;
  readonly user?: string;
  readonly address?: string;
  readonly ms?: number;
  readonly outcome?: string;
  readonly count?: number;
  readonly error?: unknown;
}

export interface Log {
  debug(fields: LogFields, text: string): void;
  info(fields: LogFields, text: string): void;
  warn(fields: LogFields, text: string): void;
  error(fields: LogFields, text: string): void;
  /** The newest lines, oldest first, where some are kept. */
  tail?(): readonly string[];
}

/** A log whose level may change while it is used. */
export interface LeveledLog extends Log {
  level: LogLevel;
}

const SECRET_NAMES = ['password', 'token', 'secret', 'cookie', 'authorization', 'hash', 'privateKey'];
const REDACTED = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** What a host or a client sent may stand in any text, above all in that of an error. */
const clean = (text: string): string => {
  const cut = text.length - LIMITS.logTextCharacters;
  const safe = withoutSecrets(cut > 0 ? text.slice(0, LIMITS.logTextCharacters) : text);
  return cut > 0 ? `${safe}... (${cut} more characters)` : safe;
};

const errorText = (error: unknown): unknown =>
  error instanceof Error
    ? { name: error.name, message: clean(error.message), stack: clean(error.stack ?? '') }
    : eachText(error, clean);

const cleanFields = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, typeof one === 'string' ? clean(one) : one]));

export const createLog = (
  options: { level?: LogLevel; name?: string; write?: (line: string) => void } = {},
): LeveledLog => {
  const tail: string[] = [];
  const stderr = options.write === undefined ? pino.destination({ dest: 2, sync: true }) : undefined;
  const write = options.write ?? ((line: string) => void stderr?.write(line));
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: options.name === undefined ? null : { program: options.name },
      redact: { paths: REDACTED, censor: '[secret]' },
      serializers: { error: errorText },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: cleanFields },
    },
    {
      write: (line) => {
        tail.push(line);
        if (tail.length > 2 * LIMITS.logTailLines) tail.splice(0, tail.length - LIMITS.logTailLines);
        write(line);
      },
    },
  );
  return {
    debug: (fields, text) => logger.debug(fields, clean(text)),
    info: (fields, text) => logger.info(fields, clean(text)),
    warn: (fields, text) => logger.warn(fields, clean(text)),
    error: (fields, text) => logger.error(fields, clean(text)),
    tail: () => tail.slice(-LIMITS.logTailLines),
    get level() {
      return logger.level as LogLevel;
    },
    set level(level) {
      logger.level = level;
    },
  };
};

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
