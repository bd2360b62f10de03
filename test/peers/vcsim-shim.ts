/** The command line of govmomi's simulator in, this product in front of a private libvirtd out; only translates flags. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startTransvisor } from './transvisor.ts';
import { makeEstate } from './vcsim-estate.ts';

/** Flags that the simulator takes and that say nothing about an ESX host. */
const VPX_ONLY = [
  'dc',
  'cluster',
  'host',
  'standalone-host',
  'pod',
  'app',
  'pool',
  'folder',
  'nsx',
  'pg',
  'pg-nsx',
] as const;
const OPTIONS = {
  l: { type: 'string', default: '127.0.0.1:0' },
  E: { type: 'string', default: '-' },
  esx: { type: 'string', default: 'false' },
  vm: { type: 'string', default: '2' },
  ds: { type: 'string', default: '1' },
  autostart: { type: 'string', default: 'true' },
  'api-version': { type: 'string' },
  username: { type: 'string', default: 'user' },
  password: { type: 'string', default: 'pass' },
  tls: { type: 'string', default: 'true' },
  ...Object.fromEntries(VPX_ONLY.map((name) => [name, { type: 'string' as const }])),
} as const;
const BOOLEAN = new Set(['esx', 'autostart', 'tls']);

/** Go's flag package: one dash or two, `-x` alone is a true boolean, `-x=v` or `-x v` otherwise. */
const normalise = (args: readonly string[]): string[] => {
  const normal: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const found = /^--?([A-Za-z][A-Za-z0-9-]*)(?:=(.*))?$/s.exec(args[at] ?? '');
    if (found === null) {
      normal.push(args[at] ?? '');
      continue;
    }
    const [, name = '', value] = found;
    if (value !== undefined) normal.push(`--${name}=${value}`);
    else if (BOOLEAN.has(name)) normal.push(`--${name}=true`);
    else {
      at += 1;
      normal.push(`--${name}=${args[at] ?? ''}`);
    }
  }
  return normal;
};

const tell = (place: string, line: string): void => {
  if (place === '-') process.stdout.write(`${line}\n`);
  else writeFileSync(place, `${line}\n`);
};

const refuse = (place: string, why: string): never => {
  // The helper evaluates one line of the fifo: without one it would wait for ever.
  tell(place, `echo 'vcsim (Transvisor): ${why.replaceAll("'", '')}' >&2; false`);
  process.stderr.write(`vcsim (Transvisor): ${why}\n`);
  process.exit(2);
};

const main = async (): Promise<void> => {
  const args = normalise(process.argv.slice(2));
  const fifo = /^--E=(.*)$/m.exec(args.join('\n'))?.[1] ?? '-';
  let parsed: { values: Record<string, string | undefined> };
  try {
    parsed = parseArgs({ args, options: OPTIONS, strict: true }) as typeof parsed;
  } catch (error) {
    return refuse(fifo, error instanceof Error ? error.message : String(error));
  }
  const { values } = parsed;
  const flag = (name: string): string => values[name] ?? '';
  if (flag('esx') !== 'true') return refuse(fifo, 'there is no vCenter personality yet: only -esx is served');
  if (flag('tls') !== 'true') return refuse(fifo, '-tls=false is not translated');
  const version = flag('api-version');
  // The suite asks for a version that cannot be, to see the client complain: the product reports its own.
  if (version !== '')
    return refuse(fifo, `-api-version ${version} is not translated: the product reports its own version`);

  const address = flag('l');
  const colon = address.lastIndexOf(':');
  let estate: Awaited<ReturnType<typeof makeEstate>> | undefined;
  let product: Awaited<ReturnType<typeof startTransvisor>>;
  try {
    estate = await makeEstate({
      driver: process.env['TRANSVISOR_VCSIM_DRIVER'] === 'qemu' ? 'qemu' : 'test',
      vms: Number(flag('vm')),
      datastores: Number(flag('ds')),
      running: flag('autostart') === 'true',
    });
    product = await startTransvisor({
      host: estate.uri,
      user: flag('username'),
      password: flag('password'),
      options: [
        ...['--listen', address.slice(0, colon), '--port', `vim25=${address.slice(colon + 1)}`],
        // The simulator's words, which a test compares.
        ...['--front-option', 'vim25.loginText=Login failure'],
      ],
    });
  } catch (error) {
    await estate?.stop();
    return refuse(fifo, error instanceof Error ? error.message.slice(-600).replaceAll('\n', ' ') : String(error));
  }
  let ending = false;
  const end = async (code: number): Promise<void> => {
    // `timeout` sends its signal to us and to our whole group: the second one must not kill us on the way out.
    if (ending) return;
    ending = true;
    if (process.env['TRANSVISOR_VCSIM_LOG'] !== undefined) process.stderr.write(product.log());
    await product[Symbol.asyncDispose]();
    await estate?.stop();
    process.exit(code);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) process.on(signal, () => void end(0));

  const url = new URL(product.url);
  url.username = product.user;
  url.password = product.password;
  tell(fifo, `export GOVC_URL=${url.href} GOVC_SIM_PID=${process.pid}`);
  while (ending || product.alive()) await new Promise((resolve) => setTimeout(resolve, 200));
  process.stderr.write(`vcsim (Transvisor): the program ended: ${product.log()}\n`);
  await end(1);
};

await main();
