/** Gates with the clients and load balancers that people have: govc by address, server name and Host on one port, HAProxy, openssl, sockets of a service manager, and a program that takes another's place. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadOrMakeCa, makeLeaf, saveKeyPair } from '../../runtime/tls.ts';
import { govcOn, requireClient, runProgram } from './clients.ts';
import { describeWith } from './describe-with.ts';
import {
  freePort,
  HOSTS,
  listening,
  PASSWORD,
  PROGRAM,
  type Product,
  stack,
  startProduct,
  temporary,
  USER,
  vmsBy,
} from './gate-product.ts';

/** What a client's HTTPS_PROXY and HTTP_PROXY lead to, as its names would: every name is at this address. */
const namesLeadTo = async (host: string): Promise<string> => {
  const server = createServer((client) => {
    client.on('error', () => {});
    client.once('data', (first) => {
      client.pause();
      const head = first.toString('latin1');
      const port = Number(/^\S+ \S+?:(\d+)/.exec(head)?.[1] ?? 0);
      const onward = connect(port || Number(/^\S+ http:\/\/[^/:]+:(\d+)/.exec(head)?.[1]), host, () => {
        if (head.startsWith('CONNECT ')) client.write('HTTP/1.1 200 OK\r\n\r\n');
        else onward.write(first);
        client.pipe(onward).pipe(client);
      });
      onward.on('error', () => client.destroy());
    });
  });
  return `http://127.0.0.1:${await listening(server)}`;
};

/** In the configuration of a product: a host behind a gate, at these addresses and names. */
const front = (name: string, host: string, gate: string, at: readonly string[]): string =>
  `[[front]]\nname = "${name}"\nplatform = "vim25"\nhost = "${host}"\ngate = "${gate}"\nat = ${JSON.stringify(at)}`;

describeWith(['govc'], 'on one port', () => {
  let product: Product;
  let proxy: string;
  beforeAll(async () => {
    proxy = await namesLeadTo('127.0.0.1');
    product = await startProduct(`
[[gate]]
name = "sdk"
listen = "0.0.0.0"
port = 0
${front('a', 'one', 'sdk', ['127.0.0.2', 'one.example.org'])}
${front('b', 'three', 'sdk', ['127.0.0.3', 'three.example.org'])}
${front('c', 'one', 'sdk', ['one.example.org'])}
tls = false
${front('d', 'three', 'sdk', ['three.example.org'])}
tls = false
`);
  });
  /** No certificate is taken on faith: each names its own host. */
  const trusting = (): Record<string, string> => ({
    GOVC_INSECURE: 'false',
    GOVC_TLS_CA_CERTS: join(product.folder, 'state', 'tls', 'ca.crt'),
  });
  const at = (scheme: string, host: string): string => `${scheme}://${host}:${product.urls[0]?.port}/sdk`;

  test('govc comes to each host by its address', async () => {
    expect(product.urls.map(({ hostname }) => hostname).slice(0, 2)).toEqual(['127.0.0.2', '127.0.0.3']);
    expect(await vmsBy(at('https', '127.0.0.2'), trusting())).toBe(1);
    expect(await vmsBy(at('https', '127.0.0.3'), trusting())).toBe(3);
  });
  test('by its name in TLS', async () => {
    const env = { ...trusting(), HTTPS_PROXY: proxy };
    expect(await vmsBy(at('https', 'one.example.org'), env)).toBe(1);
    expect(await vmsBy(at('https', 'three.example.org'), env)).toBe(3);
    await expect(vmsBy(at('https', 'two.example.org'), env)).rejects.toThrow('unrecognized name');
  });
  test('by its name in HTTP', async () => {
    const env = { HTTP_PROXY: proxy };
    expect(await vmsBy(at('http', 'one.example.org'), env)).toBe(1);
    expect(await vmsBy(at('http', 'three.example.org'), env)).toBe(3);
    await expect(vmsBy(at('http', 'two.example.org'), env)).rejects.toThrow('421');
  });
});

