/** Exit codes of every command, and how an error becomes one: a person's mistake is told in one line, our own bug with its stack. */
import { ConfigError } from '../runtime/config.ts';
import { withoutSecrets } from '../runtime/redaction.ts';

export const EXIT = {
  ok: 0,
  /** The command ran and its answer is no: `check` found mistakes, `status` found something not well, `reload` was refused. */
  no: 1,
  usage: 64,
  /** The other side (host, server, admin endpoint, port) is not there. */
  unavailable: 69,
  internal: 70,
  config: 78,
} as const;

export const EXIT_HELP = `
Exit codes:
  0   done (SIGTERM and SIGINT end up, agent, server, start and trace with 0)
  1   the answer is no: status, check (more than a warning), reload (refused), take-over (failed), detect (nothing answers),
      log-level (an agent keeps its own)
  64  wrong use of the command line
  69  something needed is not there: a port, a file, the server, the admin endpoint, an exchange in its log,
      or a host that takes the log-in (detect)
  70  a bug of ours
  78  a mistake in the configuration`;

/** Something needed is not there. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

const SYSTEM: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; choose another with --port (0 takes any free one)',
  EACCES: 'permission denied',
  ENOENT: 'no such file or directory',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ECONNREFUSED: 'nothing listens there',
};

export const reportError = (error: unknown, json: boolean): number => {
  let code: number = EXIT.internal;
  let text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const system = SYSTEM[(error as NodeJS.ErrnoException)?.code ?? ''];
  if (error instanceof ConfigError) [code, text] = [EXIT.config, error.message];
  else if (error instanceof Unavailable) [code, text] = [EXIT.unavailable, error.message];
  else if (system !== undefined && error instanceof Error)
    [code, text] = [EXIT.unavailable, `${error.message} (${system})`];
  text = withoutSecrets(text);
  process.stderr.write(json ? `${JSON.stringify({ error: text, code })}\n` : `transvisor: ${text}\n`);
  return code;
};
