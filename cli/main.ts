/** The command line: arguments in, one of the commands run, an exit code out. */
import { Argument, Command, CommanderError } from 'commander';
import { addAdminCommands } from './admin-commands.ts';
import type { IssueFlags } from './ca-link.ts';
import { completionOf, SHELLS, type Shell } from './complete.ts';
import type { LoginFlags } from './detect-login.ts';
import { EXIT, EXIT_HELP, reportError } from './exit-codes.ts';
import { configOf, type Flags, withAgentFlags, withCommonFlags, withLinkFlags, worksAlone } from './flags.ts';
import { closeAll, stayUp, untilSignal } from './lifetime.ts';
import type { SimFlags } from './sim.ts';
import type { FleetFlags } from './sim-fleet.ts';
import { VERSION } from './version.ts';

const program = new Command('transvisor')
  .description('Lets unmodified vendor management clients manage hypervisors of another kind.')
  .version(VERSION)
  // An option belongs to the command it follows: `ca` and `ca issue` have some of the same name.
  .enablePositionalOptions()
  .addHelpText('after', EXIT_HELP)
  .showHelpAfterError('(--help shows how)')
  .exitOverride();

let asJson = false;
const print = (json: unknown, text: string): void => {
  process.stdout.write(asJson ? `${JSON.stringify(json)}\n` : text);
};
/** Every command answers with its exit code. */
const runs =
  <A extends unknown[]>(act: (...args: A) => Promise<number>) =>
  async (...args: A): Promise<void> => {
    asJson = args.some((arg) => typeof arg === 'object' && arg !== null && 'json' in arg && arg.json === true);
    process.exitCode = await act(...args);
  };

const runUp = async (flags: Flags): Promise<number> => {
  const { startUp } = await import('./up.ts');
  const { readyText, writeReadyFile } = await import('./ready-file.ts');
  const ended = untilSignal();
  const up = await startUp(configOf(flags));
  if (!up.succeeded) {
    if (flags.readyFile !== undefined) writeReadyFile(flags.readyFile, up.ready);
    print(up.ready, readyText(up.ready, up.fresh));
  }
  return stayUp(up, ended);
};
withAgentFlags(withCommonFlags(program.command('up')))
  .description('agent and server in one process')
  .action(runs(runUp));

withLinkFlags(withAgentFlags(withCommonFlags(program.command('agent'))))
  .description('the agent: listeners and connections to hosts; alone, as up, where no link to a server is named')
  .option('--agent-name <name>', 'name of this agent, when there are several')
  .action(
    runs(async (flags: Flags) => {
      if (worksAlone(configOf(flags))) return runUp(flags);
      const { startAgentProgram } = await import('./two-programs.ts');
      const { readyText, writeReadyFile } = await import('./ready-file.ts');
      const ended = untilSignal();
      const agent = await startAgentProgram(configOf(flags));
      const ready = await Promise.race([agent.ready, ended]);
      if (typeof ready !== 'string' && !agent.succeeded) {
        if (flags.readyFile !== undefined) writeReadyFile(flags.readyFile, ready);
        print(ready, readyText(ready, agent.fresh));
      }
      return stayUp(agent, ended);
    }),
  );

program
  .command('detect')
  .argument('[address]', 'host name or address, with a port or without; this machine when absent', '')
  .option('--host-user <name>', 'user for hosts that tell their version only after a log-in (XenServer, XCP-ng)')
  .option('--host-password-file <file>', 'its password')
  .option('--host-fingerprint <sha256>', "the host's certificate, when no authority vouches for it")
  .option('--json', 'print JSON')
  .description('which management APIs answer at an address, and in which version')
  .action(
    runs(async (address: string, flags: LoginFlags) => {
      const { detectAt, findingsText, mustHaveTold } = await import('./detect.ts');
      const { loginDialer } = await import('./detect-login.ts');
      const { silentLog } = await import('../runtime/log.ts');
      const findings = await detectAt(address, silentLog, loginDialer(address, flags));
      print(findings, findingsText(address, findings));
      mustHaveTold(findings);
      return findings.length > 0 ? EXIT.ok : EXIT.no;
    }),
  );

withLinkFlags(withCommonFlags(program.command('server')))
  .description('the transform server: ids, jobs, store, sessions, admin endpoint')
  .option('--port <admin=N>', 'port of the admin endpoint', (value: string, before: string[] = []) => [
    ...before,
    value,
  ])
  .action(
    runs(async (flags: Flags) => {
      const { startServerProgram } = await import('./two-programs.ts');
      const { writeReadyFile } = await import('./ready-file.ts');
      const ended = untilSignal();
      const server = await startServerProgram(configOf(flags));
      if (!server.succeeded) {
        if (flags.readyFile !== undefined) writeReadyFile(flags.readyFile, { fronts: [], ...server.ready });
        print(
          server.ready,
          `link ${server.ready.link}\nadmin ${server.ready.admin.url} (token in the state directory)\n`,
        );
      }
      return stayUp(server, ended);
    }),
  );