describeWith(['govc', 'haproxy'], 'behind HAProxy', () => {
  let product: Product;
  const ports: Record<string, number> = {};
  beforeAll(async () => {
    const gate = await freePort();
    product = await startProduct(`
[[gate]]
name = "balanced"
listen = "127.0.0.1"
port = ${gate}
proxyProtocol = true
trusted = ["127.0.0.9", "127.0.0.16/28"]
${front('a', 'one', 'balanced', ['127.0.0.4'])}
${front('b', 'three', 'balanced', ['127.0.0.5'])}
`);
    // Where clients find them: not where the balancer does.
    expect(product.urls.map(({ href }) => href)).toEqual(['https://127.0.0.4/sdk', 'https://127.0.0.5/sdk']);
    for (const version of ['send-proxy', 'send-proxy-v2']) ports[version] = await freePort();
    const listens = Object.entries(ports).map(
      ([version, port], n) => `
listen l${n}
  bind 127.0.0.4:${port}
  bind 127.0.0.5:${port}
  server gate 127.0.0.1:${gate} ${version} source 127.0.0.${n === 0 ? 9 : 17} check check-send-proxy inter 200ms rise 1
`,
    );
    const file = join(product.folder, 'haproxy.cfg');
    writeFileSync(
      file,
      `defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n${listens.join('')}`,
    );
    const balancer = spawn(requireClient('haproxy'), ['-db', '-f', file], { stdio: 'ignore' });
    stack.defer(() => void balancer.kill());
  });

  test.each(['send-proxy', 'send-proxy-v2'])('the destination and the client come with %s', async (version) => {
    const one = { url: `https://127.0.0.4:${ports[version]}/sdk`, user: USER, password: PASSWORD };
    await expect.poll(() => govcOn(one)('about').catch(String), { timeout: 20_000 }).toContain('FullName');
    expect(await vmsBy(one.url, {})).toBe(1);
    expect(await vmsBy(`https://127.0.0.5:${ports[version]}/sdk`, {})).toBe(3);
    const { sessionList } = JSON.parse(await govcOn(one)('session.ls', '-json')) as {
      sessionList: readonly { readonly ipAddress: string }[];
    };
    // Whoever connected to HAProxy, and not the address that HAProxy connects from.
    expect([...new Set(sessionList.map(({ ipAddress }) => ipAddress))]).toEqual(['127.0.0.1']);
    // Its health checks are no news.
    expect(product.log()).not.toContain('PROXY header');
  });
});

describeWith(['openssl', 'govc'], 'a certificate and TLS of its own', () => {
  const client = async (url: URL, ...args: readonly string[]): Promise<string> => {
    const words = ['s_client', '-connect', url.host, '-brief', ...args];
    const { stdout, stderr } = await runProgram(requireClient('openssl'), words, { timeoutMs: 20_000 });
    return stdout + stderr;
  };
  let product: Product;
  let files: string;
  const renew = (): string => {
    const ca = loadOrMakeCa(files, Date.now());
    const made = makeLeaf(ca, ['127.0.0.1'], Date.now());
    saveKeyPair(join(files, 'host'), { ...made, certificate: made.certificate + ca.certificate });
    return made.certificate;
  };
  beforeAll(async () => {
    files = temporary();
    renew();
    product = await startProduct(`
[[front]]
name = "own"
platform = "vim25"
host = "one"
port = 0
certificateFile = "${join(files, 'host.crt')}"
keyFile = "${join(files, 'host.key')}"
[[front]]
name = "old"
platform = "vim25"
host = "three"
port = 0
tlsMinVersion = "TLSv1"
`);
  });
  const [OLD, RSA] = [
    ['-cipher', 'ALL:@SECLEVEL=0'],
    ['-tls1_2', '-cipher', 'AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0'],
  ];

  test('modern versions and suites alone, unless a front is told otherwise', async () => {
    const [own, old] = product.urls as [URL, URL];
    for (const options of [['-tls1', ...OLD], ['-tls1_1', ...OLD], RSA])
      expect(await client(own, ...options)).toMatch(/alert (protocol version|handshake failure)|wrong version/i);
    expect(await client(own, '-tls1_2')).toContain('Protocol version: TLSv1.2');
    expect(await client(own)).toContain('Protocol version: TLSv1.3');
    expect(await client(old, '-tls1', ...OLD)).toContain('Protocol version: TLSv1\n');
    expect(await client(old, ...RSA)).toMatch(/Ciphersuite: AES/);
    expect(await client(old)).toContain('Protocol version: TLSv1.3');
  });

  test('the files are shown with their chain, and anew after SIGHUP', async () => {
    const own = product.urls[0] as URL;
    const verified = (): Promise<string> => client(own, '-CAfile', join(files, 'ca.crt'), '-verify_return_error');
    const shown = async (): Promise<string> =>
      /-----BEGIN[\s\S]+?-----END CERTIFICATE-----/.exec(
        (await runProgram(requireClient('openssl'), ['s_client', '-connect', own.host, '-showcerts'])).stdout,
      )?.[0] ?? '';
    const plain = (pem: string): string => pem.replaceAll('\r', '').trim();
    expect(await verified()).toContain('Verification: OK');
    const before = await shown();
    const next = renew();
    expect(plain(next)).not.toBe(before);
    product.launched.signal('SIGHUP');
    await expect.poll(shown, { timeout: 20_000 }).toBe(plain(next));
    expect(await verified()).toContain('Verification: OK');
    expect(product.launched.runs()).toBe(true);
  });

  test('check tells what is wrong with them', async () => {
    const file = join(files, 'wrong.toml');
    const [certificate, key] = ['host.crt', 'ca.key'].map((name) => join(files, name));
    const own = `certificateFile = "${certificate}"\nkeyFile = "${join(files, 'host.key')}"\n`;
    writeFileSync(
      file,
      `${HOSTS}[[front]]\nplatform = "vim25"\ncertificateFile = "${certificate}"\nkeyFile = "${key}"\n` +
        `[[gate]]\nname = "g"\nport = 1\n${'[[front]]\nplatform = "vim25"\nhost = "three"\ngate = "g"\n'.repeat(2)}` +
        `[[front]]\nplatform = "xenapi"\ngate = "g"\nat = ["127.0.0.1", "a.example"]\n${own}` +
        '[[front]]\nplatform = "xenapi"\nhost = "three"\ntlsCiphers = "nonsense"\n',
    );
    const { code, stdout } = await runProgram(PROGRAM, ['check', '--config', file]);
    expect(code).not.toBe(0);
    expect(stdout).toContain(`${key} is not the key of`);
    expect(stdout).toContain('are both at all other addresses');
    expect(stdout).toContain(`${certificate} is not for a.example: clients that look will not connect`);
    expect(stdout).toContain('tlsCiphers "nonsense" is no list that OpenSSL understands');
  });
});

