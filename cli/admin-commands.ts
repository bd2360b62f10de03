/** The commands that ask a running server at its admin endpoint, and those on its state directory, added to the command line. */
import { Argument, type Command } from 'commander';
import { LOG_LEVELS } from '../runtime/log.ts';
import type { AdminFlags } from './admin-client.ts';
import { EXIT } from './exit-codes.ts';
import type { Flags } from './flags.ts';
import { untilSignal } from './lifetime.ts';

/** What every command of the command line is made with. */
export interface CommandKit {
  readonly runs: <A extends unknown[]>(act: (...args: A) => Promise<number>) => (...args: A) => Promise<void>;
  readonly print: (json: unknown, text: string) => void;
  readonly stateFlags: (command: Command) => Command;
}

interface Told {
  readonly json: unknown;
  readonly text: string;
  /** false: the command ran and its answer is no. */
  readonly well?: boolean;
}

export const addAdminCommands = (program: Command, { runs, print, stateFlags }: CommandKit): void => {
  const adminFlags = (command: Command): Command =>
    stateFlags(command)
      .option('--admin <url>', 'the admin endpoint (default: as configured)')
      .option('--token-file <file>', 'its token (default: in the state directory)');
  const tells = <A extends unknown[]>(act: (...args: A) => Promise<Told>) =>
    runs(async (...args: A) => {
      const { json, text, well = true } = await act(...args);
      print(json, text);
      return well ? EXIT.ok : EXIT.no;
    });

  adminFlags(program.command('explain [exchange]'))
    .description('every hop of one exchange and where its time went; without an id, the newest exchanges')
    .option('--file <recording>', 'from a recording instead of the running server')
    .action(
      tells(async (exchange: string | undefined, flags: AdminFlags & { file?: string }) =>
        (await import('./explain.ts')).explain(exchange, flags),
      ),
    );
  adminFlags(program.command('trace'))
    .description('follow exchanges with clients, a line each as they end, until Ctrl-C')
    .option('--vm <name>', 'only of objects with this in their name, or of this hub id')
    .option('--client <address>', 'only of clients with this in their address or name (govc)')
    .option('--method <text>', 'only of methods with this in their name')
    .option('--front <name>', 'only of fronts with this in their name')
    .option('--outcome <kind>', 'only value, fault (of any kind), or faults of this kind')
    .option('--count <N>', 'end after so many')
    .action(
      runs(async (flags: AdminFlags & { count?: string }) => {
        const { trace } = await import('./trace.ts');
        const { numberIn } = await import('./number-flag.ts');
        const { count, ...more } = flags;
        // Whoever reads what is printed may go first.
        const unread = new Promise((resolve) => process.stdout.once('error', resolve));
        await trace({ ...more, count: numberIn('count', count, 0, 1e9) }, print, Promise.race([untilSignal(), unread]));
        return EXIT.ok;
      }),
    );
  adminFlags(program.command('status'))
    .description('hosts, fronts, exchanges a second, jobs under way, and whether everything is well')
    .option(
      '--watch [seconds]',
      'again and again (default: every 2 seconds) until Ctrl-C; once where there is no terminal',
    )
    .action(
      runs(async (flags: AdminFlags & { watch?: string | true; json?: boolean }) => {
        const { status, watchStatus } = await import('./status.ts');
        const { numberIn } = await import('./number-flag.ts');
        if (flags.watch !== undefined && process.stdout.isTTY && flags.json !== true) {
          const seconds = numberIn('watch', flags.watch === true ? undefined : flags.watch, 2, 3600);
          return (await watchStatus(flags, seconds, untilSignal())) ? EXIT.ok : EXIT.no;
        }
        const { json, text, well } = await status(flags);
        print(json, text);
        return well ? EXIT.ok : EXIT.no;
      }),
    );
  adminFlags(program.command('log-level'))
    .addArgument(new Argument('[level]', 'the level there is to be; without it, the present one').choices(LOG_LEVELS))
    .description('how much the running server and its agents write into their logs, until they end')
    .action(
      tells(async (level: string | undefined, flags: AdminFlags) => (await import('./log.ts')).logLevel(level, flags)),
    );
  adminFlags(program.command('support <file>'))
    .description(
      'a tar.gz for a report: versions, configuration, figures, exchanges, jobs, audit, log, and of --config what check finds; without secrets',
    )
    .action(tells(async (file: string, flags: AdminFlags) => (await import('./support.ts')).support(file, flags)));
  adminFlags(program.command('reload'))
    .description('use changed sheets and tables without a restart; what fails its golden pairs is refused')
    .action(tells(async (flags: AdminFlags) => (await import('./reload.ts')).reload(flags)));
  adminFlags(program.command('take-over'))
    .description('let the code on disk take the place of the running program, under waiting clients (as SIGUSR2 does)')
    .action(tells(async (flags: AdminFlags) => (await import('./take-over.ts')).takeOver(flags)));
  adminFlags(program.command('backup <file>'))
    .description(
      'all that is durable into one file, of a server that runs too: ids, sessions, jobs, accounts, certificates, keys',
    )
    .action(tells(async (file: string, flags: AdminFlags) => (await import('./backup.ts')).backUp(file, flags)));
  stateFlags(program.command('restore <file>'))
    .description('a backup into the state directory of a program that does not run; what was there is kept beside it')
    .option('--own', 'of a server that shares its state: only what is its own, and nothing into Redis')
    .action(tells(async (file: string, flags: Flags) => (await import('./backup.ts')).restore(file, flags)));
};
