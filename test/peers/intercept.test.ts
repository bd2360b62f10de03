/** Clients reach hosts by the hosts' own addresses and the standard port, and a program in between answers both vendors' clients at once: rules on each host, and a gateway in every way it has; made and taken away by `transvisor intercept`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS, requireClient } from './clients.ts';
import { describeWith } from './describe-with.ts';
import {
  addAliases,
  balancerConfig,
  gatewayConfig,
  gatewayOpener,
  HANDED_PORT,
  portOf,
  WAYS,
} from './intercept-gateway.ts';
import { type KvmHost, type NetworkEstate, networkState, openEstate, own, visit } from './netns-estate.ts';
import {
  type Product,
  runIn,
  SSH_HEARD,
  startAll,
  startProduct,
  startSshLike,
  talkSshLike,
  until,
} from './netns-programs.ts';

const OPENER = fileURLToPath(new URL('../../scripts/open-transparent', import.meta.url));
const rule = (words: string): string => `[[intercept.rule]]\nports = [443]\n${words}\n`;

describeWith(
  [...LIBVIRT_CLIENTS, 'netns', 'ip', 'nft', 'haproxy', 'govc', 'pyvmomi', 'xen-api'],
  "three hosts by the hosts' own addresses",
  () => {
    const stack = new AsyncDisposableStack();
    let estate: NetworkEstate;
    let onGateway: Product;
    beforeAll(async () => {
      estate = stack.use(await openEstate());
      const { gateway, hosts } = estate;
      await gateway.sh(addAliases(hosts));
      // Something of a host's own is on the standard port, and something else on another.
      await startAll(
        stack,
        hosts.map((host) => startSshLike(host, 443, 22)),
      );
      onGateway = stack.use(await startProduct(gateway, gatewayConfig(hosts), gatewayOpener(OPENER)));
    });
    afterAll(() => stack.disposeAsync());

    /** Ports that nobody intercepts, from the client's machine: a line of text each way, and libvirt's own protocol. */
    const othersPass = async ({ ip, ip6, machine }: KvmHost): Promise<void> => {
      for (const address of [ip, ip6]) {
        expect(await talkSshLike(estate.client, address, 22)).toBe(SSH_HEARD);
        const uri = `qemu+tcp://${address === ip ? ip : `[${ip6}]`}/system`;
        const listed = await estate.client.run([requireClient('virsh'), '-q', '-c', uri, 'list', '--all', '--name']);
        expect(listed.stdout.trim(), listed.stderr).toBe(machine);
      }
    };

    test('redirected on each host, to an agent on it', async () => {
      const { client, hosts } = estate;
      await using all = new AsyncDisposableStack();
      const agents = await startAll(
        all,
        hosts.map((host) =>
          startProduct(
            host,
            `listen = "::"
            [[host]]\nname = "here"\nuri = "${host.uri}"
            [[gate]]\nname = "all"\nport = 8443\npassthrough = true\nto = "127.0.0.1:443"
            [[front]]\nplatform = "vim25"\ngate = "all"
            [[front]]\nplatform = "xenapi"\ngate = "all"`,
          ),
        ),
      );
      const before = await Promise.all(hosts.map(networkState));
      const all3 = (act: 'apply' | 'remove', rules = ''): Promise<unknown> =>
        Promise.all(agents.map(({ intercept }) => intercept(act, rules)));

      await all3('apply', rule('mode = "redirect"\nto = "all"'));
      const once = await Promise.all(hosts.map(networkState));
      await all3('apply', rule('mode = "redirect"\nto = "all"'));
      expect(await Promise.all(hosts.map(networkState))).toEqual(once);
      await visit(estate, own);
      for (const host of hosts) {
        // The host's own listener: for what is on the host as before, for clients through the gate.
        for (const from of [host, client])
          for (const address of [host.ip, host.ip6]) expect(await talkSshLike(from, address, 443)).toBe(SSH_HEARD);
        await othersPass(host);
      }
      await all3('remove');
      expect(await Promise.all(hosts.map(networkState))).toEqual(before);
      for (const host of hosts) expect(await talkSshLike(client, host.ip, 443)).toBe(SSH_HEARD);
    });

    const viaGateway = async (rules: string, meanwhile: () => Promise<void> = async () => {}): Promise<void> => {
      const before = await networkState(estate.gateway);
      await onGateway.intercept('apply', rules);
      await visit(estate, own);
      for (const host of estate.hosts) {
        expect(await talkSshLike(estate.gateway, host.ip, 443)).toBe(SSH_HEARD);
        await othersPass(host);
      }
      await meanwhile();
      await onGateway.intercept('remove');
      expect(await networkState(estate.gateway)).toBe(before);
      for (const host of estate.hosts) expect(await talkSshLike(estate.client, host.ip6, 443)).toBe(SSH_HEARD);
    };

    test('destination NAT on a gateway, to its port for each host', () =>
      viaGateway(
        estate.hosts
          .map((host) => rule(`mode = "dnat"\nat = ["${host.ip}", "${host.ip6}"]\nto = ":${portOf(host)}"`))
          .join(''),
      ));

    test('TPROXY on a gateway, to a socket that was handed over; what is no management protocol goes on to the host', () => {
      const { client, hosts } = estate;
      const at = hosts.flatMap(({ ip, ip6 }) => [`"${ip}"`, `"${ip6}"`]).join(', ');
      return viaGateway(rule(`mode = "tproxy"\nat = [${at}]\nto = ":${HANDED_PORT}"`), async () => {
        for (const host of hosts)
          for (const address of [host.ip, host.ip6]) expect(await talkSshLike(client, address, 443)).toBe(SSH_HEARD);
        expect(onGateway.log()).toContain('gate meant: passed through to 192.0.2.11:443');
      });
    });

    const visitBy = (way: keyof typeof WAYS): Promise<void> => visit(estate, WAYS[way]);
    test('a port of a gateway for each host', () => visitBy('port'));
    test('an address of a gateway for each host', () => visitBy('alias'));
    test('a server name for each host (SNI)', () => visitBy('serverName'));
    test('a Host header for each host, without TLS', () => visitBy('hostHeader'));

    test('a load balancer that speaks the PROXY protocol, in both versions', async () => {
      const { client, gateway, hosts } = estate;
      await using all = new AsyncDisposableStack();
      const folder = mkdtempSync(join(tmpdir(), 'tvh-'));
      all.defer(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, 'haproxy.cfg'), balancerConfig(hosts));
      const balancer = all.use(runIn(gateway, [requireClient('haproxy'), '-db', '-f', join(folder, 'haproxy.cfg')]));
      await until(
        async () => (await gateway.sh('ss -ltn')).includes('203.0.113.21:443'),
        () => `HAProxy: ${balancer.log()}`,
      );
      await visitBy('balanced');
      // The log names the client, and not the load balancer.
      for (const [address, at] of [
        [client.ip, '203.0.113.21'],
        [client.ip6, '2001:db8:3::21'],
      ] as const) {
        await talkSshLike(client, at, 443);
        expect(onGateway.log()).toMatch(new RegExp(`"address":"${address}".*gate balanced: for no front: other`));
      }
    });
  },
);