/** Opens NAME=ADDRESS sockets as systemd does and becomes the program; prints nothing. */
const OPENER = `
import fcntl, os, socket, sys
split = sys.argv.index('--')
places = [place.split('=') for place in sys.argv[1:split]]
opened = [socket.create_server((at.split(':')[0], int(at.split(':')[1]))) for _, at in places]
names = [name for name, _ in places]
# Out of the way of those that are to be filled.
for n, fd in enumerate([fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 60) for one in opened]):
    os.dup2(fd, 3 + n, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(opened)), LISTEN_FDNAMES=':'.join(names))
os.execv(sys.argv[split + 1], sys.argv[split + 1:])
`;
const handing = (...places: readonly string[]): string[] => [requireClient('python3'), '-c', OPENER, ...places, '--'];

describeWith(['govc', 'python3'], 'sockets that a service manager opened', () => {
  const CONFIG = `
[[gate]]
name = "sdk"
socket = "mgmt"
[[front]]
platform = "vim25"
host = "one"
gate = "sdk"
at = ["127.0.0.2"]
[[front]]
platform = "vim25"
host = "three"
socket = "three.socket"
`;

  test('are those of gates and fronts, by name', async () => {
    const [first, second, third, fourth] = [await freePort(), await freePort(), await freePort(), await freePort()];
    const product = await startProduct(
      `[admin]\nsocket = "admin"\n${CONFIG}`,
      handing(
        `mgmt=127.0.0.2:${first}`,
        `three.socket=127.0.0.1:${second}`,
        `mgmt=127.0.0.2:${third}`,
        `admin=127.0.0.1:${fourth}`,
      ),
    );
    expect(product.launched.ready).toMatchObject({ admin: { url: `http://127.0.0.1:${fourth}` } });
    expect(await vmsBy(`https://127.0.0.2:${first}/sdk`, {})).toBe(1);
    expect(await vmsBy(`https://127.0.0.2:${third}/sdk`, {})).toBe(1);
    expect(await vmsBy(`https://127.0.0.1:${second}/sdk`, {})).toBe(3);
    expect(product.urls[1]?.port).toBe(String(second));
  });

  test('that are missing are named', async () => {
    await expect(startProduct(CONFIG, handing(`mgmt=127.0.0.2:${await freePort()}`))).rejects.toThrow(
      '0 listening sockets "three.socket" were handed over, where one is needed',
    );
    await expect(startProduct(CONFIG)).rejects.toThrow('gate sdk: no listening socket "mgmt" was handed over');
  });

  test('go on to the program that takes the place, with whatever passes through', async () => {
    const behind = await listening(
      createServer((socket) => void socket.on('error', () => {}).on('data', (bytes) => socket.write(bytes))),
    );
    const [port, own] = [await freePort(), await freePort()];
    const product = await startProduct(
      CONFIG.replace('socket = "mgmt"', `socket = "mgmt"\npassthrough = true\nto = "127.0.0.1:${behind}"`),
      handing(`mgmt=127.0.0.2:${port}`, `three.socket=127.0.0.1:${own}`),
    );
    const ssh = connect(port, '127.0.0.2');
    let heard = '';
    ssh.on('data', (bytes) => {
      heard += bytes;
    });
    ssh.write('SSH-2.0-x\r\n');
    await expect.poll(() => heard).toBe('SSH-2.0-x\r\n');
    product.launched.signal('SIGUSR2');
    await expect
      .poll(product.log, { timeout: 60_000, interval: 200 })
      .toContain('serves, this one ends what is under way');
    ssh.write('more');
    await expect.poll(() => heard).toBe('SSH-2.0-x\r\nmore');
    expect(await vmsBy(`https://127.0.0.2:${port}/sdk`, {})).toBe(1);
    expect(await vmsBy(`https://127.0.0.1:${own}/sdk`, {})).toBe(3);
    const again: Socket = connect(port, '127.0.0.2');
    let newer = '';
    again.on('data', (bytes) => {
      newer += bytes;
    });
    again.write('SSH-2.0-y\r\n');
    await expect.poll(() => newer, { timeout: 10_000 }).toBe('SSH-2.0-y\r\n');
    for (const socket of [ssh, again]) socket.destroy();
  });
});
