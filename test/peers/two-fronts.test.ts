/** A VMware client and a XenServer client on one KVM host at once: each sees the other's changes as they happen, no write undoes another's, and writes to one VM queue. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { govcOn, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { escapeXml, type RawSoap, rawSoap, textIn } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { openXenApi, seenBy, type Xapi, type XenRecord } from './xen-clients.ts';

const NAME = 'shared';
const UUID = '5b4b5b1e-0000-4000-8000-00000000000f';
/** With an element of somebody else's, which belongs to neither client. */
const MACHINE = `<domain type='qemu'><name>${NAME}</name><uuid>${UUID}</uuid>
<metadata><their:own xmlns:their='http://their.example/' k='v'>kept</their:own></metadata>
<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type machine='pc'>hvm</type></os><features><acpi/></features><devices>DISK</devices></domain>`;

const WATCHED = ['name', 'runtime.powerState', 'config.annotation', 'config.hardware.memoryMB'] as const;

/** A session that waits in WaitForUpdatesEx for one VM, and what it was told. */
class Watcher {
  readonly #soap: RawSoap;
  readonly #moid: string;
  #version = '';
  readonly told = new Map<string, string>();

  constructor(soap: RawSoap, moid: string) {
    this.#soap = soap;
    this.#moid = moid;
  }

  async open(): Promise<void> {
    await this.#soap.watch(this.#moid, ...WATCHED);
    // From no version: all is told.
    await this.next();
  }

  /** One wait: until something changes or ten seconds pass. */
  async next(): Promise<void> {
    const answer = await this.#soap.waitForUpdates(this.#version, 10);
    expect(answer.fault).toBeUndefined();
    this.#version = textIn(answer.text, 'version') ?? this.#version;
    for (const [, name = '', value = ''] of answer.text.matchAll(
      /<changeSet><name>([^<]*)<\/name><op>assign<\/op><val[^>]*?(?:\/>|>([^<]*)<\/val>)/g,
    ))
      this.told.set(name, value);
  }

  async until(path: (typeof WATCHED)[number], value: string): Promise<void> {
    const end = Date.now() + 20_000;
    while (this.told.get(path) !== value) {
      if (Date.now() > end) throw new Error(`${path} is ${this.told.get(path)}, not ${value}`);
      await this.next();
    }
  }
}