const user = program.command('user').description('accounts of this installation');
const stateFlags = (command: Command): Command =>
  command
    .option('--state <dir>', 'the state directory')
    .option('--config <file>', 'configuration file')
    .option('--json', 'print JSON');
stateFlags(user.command('add <name>'))
  .description('make an account, or give it a new password or role')
  .option('--role <role>', 'administrator, operator or read-only', 'read-only')
  .option('--full-name <text>', 'for people')
  .option('--password-file <file>', 'its password; without it one is made and printed once')
  .action(
    runs(async (name: string, flags: Flags & { role: string; fullName?: string }) => {
      const { addUser } = await import('./user.ts');
      const { json, text } = await addUser(configOf({ ...flags, passwordFile: undefined as never }).state, name, flags);
      print(json, text);
      return EXIT.ok;
    }),
  );
stateFlags(user.command('list'))
  .description('names and roles')
  .action(
    runs(async (flags: Flags) => {
      const { listUsers } = await import('./user.ts');
      const { json, text } = listUsers(configOf(flags));
      print(json, text);
      return EXIT.ok;
    }),
  );
stateFlags(user.command('remove <name>'))
  .description('delete an account')
  .action(
    runs(async (name: string, flags: Flags) => {
      const { removeUser } = await import('./user.ts');
      removeUser(configOf(flags).state, name);
      print({ removed: name }, `removed ${name}\n`);
      return EXIT.ok;
    }),
  );

const ca = stateFlags(program.command('ca'))
  .enablePositionalOptions()
  .description('show the certificate authority of this installation, making it at first; --issue makes a certificate')
  .option(
    '--issue <name>',
    'a certificate for a name or address; repeatable: one certificate for all',
    (value: string, before: string[] = []) => [...before, value],
  )
  .option('--out <prefix>', 'writes PREFIX.crt and PREFIX.key')
  .action(
    runs(async (flags: Flags & { issue?: string[]; out?: string }) => {
      const { showCa } = await import('./ca.ts');
      const { json, text } = showCa(configOf(flags).state, flags.issue, flags.out);
      print(json, text);
      return EXIT.ok;
    }),
  );

stateFlags(ca.command('issue'))
  .description('a certificate for the link over a network: of an agent, or of the server')
  .option('--agent <name>', 'the agent that is known by it')
  .option(
    '--server <name>',
    'a name or address by which agents reach the server; repeatable: one certificate for all',
    (value: string, before: string[] = []) => [...before, value],
  )
  .option('--days <N>', 'how long it is valid (default: 820)')
  .option(
    '--out <prefix>',
    'writes PREFIX.crt and PREFIX.key (default: the name of the agent; link in the state directory)',
  )
  .option('--renew', 'write over the one before; running programs take it at their next connection')
  .action(
    runs(async (flags: Flags & IssueFlags) => {
      const { issue } = await import('./ca-link.ts');
      const { json, text } = issue(configOf(flags).state, flags);
      print(json, text);
      return EXIT.ok;
    }),
  );
stateFlags(ca.command('revoke <certificate>'))
  .description('refuse a certificate of the link from now on: its file, its serial number, or all of an agent by name')
  .action(
    runs(async (certificate: string, flags: Flags) => {
      const { revoke } = await import('./ca-link.ts');
      const { json, text } = revoke(configOf(flags).state, certificate);
      print(json, text);
      return EXIT.ok;
    }),
  );

const intercept = program
  .command('intercept')
  .description("clients' traffic to the hosts' own addresses and ports, sent here by nftables");
const interceptFlags = (name: string): Command =>
  intercept
    .command(name)
    .option('--config <file>', 'configuration file: its [intercept], fronts and gates')
    .option('--json', 'print JSON');
interceptFlags('print')
  .description('the rules as text; changes nothing and needs no rights')
  .action(
    runs(async (flags: Flags) => {
      const { printIntercept } = await import('./intercept.ts');
      const { json, text } = printIntercept(configOf(flags));
      print(json, text);
      return EXIT.ok;
    }),
  );
