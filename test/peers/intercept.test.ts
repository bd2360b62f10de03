/** Clients reach hosts by the hosts' own addresses and the standard port, and a program in between answers: rules on each host, and on a gateway, made and taken away by `transvisor intercept`. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS, requireClient } from './clients.ts';
import { describeWith } from './describe-with.ts';
import type { Place } from './netns.ts';
import { VIM_CLIENTS, XEN_CLIENTS } from './netns-clients.ts';
import { type KvmHost, type NetworkEstate, networkState, openEstate, own, visit } from './netns-estate.ts';
import { type Product, runIn, startProduct } from './netns-programs.ts';

const rule = (words: string): string => `[[intercept.rule]]\nports = [443]\n${words}\n`;

/** What a server that speaks first, as ssh does, and then says again what it hears, is told and tells. */
const ECHO = `require('net').createServer((socket) => { socket.on('error', () => {}); socket.write('SSH-2.0-own\\r\\n'); socket.pipe(socket); })`;
const TALK = `const [host, port] = process.argv.slice(1); let heard = ''; const socket = require('net').connect(Number(port), host, () => socket.write('SSH-2.0-client\\r\\n')); socket.setTimeout(5000, () => socket.destroy()); socket.on('error', (error) => { heard += error.code; }); socket.on('data', (bytes) => { heard += bytes; if (heard.includes('client')) socket.end(); }); socket.on('close', () => console.log(JSON.stringify(heard)));`;
const BOTH_SAID = 'SSH-2.0-own\r\nSSH-2.0-client\r\n';
const startEcho = async (place: Place, ...ports: number[]) => {
  const running = runIn(place, [
    process.execPath,
    '-e',
    `${ports.map((port) => `${ECHO}.listen(${port}, '::', () => console.log('listens'));`).join('')}`,
  ]);
  await new Promise((resolve) => running.child.stdout?.once('data', resolve));
  return running;
};
const talk = async (from: Place, host: string, port: number): Promise<string> => {
  const { stdout, stderr } = await from.run([process.execPath, '-e', TALK, host, String(port)]);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as string;
};

describeWith(
  [...LIBVIRT_CLIENTS, 'netns', 'ip', 'nft', 'govc', 'pyvmomi', 'xen-api'],
  "by the hosts' own addresses and port 443",
  () => {
    let estate: NetworkEstate;
    beforeAll(async () => {
      estate = await openEstate();
    });
    afterAll(() => estate[Symbol.asyncDispose]());

    const frontsOf = (name: string, port: number): string =>
      `[[front]]\nplatform = "vim25"\nhost = "${name}"\nport = ${port}\n[[front]]\nplatform = "xenapi"\nhost = "${name}"\nport = ${port + 1000}\n`;
    const virshFromClient = async ({ ip, ip6 }: KvmHost): Promise<string[]> => {
      const names: string[] = [];
      for (const address of [ip, `[${ip6}]`]) {
        const words = [requireClient('virsh'), '-q', '-c', `qemu+tcp://${address}/system`, 'list', '--all', '--name'];
        names.push((await estate.client.run(words)).stdout.trim());
      }
      return names;
    };

    test('an agent on each host, whose port is redirected to it', async () => {
      const { client, hosts } = estate;
      await using all = new AsyncDisposableStack();
      // Something of the host's own is on that port, and something else on another.
      for (const host of hosts) all.use(await startEcho(host, 443, 22));
      const agents = await Promise.all(
        hosts.map((host) =>
          startProduct(
            host,
            `listen = "::"\n[[host]]\nname = "${host.name}"\nuri = "${host.uri}"\n${frontsOf(host.name, 8443)}`,
          ),
        ),
      );
      for (const agent of agents) all.use(agent);
      const before = await Promise.all(hosts.map(networkState));
      const each = (act: string, words: (host: KvmHost) => string) =>
        Promise.all(hosts.map((host, at) => agents[at]?.intercept(act, words(host))));

      const toVim = ({ name }: KvmHost): string => rule(`mode = "redirect"\nto = "vim25@${name}"`);
      await each('apply', toVim);
      const once = await Promise.all(hosts.map(networkState));
      await each('apply', toVim);
      expect(await Promise.all(hosts.map(networkState))).toEqual(once);
      await visit(estate, VIM_CLIENTS, own);
      for (const host of hosts) {
        expect(await talk(host, host.ip, 443)).toBe(BOTH_SAID);
        expect(await talk(host, host.ip6, 443)).toBe(BOTH_SAID);
        expect(await talk(client, host.ip, 22)).toBe(BOTH_SAID);
        expect(await virshFromClient(host)).toEqual([host.machine, host.machine]);
      }

      await each('apply', ({ name }) => rule(`mode = "redirect"\nto = "xenapi@${name}"`));
      await visit(estate, XEN_CLIENTS, own);

      await each('remove', () => '');
      expect(await Promise.all(hosts.map(networkState))).toEqual(before);
      for (const host of hosts) expect(await talk(client, host.ip, 443)).toBe(BOTH_SAID);
    });

    test("an agent on a gateway: a port for each host, and the hosts' own addresses sent there", async () => {
      const { client, gateway, hosts } = estate;
      await using all = new AsyncDisposableStack();
      for (const host of hosts) all.use(await startEcho(host, 443, 22));
      const ports = (host: KvmHost): number => 8440 + host.number;
      const agent: Product = all.use(
        await startProduct(
          gateway,
          `listen = "::"\n${hosts.map(({ name, uriFromAfar }) => `[[host]]\nname = "${name}"\nuri = "${uriFromAfar}"\n`).join('')}${hosts.map((host) => frontsOf(host.name, ports(host))).join('')}`,
        ),
      );
      const at = (port: (host: KvmHost) => number) => (host: KvmHost, family: 4 | 6) =>
        `https://${family === 4 ? gateway.ip : `[${gateway.ip6}]`}:${port(host)}`;
      await visit(estate, VIM_CLIENTS, at(ports));
      await visit(
        estate,
        XEN_CLIENTS,
        at((host) => ports(host) + 1000),
      );

      const before = await networkState(gateway);
      const rules = (platform: string): string =>
        hosts
          .map(({ name, ip, ip6 }) => rule(`mode = "dnat"\nat = ["${ip}", "${ip6}"]\nto = "${platform}@${name}"`))
          .join('');
      await agent.intercept('apply', rules('vim25'));
      await visit(estate, VIM_CLIENTS, own);
      for (const host of hosts) {
        expect(await talk(gateway, host.ip, 443)).toBe(BOTH_SAID);
        expect(await talk(client, host.ip, 22)).toBe(BOTH_SAID);
        expect(await virshFromClient(host)).toEqual([host.machine, host.machine]);
      }
      await agent.intercept('apply', rules('xenapi'));
      await visit(estate, XEN_CLIENTS, own);
      await agent.intercept('remove');
      expect(await networkState(gateway)).toBe(before);
      for (const host of hosts) expect(await talk(client, host.ip6, 443)).toBe(BOTH_SAID);
    });
  },
);
