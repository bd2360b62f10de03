/** `transvisor intercept` against a kernel: the same twice, all or nothing, exactly its own taken away, whom rules spare, and a hypervisor whose own port they are laid over. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary.ts';
import { type ActProgram, openActs } from './act-program.ts';
import { type ClientName, requireClient } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Network, openNetwork } from './netns.ts';
import { CLIENTS } from './netns-clients.ts';
import { networkState } from './netns-estate.ts';
import { interceptIn, runIn, SSH_HEARD, startProduct, startSshLike, talkSshLike, until } from './netns-programs.ts';

const NEEDED: readonly ClientName[] = ['netns', 'ip', 'nft'];
/** One rule, as lines of a configuration. */
const rule = (words: string, more = ''): string =>
  `[intercept]\n${more}\n[[intercept.rule]]\nports = [443]\n${words}\n`;
const TPROXY = 'mode = "tproxy"\nat = ["192.0.2.11", "2001:db8:2::11"]\nto = ":50443"';
const REDIRECT = 'mode = "redirect"\nto = ":8443"';

const placesOf = ({ client, gateway, hosts: [host, other] }: Network) => {
  if (host === undefined || other === undefined) throw new Error('no hosts');
  return { client, gateway, host, other };
};

describeWith(NEEDED, 'rules in the kernel', () => {
  let network: Network;
  beforeAll(async () => {
    network = await openNetwork();
  });
  afterAll(() => network?.[Symbol.asyncDispose]());

  /** What somebody else has there. */
  const OTHERS = `
    table ip nat { chain pre { type nat hook prerouting priority dstnat; policy accept; tcp dport 8080 redirect to :80; }; }
    table inet filter { chain in { type filter hook input priority filter; policy accept; tcp dport 23 drop; }; }`;
  let bare: string;
  beforeEach(async () => {
    const { stderr } = await network.gateway.run(['nft', '-f', '-'], { input: `flush ruleset\n${OTHERS}\n` });
    expect(stderr).toBe('');
    bare = await networkState(network.gateway);
  });
  const intercept = async (...args: [act: 'print' | 'apply' | 'remove', config: string, ...flags: string[]]) => {
    const { code, stdout, stderr } = await interceptIn(network.gateway, ...args);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return stdout;
  };
  const refusal = async (...args: [act: 'apply' | 'remove', config: string, ...flags: string[]]): Promise<string> => {
    const before = await networkState(network.gateway);
    const { code, stderr } = await interceptIn(network.gateway, ...args);
    expect(await networkState(network.gateway)).toBe(before);
    expect(code).toBe(69);
    return stderr;
  };
  const places = () => placesOf(network);
  const state = () => networkState(network.gateway);

  test('applied twice is applied once, and removed is as it was', async () => {
    expect(await intercept('apply', rule(TPROXY))).toContain('table inet transvisor_main: 2 rules');
    const once = await state();
    expect(once).toContain('fwmark 0x100000/0x100000 lookup 7443');
    await intercept('apply', rule(TPROXY));
    expect(await state()).toBe(once);
    expect(await intercept('remove', rule(TPROXY))).toContain('removed table inet transvisor_main');
    expect(await state()).toBe(bare);
    expect(await intercept('remove', rule(TPROXY))).toContain('nothing there');
    expect(await state()).toBe(bare);
  });
  test('a changed configuration takes away what the one before it made', async () => {
    await intercept('apply', rule(TPROXY, 'mark = 0x40\ntable = 300'));
    await intercept('apply', rule(TPROXY, 'mark = 0x80\ntable = 301'));
    expect(await state()).not.toMatch(/lookup 300|table 300|0x40/);
    await intercept('apply', rule(TPROXY.replace(', "2001:db8:2::11"', ''), 'mark = 0x80\ntable = 301'));
    expect((await state()).match(/lookup 301/g)).toHaveLength(1);
    await intercept('apply', rule(REDIRECT));
    expect(await state()).not.toMatch(/lookup 301|table 301/);
    await intercept('apply', rule(TPROXY, 'mark = 0x40\ntable = 300'));
    // The table knows what belongs to it.
    await intercept('remove', '');
    expect(await state()).toBe(bare);
  });
  test('two configurations under names of their own leave each other alone', async () => {
    await intercept('apply', rule(TPROXY, 'name = "one"'));
    const one = await state();
    await intercept('apply', rule(TPROXY.replaceAll('11"', '12"'), 'name = "two"'));
    await intercept('remove', '', '--name', 'two');
    expect(await state()).toBe(one);
    // With a mark of its own it still stands on the same route.
    await intercept('apply', rule(TPROXY.replaceAll('11"', '13"'), 'name = "three"\nmark = 0x40'));
    await intercept('remove', '', '--name', 'three');
    expect(await state()).toBe(one);
    await intercept('remove', rule(TPROXY, 'name = "one"'));
    expect(await state()).toBe(bare);
  });
  test('what is printed is what nft takes, and a dry run changes nothing', async () => {
    const printed = await intercept('print', rule(TPROXY));
    const { code, stderr } = await network.gateway.run(['nft', '-c', '-f', '-'], { input: printed });
    expect([code, stderr]).toEqual([0, '']);
    expect(await intercept('apply', rule(TPROXY), '--dry-run')).toContain('nothing was changed');
    expect(await state()).toBe(bare);
  });
  test('a table of that name that somebody else made, and a routing table in use, are left alone', async () => {
    await network.gateway.sh('nft add table inet transvisor_main');
    expect(await refusal('apply', rule(REDIRECT))).toContain('transvisor_main was not made by transvisor intercept');
    expect(await refusal('remove', rule(REDIRECT))).toContain('left alone');
    await network.gateway.sh('nft delete table inet transvisor_main; ip route add 203.0.113.0/24 dev lo table 7443');
    expect(await refusal('apply', rule(TPROXY))).toMatch(/routing table 7443 is in use \(203\.0\.113\.0\/24\)/);
    await network.gateway.sh('ip route flush table 7443');
  });
  test('without the right to, it says so in the words of nft', async () => {
    const without = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', 'sh', '-c'];
    const place = {
      ...network.gateway,
      run: (words: readonly string[]) => network.gateway.run([...without, words.join(' ')]),
    };
    const { code, stderr } = await interceptIn(place, 'apply', rule(REDIRECT));
    expect(code).toBe(69);
    expect(stderr).toMatch(/^transvisor: nft .*Operation not permitted/);
    expect((await interceptIn(place, 'print', rule(REDIRECT))).code).toBe(0);
  });
  test('a machine that forwards nothing is told', async () => {
    await network.gateway.sh('sysctl -q -w net.ipv4.ip_forward=0');
    const told = await intercept('apply', rule(TPROXY));
    expect(told).toMatch(/warning: net\.ipv4\.ip_forward is 0/);
    expect(told).not.toContain('net.ipv6');
    await network.gateway.sh('sysctl -q -w net.ipv4.ip_forward=1');
    await intercept('remove', '');
  });

  test('excepted clients and other interfaces reach the host itself', async () => {
    const { client, gateway, host } = places();
    await using _own = await startSshLike(host, 443);
    const heard = async () => [await talkSshLike(client, host.ip, 443), await talkSshLike(client, host.ip6, 443)];
    const dnat = 'mode = "dnat"\nat = ["192.0.2.11", "2001:db8:2::11"]\nto = ":8443"';
    const [itself, nothing] = [
      [SSH_HEARD, SSH_HEARD],
      ['ECONNREFUSED', 'ECONNREFUSED'],
    ];
    expect(await heard()).toEqual(itself);
    await intercept('apply', rule(dnat, 'interfaces = ["clients"]\nexcept = ["192.0.2.0/24"]'));
    expect(await heard()).toEqual(nothing);
    expect(await talkSshLike(gateway, host.ip, 443)).toBe(SSH_HEARD);
    await intercept('apply', rule(dnat, 'except = ["198.51.100.0/24", "198.51.100.10", "2001:db8:1::10"]'));
    expect(await heard()).toEqual(itself);
    await intercept('apply', rule(dnat, 'interfaces = ["estate"]'));
    expect(await heard()).toEqual(itself);
    await intercept('remove', '');
  });

  test('connections that are there stay when rules come, and when they are applied anew', async () => {
    const { client, gateway, host } = places();
    await using _own = await startSshLike(host, 443);
    await using _agent = await startSshLike(gateway, 8443);
    // As on a machine where nobody keeps track of connections yet.
    await gateway.sh('nft flush ruleset');
    const open = async (address: string): Promise<ActProgram & AsyncDisposable> => {
      const program = `const socket = require('net').connect(443, process.argv[1], () => socket.once('data', () => process.stdin.pipe(socket).pipe(process.stdout)));`;
      const acts = openActs(...client.command(process.execPath, '-e', program, address));
      await acts.act('said again', { value: '' });
      return { ...acts, [Symbol.asyncDispose]: acts.close };
    };
    const stays = async ({ act }: ActProgram): Promise<void> => {
      expect(await act('said again', { value: 'there' })).toBe('there');
    };
    await using before = await open(host.ip);
    await using before6 = await open(host.ip6);
    const dnat = 'mode = "dnat"\nat = ["192.0.2.11", "2001:db8:2::11"]\nto = ":8443"';
    await intercept('apply', rule(dnat));
    await using since = await open(host.ip);
    expect(await gateway.sh('ss -Htn state established sport = :8443 | wc -l')).toBe('1\n');
    await intercept('apply', rule(dnat, 'except = ["203.0.113.1"]'));
    for (const one of [before, before6, since]) await stays(one);
    await intercept('remove', '');
    for (const one of [before, before6]) await stays(one);
  });
  test('while nobody listens, tproxy leaves clients to the host', async () => {
    const { client, host } = places();
    await using _own = await startSshLike(host, 443);
    await intercept('apply', rule(TPROXY));
    for (const address of [host.ip, host.ip6]) expect(await talkSshLike(client, address, 443)).toBe(SSH_HEARD);
    await intercept('remove', '');
  });

  test('to an agent on another machine, whose answers must come back through here', async () => {
    const { client, host: first, other } = places();
    await using _agent = await startSshLike(other, 8443);
    const config = (more: string): string =>
      `[[intercept.rule]]\nmode = "dnat"\nat = ["${first.ip}"]\nports = [443]\nto = "${other.ip}:8443"\n${more}\n[[intercept.rule]]\nmode = "dnat"\nat = ["${first.ip6}"]\nports = [443]\nto = "[${other.ip6}]:8443"\n${more}`;
    const heard = async () => [await talkSshLike(client, first.ip, 443), await talkSshLike(client, first.ip6, 443)];
    await intercept('apply', config(''));
    expect(await heard()).toEqual([SSH_HEARD, SSH_HEARD]);
    await other.sh('ip route del default; ip -6 route del default');
    await intercept('apply', config('masquerade = true'));
    expect(await heard()).toEqual([SSH_HEARD, SSH_HEARD]);
    await other.sh('ip route add default via 192.0.2.1; ip -6 route add default via 2001:db8:2::1');
    await intercept('remove', '');
    expect(await state()).toBe(bare);
  });
});

