/** `npm start`: this machine's libvirt if it answers, else the built-in simulated host; tells how to connect and stays up. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { makeSecret } from '../runtime/secret.ts';
import { EXIT, EXIT_HELP, reportError, Unavailable } from './exit-codes.ts';
import { configOf } from './flags.ts';
import { stayUp, untilSignal } from './lifetime.ts';
import { type Ready, writeReadyFile } from './ready-file.ts';
import { isSuccessor } from './succession.ts';
import { startUp } from './up.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOCKET = '/run/libvirt/libvirt-sock';
const LIBVIRT_URI = 'qemu:///system';
const SIMULATED_URI = 'sim:///default';
const PORT = 8989;
const ADMIN_PORT = 8990;
const XENAPI_PORT = 8991;
const USER = 'root';

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path);
    probe.setTimeout(2000, () => probe.destroy(new Error('silent')));
    probe.once('connect', () => resolve(probe.destroy() !== undefined));
    probe.once('error', () => resolve(false));
  });

/** The usual port, or any free one when it is taken. */
const freePort = (port: number, address: string): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, address, () => probe.close(() => resolve(port)));
  });

const mayInstall = (): boolean => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');

const wantsInstall = async (asked: boolean): Promise<boolean> => {
  if (asked) {
    if (!mayInstall()) throw new Unavailable('--install needs root on a Debian system');
    return true;
  }
  if (!mayInstall() || !process.stdin.isTTY || !process.stdout.isTTY || (await answers(SOCKET))) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const reply = await terminal.question('No libvirt answers here. Install libvirt and QEMU now? [y/N] ');
  terminal.close();
  return /^y(es)?$/i.test(reply.trim());
};

const install = (): void => {
  const { status } = spawnSync(join(ROOT, 'scripts', 'install-host'), { stdio: 'inherit' });
  if (status !== 0) throw new Unavailable('libvirt could not be installed; see above');
};

/** The same password at every start: kept where only its owner can read it, and printed at every start of this demonstration. */
const passwordFile = (state: string): string => {
  const path = join(state, 'password');
  mkdirSync(state, { recursive: true, mode: 0o700 });
  if (!existsSync(path)) writeFileSync(path, `${makeSecret().reveal()}\n`, { mode: 0o600 });
  return path;
};

const quoted = (text: string): string => encodeURIComponent(text);

const introduction = (ready: Ready, simulated: boolean): string => {
  const [front, xen] = ['vim25', 'xenapi'].map((name) => ready.fronts.find((one) => one.front === name));
  if (front === undefined || xen === undefined) throw new Error('no front is up');
  const url = new URL(front.url);
  const login = `${url.protocol}//${quoted(front.user)}:${quoted(front.password)}@${url.host}${url.pathname}`;
  return [
    '',
    ...(simulated
      ? [
          'Transvisor is up on its built-in simulated host, because no libvirt answers on this machine.',
          'The host and its VMs are gone when this ends. `npm start -- --install`, as root on Debian,',
          'installs libvirt and QEMU and starts on real VMs.',
        ]
      : [
          `Transvisor is up: this machine's libvirt (${LIBVIRT_URI}) is a VMware ESXi host to VMware's clients,`,
          'and a XenServer to those of XenServer.',
        ]),
    '',
    `  VMware       ${front.url}`,
    `  XenServer    ${xen.url}`,
    `  user         ${front.user}`,
    `  password     ${front.password}`,
    `  certificate  SHA-1   ${front.fingerprint}`,
    `               SHA-256 ${front.fingerprint256}`,
    ...(ready.admin === undefined ? [] : [`  console      ${ready.admin.url}/  (the same user and password)`]),
    '',
    "Try, in another terminal (govc is VMware's command line, github.com/vmware/govmomi):",
    '',
    `  export GOVC_URL='${login}' GOVC_INSECURE=1`,
    '  govc about',
    '  govc ls -l vm',
    '  govc host.info',
    '',
    'or with the Python module XenAPI (`pip install XenAPI`):',
    '',
    `  s = XenAPI.Session('${xen.url}', ignore_ssl=True)`,
    `  s.xenapi.login_with_password('${xen.user}', '${xen.password}')`,
    '  print(s.xenapi.VM.get_all_records())',
    '',
    'Ctrl-C ends it.',
    '',
  ].join('\n');
};

const start = async (flags: {
  install?: boolean;
  state: string;
  listen: string;
  readyFile?: string;
  json?: boolean;
  logLevel: string;
}): Promise<number> => {
  const ended = untilSignal();
  if (!isSuccessor() && (await wantsInstall(flags.install === true))) install();
  const real = await answers(SOCKET);
  if (flags.install === true && !real) throw new Unavailable(`libvirt was installed but does not answer on ${SOCKET}`);
  const config = configOf({
    host: [`local=${real ? LIBVIRT_URI : SIMULATED_URI}`],
    listen: flags.listen,
    port: [
      `vim25=${await freePort(PORT, flags.listen)}`,
      `xenapi=${await freePort(XENAPI_PORT, flags.listen)}`,
      `admin=${await freePort(ADMIN_PORT, '127.0.0.1')}`,
    ],
    state: flags.state,
    user: USER,
    passwordFile: passwordFile(flags.state),
    logLevel: flags.logLevel,
  });
  const up = await startUp(config);
  if (flags.readyFile !== undefined && !up.succeeded) writeReadyFile(flags.readyFile, up.ready);
  if (!up.succeeded)
    process.stdout.write(flags.json === true ? `${JSON.stringify(up.ready)}\n` : introduction(up.ready, !real));
  return stayUp(up, ended);
};

const program = new Command('npm start --')
  .description('starts on what this machine offers and tells how to connect')
  .option('--install', 'as root on Debian: install libvirt and QEMU, make a pool and a network, start on real VMs')
  .option('--state <dir>', 'where durable state lives', join(ROOT, '.state'))
  .option('--listen <address>', 'address of the endpoint', '127.0.0.1')
  .option('--ready-file <file>', 'written (JSON) when everything answers')
  .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent', 'warn')
  .option('--json', 'print JSON')
  .addHelpText('after', EXIT_HELP)
  .exitOverride();

try {
  program.parse();
  process.exitCode = await start(program.opts());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else process.exitCode = reportError(error, process.argv.includes('--json'));
  setTimeout(() => process.exit(), 200).unref();
}
