/** The product with two hosts of one and three VMs and a configuration as an operator writes it, and what tests of gates have beside it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { govcOn } from './clients.ts';
import { type Launched, launch } from './launch.ts';

export const PROGRAM = fileURLToPath(new URL('../../transvisor', import.meta.url));
export const USER = 'root';
export const PASSWORD = 'pass-for-tests';

type Ready = { readonly fronts: readonly { readonly host: string; readonly front: string; readonly url: string }[] };
export type Product = {
  readonly launched: Launched;
  readonly folder: string;
  /** Where each front answers, in the order of the configuration. */
  readonly urls: readonly URL[];
  readonly log: () => string;
};

export const HOSTS = `
[[host]]
name = "one"
uri = "sim:///one?vms=1"
[[host]]
name = "three"
uri = "sim:///three?vms=3"
`;
/** Ended with the file that imports this. */
export const stack = new AsyncDisposableStack();
// Registered by the import, so it belongs to the file that imports.
afterAll(() => stack.disposeAsync());

/** `opener`: a program and its arguments that go before. */
export const startProduct = async (
  config: string,
  opener: readonly string[] = [],
  folder = temporary(),
): Promise<Product> => {
  writeFileSync(join(folder, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
  const file = join(folder, 'transvisor.toml');
  writeFileSync(
    file,
    `state = "${join(folder, 'state')}"\nuser = "${USER}"\npasswordFile = "${join(folder, 'password')}"\n${HOSTS}${config}`,
  );
  const words = [...opener, PROGRAM, 'up', '--config', file, '--port', 'admin=0'];
  const launched = await launch(words[0] ?? '', words.slice(1), join(folder, 'up'));
  stack.defer(() => launched.stop().then(() => undefined));
  const { fronts } = launched.ready as Ready;
  return {
    launched,
    folder,
    urls: fronts.map(({ url }) => new URL(url)),
    log: () => readFileSync(join(folder, 'up.log'), 'utf8'),
  };
};
export const temporary = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tvg-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
export const listening = (server: Server, port = 0): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => {
      const at = server.address();
      stack.defer(() => new Promise<void>((done) => void server.close(() => done())));
      resolve(typeof at === 'object' ? (at?.port ?? 0) : 0);
    });
  });
export const freePort = async (): Promise<number> => {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

/** How many VMs the host has that govc comes to. */
export const vmsBy = async (url: string, env: Readonly<Record<string, string>>): Promise<number> => {
  const govc = govcOn({ url, user: USER, password: PASSWORD }, env);
  return (await govc('find', '/', '-type', 'm')).trim().split('\n').length;
};