const inBoth = (twoProcesses: boolean): void => {
  let host: Libvirtd;
  let product: Transvisor;
  let soap: RawSoap;
  let xapi: Xapi;
  let moid: string;

  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    const file = join(host.root, 'shared.xml');
    await host.virsh('vol-create-as', 'default', 'shared.qcow2', '64M', '--format', 'qcow2');
    const source = join(host.poolFolder, 'shared.qcow2');
    const disk = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${source}'/><target dev='vda' bus='virtio'/></disk>`;
    writeFileSync(file, MACHINE.replace('DISK', disk));
    await host.virsh('define', file);
    product = await startTransvisor({ host: host.uri, fronts: ['vim25', 'xenapi'], twoProcesses });
    soap = rawSoap(product.front('vim25'));
    await soap.logIn();
    moid = await soap.vm(NAME);
    const { url, user, password, fingerprint256 } = product.front('xenapi');
    xapi = await openXenApi({ url, user, password, fingerprint: fingerprint256 }, 'json-rpc', { watchEvents: true });
  });
  afterAll(async () => {
    await xapi?.disconnect();
    soap?.close();
    await product?.[Symbol.asyncDispose]();
    await host?.stop();
  });

  const shared = (): XenRecord => {
    const found = Object.values(xapi.objects.all).find(({ $type, uuid }) => $type === 'VM' && uuid === UUID);
    if (found === undefined) throw new Error('the VM is not in the cache');
    return found;
  };
  const reconfigure = (spec: string): Promise<string | undefined> =>
    soap.run('ReconfigVM_Task', 'VirtualMachine', moid, `<spec>${spec}</spec>`);
  const extraConfig = async (): Promise<ReadonlyMap<string, string>> => {
    const inner = (await soap.read('VirtualMachine', moid, 'config.extraConfig')).get('config.extraConfig') ?? '';
    return new Map(
      [...inner.matchAll(/<key>([^<]*)<\/key><value[^>]*>([^<]*)<\/value>/g)].map(([, key = '', value = '']) => [
        key,
        value,
      ]),
    );
  };

  test('what the XenServer client does is told to the VMware client that waits', async () => {
    const other = rawSoap(product.front('vim25'));
    await other.logIn();
    try {
      const watcher = new Watcher(other, moid);
      await watcher.open();
      expect(watcher.told.get('runtime.powerState')).toBe('poweredOff');
      await xapi.callAsync('VM.start', shared().$ref, false, false);
      await watcher.until('runtime.powerState', 'poweredOn');
      await xapi.call('VM.set_name_label', shared().$ref, 'from Xen');
      await watcher.until('name', 'from Xen');
      await xapi.call('VM.set_name_description', shared().$ref, 'described by Xen');
      await watcher.until('config.annotation', 'described by Xen');
      await xapi.call('VM.hard_shutdown', shared().$ref);
      await watcher.until('runtime.powerState', 'poweredOff');
      expect((await host.virsh('domstate', NAME)).trim()).toBe('shut off');
    } finally {
      other.close();
    }
  });

  test('what the VMware client does is in the events of the XenServer client', async () => {
    const govc = govcOn(product.front('vim25'));
    const ref = shared().$ref;
    const path = '/ha-datacenter/vm/from Xen';
    await govc('vm.power', '-on', path);
    await seenBy('power', () => shared()['power_state'] === 'Running');
    expect(shared()['resident_on']).toBe(xapi.pool?.['master']);
    await govc('vm.power', '-off', path);
    await seenBy('power', () => shared()['power_state'] === 'Halted');
    await govc('vm.change', '-vm', path, '-m', '96', '-annotation', 'described by govc');
    await seenBy('memory', () => shared()['memory_dynamic_max'] === 96 * 1024 * 1024);
    await seenBy('description', () => shared()['name_description'] === 'described by govc');
    await govc('vm.change', '-vm', path, '-name', NAME);
    await seenBy('name', () => shared()['name_label'] === NAME);
    // It is the same object all the time.
    expect(shared().$ref).toBe(ref);
  });

  test('a snapshot by one is a snapshot of the other', async () => {
    expect(
      await soap.run(
        'CreateSnapshot_Task',
        'VirtualMachine',
        moid,
        '<name>by vim</name><memory>false</memory><quiesce>false</quiesce>',
      ),
    ).toBeUndefined();
    const snapshot = await seenBy('the snapshot', () =>
      Object.values(xapi.objects.all).find(
        (record) => record.$type === 'VM' && record['is_a_snapshot'] === true && record['name_label'] === 'by vim',
      ),
    );
    expect(snapshot['snapshot_of']).toBe(shared().$ref);
    expect(shared()['snapshots']).toEqual([snapshot.$ref]);
    await xapi.callAsync('VM.destroy', snapshot.$ref);
    expect((await soap.read('VirtualMachine', moid, 'snapshot')).get('snapshot') ?? '').toBe('');
  });

  test('what only one vendor knows survives any number of writes through the other', async () => {
    const ref = shared().$ref;
    expect(
      await reconfigure(
        '<extraConfig><key>guestinfo.role</key><value xsi:type="xsd:string">db &amp; web</value></extraConfig><annotation>a note</annotation>',
      ),
    ).toBeUndefined();
    await xapi.call('VM.add_to_other_config', ref, 'xo:key', 'x & "y"');
    await xapi.call('VM.add_tags', ref, 'blue');
    await xapi.call('VM.add_to_xenstore_data', ref, 'vm-data/a', '1');
    await xapi.call('VM.add_to_blocked_operations', ref, 'destroy', 'not yet');
    for (let round = 0; round < 10; round++) {
      await xapi.call('VM.set_name_description', ref, `round ${round}`);
      await xapi.call(
        'VM.set_memory_limits',
        ref,
        64 << 20,
        (80 + round) << 20,
        (80 + round) << 20,
        (80 + round) << 20,
      );
      expect(await reconfigure(`<numCPUs>${1 + (round % 2)}</numCPUs>`)).toBeUndefined();
      expect(
        await reconfigure(
          `<extraConfig><key>guestinfo.round</key><value xsi:type="xsd:string">${round}</value></extraConfig>`,
        ),
      ).toBeUndefined();
    }
    const extra = await extraConfig();
    expect(extra.get('guestinfo.role')).toBe('db &amp; web');
    expect(extra.get('guestinfo.round')).toBe('9');
    const record = (await xapi.getRecord('VM', ref)) as XenRecord;
    expect(record['other_config']).toMatchObject({ 'xo:key': 'x & "y"' });
    expect(record['tags']).toEqual(['blue']);
    expect(record['xenstore_data']).toMatchObject({ 'vm-data/a': '1' });
    expect(record['blocked_operations']).toEqual({ destroy: 'not yet' });
    expect(record['memory_dynamic_max']).toBe(89 << 20);
    expect(record['VCPUs_at_startup']).toBe(2);
    expect(await host.virsh('dumpxml', NAME)).toContain(
      '<their:own xmlns:their="http://their.example/" k="v">kept</their:own>',
    );
    // An operation that one vendor blocked is blocked in its own words only; the other's own rules stand.
    await expect(xapi.callAsync('VM.destroy', ref)).rejects.toMatchObject({ code: 'OPERATION_BLOCKED' });
  });

  test('two who write at once change only what they name', async () => {
    const ref = shared().$ref;
    const writes: Promise<unknown>[] = [];
    for (let n = 0; n < 8; n++) {
      writes.push(xapi.call('VM.add_to_other_config', ref, `at once ${n}`, String(n)));
      writes.push(
        reconfigure(
          `<extraConfig><key>guestinfo.once${n}</key><value xsi:type="xsd:string">${n}</value></extraConfig>`,
        ).then((fault) => expect(fault).toBeUndefined()),
      );
    }
    await Promise.all(writes);
    const extra = await extraConfig();
    const { other_config: config } = (await xapi.getRecord('VM', ref)) as unknown as {
      other_config: Record<string, string>;
    };
    for (let n = 0; n < 8; n++) {
      expect(extra.get(`guestinfo.once${n}`)).toBe(String(n));
      expect(config[`at once ${n}`]).toBe(String(n));
    }
  });

  test('a changeVersion that the other client made old is refused', async () => {
    const seen = (await soap.read('VirtualMachine', moid, 'config.changeVersion')).get('config.changeVersion') ?? '';
    expect(
      await reconfigure(`<changeVersion>${escapeXml(seen)}</changeVersion><annotation>still current</annotation>`),
    ).toBeUndefined();
    const current = (await soap.read('VirtualMachine', moid, 'config.changeVersion')).get('config.changeVersion') ?? '';
    await xapi.call('VM.set_name_description', shared().$ref, 'by the other');
    expect(
      await reconfigure(`<changeVersion>${escapeXml(current)}</changeVersion><annotation>too late</annotation>`),
    ).toBe('ConcurrentAccess');
    expect(await xapi.call('VM.get_name_description', shared().$ref)).toBe('by the other');
  });

  test("while one write holds the VM the others wait ten seconds and get their own API's busy fault", async () => {
    const ref = shared().$ref;
    await xapi.call('VM.start', ref, false, false);
    const stopped = qemuOf(UUID);
    // The hypervisor does not answer: whatever is asked of it first goes on holding the VM.
    process.kill(stopped, 'SIGSTOP');
    let holding: Promise<unknown> | undefined;
    try {
      holding = xapi.call('VM.pause', ref).catch((error: unknown) => error);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const begun = Date.now();
      const [xen, vim] = await Promise.all([
        xapi.call('VM.hard_reboot', ref).catch((error: unknown) => error),
        soap.run('ResetVM_Task', 'VirtualMachine', moid),
      ]);
      expect(Date.now() - begun).toBeGreaterThan(9000);
      expect(xen).toMatchObject({ code: 'OTHER_OPERATION_IN_PROGRESS' });
      expect((xen as { params: string[] }).params.slice(0, 2)).toEqual(['VM', ref]);
      expect(vim).toBe('TaskInProgress');
    } finally {
      process.kill(stopped, 'SIGCONT');
    }
    await holding;
    expect(await xapi.call('VM.get_power_state', ref)).toMatch(/Paused|Running/);
    await xapi.call('VM.hard_shutdown', ref);
  });
};

for (const twoProcesses of [false, true])
  describeWith(
    [...LIBVIRT_CLIENTS, 'govc', 'xen-api'],
    `two vendors on one host, in ${twoProcesses ? 'two processes' : 'one'}`,
    () => inBoth(twoProcesses),
  );

/** The process of the one machine whose UUID is ours alone. */
const qemuOf = (uuid: string): number => {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\u0000');
      if (/qemu-system/.test(words[0] ?? '') && words.includes(uuid)) return Number(entry);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error(`no QEMU runs ${uuid}`);
};