interceptFlags('apply')
  .description('make the rules, in the place of those that an earlier apply made')
  .option('--dry-run', 'only ask the kernel whether it would take them')
  .action(
    runs(async (flags: Flags & { dryRun?: boolean }) => {
      const { applyIntercept } = await import('./intercept.ts');
      const { json, text } = await applyIntercept(configOf(flags), flags);
      print(json, text);
      return EXIT.ok;
    }),
  );
interceptFlags('remove')
  .description('take away exactly what apply made, whatever the configuration says by now')
  .option('--name <name>', 'the name it was applied under (default: intercept.name)')
  .action(
    runs(async (flags: Flags & { name?: string }) => {
      const { removeIntercept } = await import('./intercept.ts');
      const { json, text } = await removeIntercept(configOf(flags), flags.name);
      print(json, text);
      return EXIT.ok;
    }),
  );

addAdminCommands(program, { runs, print, stateFlags });
withLinkFlags(withAgentFlags(withCommonFlags(program.command('check').argument('[program]', 'up, agent or server'))))
  .description('what is wrong with a configuration: hosts and their log-ins, ports, files, the link; changes nothing')
  .action(
    runs(async (named: string | undefined, flags: Flags) => {
      const { check } = await import('./check.ts');
      const { json, text, well } = await check(named, flags);
      print(json, text);
      return well ? EXIT.ok : EXIT.no;
    }),
  );

program
  .command('completion')
  .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS))
  .option('--json', 'print JSON')
  .description('what the shell needs to complete these commands: source <(transvisor completion bash)')
  .action(
    runs(async (shell: Shell) => {
      const script = completionOf(program, shell);
      print({ shell, script }, script);
      return EXIT.ok;
    }),
  );

const sim = program.command('sim').description('simulated hosts to try things on');
sim
  .command('fleet')
  .description('many agents with simulated hosts on the link of a running server, and changes on them')
  .option('--link <address>', 'unix:PATH or tcp:HOST:PORT of the server')
  .option('--link-token-file <file>', 'the secret of the link')
  .option('--hosts <N>', 'how many hosts, each with an agent of its own (default: 100)')
  .option('--vms <N>', 'how many VMs on each (default: 100)')
  .option('--changes <N>', 'how many VMs a second get another name, changed-NUMBER-MILLISECONDS (default: 10)')
  .option('--fronts <N>', 'how many of the agents have a vim25 front (default: all)')
  .option('--log-level <level>', 'of the agents (default: warn)')
  .option('--ready-file <file>', 'written (JSON) when every host is listed')
  .option('--json', 'print JSON')
  .action(
    runs(async (flags: FleetFlags) => {
      const { startFleet } = await import('./sim-fleet.ts');
      const { writeReadyFile } = await import('./ready-file.ts');
      const ended = untilSignal();
      const fleet = await Promise.race([startFleet(flags), ended]);
      // Nothing of it is worth a clean end before it stands.
      if (typeof fleet === 'string') process.exit(EXIT.ok);
      if (flags.readyFile !== undefined) writeReadyFile(flags.readyFile, fleet.ready);
      print(fleet.ready, fleet.text);
      await ended;
      await closeAll([fleet.close]);
      return EXIT.ok;
    }),
  );
sim
  .command('xenapi')
  .description('a simulated XenServer host: one pool, one host, storages, a network, a template and VMs, in memory')
  .option('--port <N>', 'its port (default: any free one)')
  .option('--listen <address>', 'its address (default: 127.0.0.1)')
  .option('--user <name>', 'its one user (default: root)')
  .option('--password-file <file>', 'the password; without it one is made and printed')
  .option('--vms <N>', 'how many VMs; every second one runs (default: 4)')
  .option('--tls', 'HTTPS with a certificate made for this run')
  .option('--login-delay <ms>', 'how late a failed login is answered (default: 5000, as on a real host)')
  .option('--operation-time <ms>', 'how long operations on VMs and disks take (default: 100)')
  .option('--ready-file <file>', 'written (JSON) when it answers')
  .option('--json', 'print JSON')
  .action(
    runs(async (flags: SimFlags) => {
      const { startSim } = await import('./sim.ts');
      const { writeReadyFile } = await import('./ready-file.ts');
      const ended = untilSignal();
      const sim = await startSim(flags);
      if (flags.readyFile !== undefined) writeReadyFile(flags.readyFile, { fronts: [], xenapi: sim.ready });
      print(sim.ready, sim.text);
      await ended;
      await closeAll([sim.close]);
      return EXIT.ok;
    }),
  );

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else process.exitCode = reportError(error, asJson || process.argv.includes('--json'));
  // What was half started must not keep the program.
  setTimeout(() => process.exit(), 200).unref();
}