describeWith([...NEEDED, 'vcsim', 'govc', 'pyvmomi', 'xen-api'], 'a hypervisor with a listener on that port', () => {
  test('clients of another vendor find it translated at its own address and port, its own vendor’s and the agent find it there as it is', async () => {
    await using network = await openNetwork();
    const { client, host } = placesOf(network);
    await using esx = runIn(host, [requireClient('vcsim'), '-l', '[::]:443', '-esx', '-vm', '1']);
    await until(
      () => esx.log().includes('GOVC_URL'),
      () => `vcsim: ${esx.log()}`,
    );
    const fingerprint = await host.sh(
      `openssl s_client -connect ${host.ip}:443 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256`,
    );
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'password'), 'pass\n');
    await using agent = await startProduct(
      host,
      `listen = "::"
      [[host]]\nname = "esx"\nuri = "esx://${host.ip}"\nuser = "user"\npasswordFile = "${join(folder, 'password')}"
      fingerprint = "${fingerprint.trim().split('=').at(-1)}"
      [[front]]\nplatform = "xenapi"\nport = 9443
      [[front]]\nplatform = "vim25"\nport = 9443`,
    );
    const powerOf = async (from = host): Promise<string> => {
      const env = { GOVC_URL: `https://user:pass@${host.ip}/sdk`, GOVC_INSECURE: 'true' };
      const { stdout } = await from.run([requireClient('govc'), 'vm.info', 'ha-host_VM0'], { env });
      return /Power state:\s+(\S+)/.exec(stdout)?.[1] ?? stdout;
    };
    await agent.intercept('apply', '[[intercept.rule]]\nmode = "redirect"\nports = [443]\nto = ":9443"');
    await using xen = await CLIENTS['xen-api'](client, `https://${host.ip}`);
    expect(await xen.names()).toEqual(['ha-host_VM0']);
    expect(await powerOf()).toBe('poweredOn');
    await xen.power('ha-host_VM0', 'off');
    expect(await powerOf()).toBe('poweredOff');
    for (const open of [CLIENTS.govc, CLIENTS.pyVmomi]) {
      await using vim = await open(client, `https://${host.ip}`);
      expect(await vim.names()).toEqual(['ha-host_VM0']);
      await vim.power('ha-host_VM0', 'on');
      expect(await powerOf()).toBe('poweredOn');
      await vim.power('ha-host_VM0', 'off');
    }
    // A user of its own, whom the agent does not know.
    expect(await powerOf(client)).toBe('poweredOff');
    await agent.intercept('remove');
  });
});
