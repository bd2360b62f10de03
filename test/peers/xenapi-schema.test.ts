/** Everything that XenAPI clients can read, on every kind of host that is translated and in both encodings, judged by the data model: keys, types, references, what clients cannot do without. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unsetValue } from '../../mappings/xenapi/render/bundle.ts';
import { recordFields } from '../../mappings/xenapi/types.ts';
import { type ClientName, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { startLibvirtd } from './libvirtd.ts';
import { vcsimMatrixHost } from './matrix/host-vcsim.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { openXenApi, openXenPython } from './xen-clients.ts';
import { missingFor, oneSided, problemsIn, type Reading, readByJsonRpc, readByXmlRpc } from './xen-judge.ts';

const machine = (name: string, uuid: string, inner: string): string =>
  `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><title>${name} &lt;&amp;&gt; "title"</title><memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type machine='pc'>hvm</type><boot dev='cdrom'/><boot dev='hd'/></os><features><acpi/></features><devices>${inner}</devices></domain>`;

const disk = (source: string, target: string, bus: string, device = 'disk', format = 'qcow2'): string =>
  `<disk type='file' device='${device}'><driver name='qemu' type='${format}'/>${source === '' ? '' : `<source file='${source}'/>`}<target dev='${target}' bus='${bus}'/>${device === 'cdrom' ? '<readonly/>' : ''}</disk>`;

/** Two machines of real QEMU: one runs, has disks in and outside the pool, an ISO and an empty drive, two cards; one is off and has snapshots. */
const startQemu = async () => {
  const host = await startLibvirtd({ qemu: true });
  const volumes = ['a.qcow2', 'b.qcow2', 'free.qcow2'];
  for (const name of volumes) await host.virsh('vol-create-as', 'default', name, '64M', '--format', 'qcow2');
  await host.virsh('vol-create-as', 'default', 'tools.iso', '1M', '--format', 'raw');
  const loose = join(host.root, 'loose.img');
  writeFileSync(loose, Buffer.alloc(1024 * 1024));
  const define = async (name: string, xml: string): Promise<void> => {
    const file = join(host.root, `${name}.xml`);
    writeFileSync(file, xml);
    await host.virsh('define', file);
  };
  await define(
    'up',
    machine(
      'up',
      '5b4b5b1e-0000-4000-8000-000000000001',
      disk(join(host.poolFolder, 'a.qcow2'), 'vda', 'virtio') +
        disk(loose, 'vdb', 'virtio', 'disk', 'raw') +
        disk(join(host.poolFolder, 'tools.iso'), 'hdc', 'ide', 'cdrom', 'raw') +
        disk('', 'hdd', 'ide', 'cdrom', 'raw') +
        "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>" +
        "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>",
    ),
  );
  await define(
    'off',
    machine(
      'off',
      '5b4b5b1e-0000-4000-8000-000000000002',
      disk(join(host.poolFolder, 'b.qcow2'), 'sda', 'scsi') +
        "<interface type='network'><mac address='52:54:00:00:00:02'/><source network='lan'/></interface>",
    ),
  );
  await host.virsh('start', 'up');
  await host.virsh('snapshot-create-as', 'off', 'first', 'the first');
  await host.virsh('snapshot-create-as', 'off', 'second');
  return { uri: host.uri, stop: () => host.stop() };
};

const startTest = async () => {
  const host = await startLibvirtd();
  return { uri: host.testUri(), stop: () => host.stop() };
};

const HOSTS: readonly {
  name: string;
  needs: readonly ClientName[];
  start: () => Promise<{ uri: string; flags?: readonly string[]; stop: () => Promise<void> }>;
  /** How many of each class there are at least. */
  atLeast: Readonly<Record<string, number>>;
}[] = [
  {
    name: 'the simulated host',
    needs: [],
    start: async () => ({ uri: 'sim:///default', stop: async () => {} }),
    atLeast: { VM: 5, VBD: 4, VIF: 3, VDI: 3, SR: 1, network: 1, console: 1, VM_guest_metrics: 1 },
  },
  {
    name: "libvirt's test driver",
    needs: LIBVIRT_CLIENTS,
    start: startTest,
    atLeast: { VM: 3, SR: 1, network: 1 },
  },
  {
    name: 'QEMU',
    needs: [...LIBVIRT_CLIENTS, 'qemu-img'],
    start: startQemu,
    atLeast: { VM: 6, VBD: 7, VIF: 2, VDI: 7, SR: 2, PBD: 2, network: 1, console: 1, VM_guest_metrics: 1 },
  },
  {
    name: 'ESXi (vcsim)',
    needs: ['vcsim', 'govc'],
    start: () => vcsimMatrixHost('esx'),
    atLeast: { VM: 3, VBD: 1, VIF: 1, VDI: 1, SR: 1, network: 1 },
  },
  {
    name: 'vCenter (vcsim)',
    needs: ['vcsim', 'govc'],
    start: () => vcsimMatrixHost('vpx'),
    atLeast: { VM: 3, VBD: 1, VIF: 1, VDI: 1, SR: 1, network: 1 },
  },
];

for (const { name, needs, start, atLeast } of HOSTS) {
  describeWith(['xenapi-py', 'xen-api', ...needs], `the data model judges what is read on ${name}`, () => {
    let host: Awaited<ReturnType<typeof start>>;
    let product: Transvisor;
    beforeAll(async () => {
      host = await start();
      product = await startTransvisor({ host: host.uri, fronts: ['xenapi'], options: host.flags ?? [] });
    });
    afterAll(async () => {
      await product?.[Symbol.asyncDispose]();
      await host?.stop();
    });
    const endpoint = () => {
      const { url, user, password, fingerprint256 } = product.front('xenapi');
      return { url, user, password, fingerprint: fingerprint256 };
    };

    const judged = (reading: Reading): void => {
      const counts = Object.fromEntries([...reading.records].map(([cls, all]) => [cls, Object.keys(all).length]));
      for (const [cls, count] of Object.entries(atLeast)) expect(counts[cls], cls).toBeGreaterThanOrEqual(count);
      expect(problemsIn(reading)).toEqual([]);
      expect(missingFor(reading)).toEqual([]);
      expect(oneSided(reading)).toEqual([]);
    };

    test('over XML-RPC, by XenAPI.py', async () => {
      judged(await readByXmlRpc(endpoint()));
    });

    test('over JSON-RPC, by xen-api', async () => {
      judged(await readByJsonRpc(endpoint()));
    });

    test('a field alone, a record alone and all records say the same', async () => {
      const client = await openXenPython(endpoint());
      try {
        await client.login();
        const all = (await client.call('VM.get_all_records')) as Record<string, Record<string, unknown>>;
        expect(Object.keys(all).sort()).toEqual(((await client.call('VM.get_all')) as string[]).sort());
        for (const [ref, record] of Object.entries(all)) {
          expect(await client.call('VM.get_record', ref)).toEqual(record);
          for (const field of ['name_label', 'power_state', 'memory_static_max', 'VBDs', 'platform', 'is_a_template'])
            expect(await client.call(`VM.get_${field}`, ref), field).toEqual(record[field]);
          expect(await client.call('VM.get_by_uuid', record['uuid'])).toBe(ref);
          expect(await client.call('VM.get_by_name_label', record['name_label'])).toContain(ref);
        }
        const running = Object.keys(all).filter((ref) => all[ref]?.['power_state'] === 'Running');
        expect(((await client.call('VM.get_all_where', 'field "power_state" = "Running"')) as string[]).sort()).toEqual(
          running.sort(),
        );
      } finally {
        await client.close();
      }
    });

    test("both of xen-api's transports fill its cache alike", async () => {
      const counts: Record<string, number>[] = [];
      for (const transport of ['json-rpc', 'xml-rpc'] as const) {
        const xapi = await openXenApi(endpoint(), transport, { watchEvents: true });
        const found: Record<string, number> = {};
        for (const { $type } of Object.values(xapi.objects.all)) found[$type] = (found[$type] ?? 0) + 1;
        counts.push(found);
        await xapi.disconnect();
      }
      expect(counts[0]).toEqual(counts[1]);
      for (const [cls, count] of Object.entries(atLeast)) expect(counts[0]?.[cls], cls).toBeGreaterThanOrEqual(count);
    });
  });
}

test('the judge objects to what the data model does not allow', () => {
  const host: Record<string, unknown> = { ...recordOf('host'), uuid: '0cc33145-0000-4e8c-8dc7-000000000001' };
  const reading = (record: Readonly<Record<string, unknown>>): Reading => ({
    encoding: 'json',
    records: new Map([['host', { 'OpaqueRef:h': record }]]),
  });
  expect(problemsIn(reading(host))).toEqual([]);
  const short = Object.fromEntries(Object.entries(host).filter(([key]) => key !== 'edition'));
  for (const [broken, says] of [
    [short, 'host: OpaqueRef:h has'],
    [{ ...host, enabled: 'true' }, 'host.enabled: "true" is no bool'],
    [{ ...host, API_version_major: '2' }, 'host.API_version_major: "2" is no int'],
    [{ ...host, metrics: 'OpaqueRef:gone' }, 'host.metrics: "OpaqueRef:gone" is no host_metrics ref'],
    [{ ...host, display: 'on' }, 'host.display: "on" is no enum host_display'],
    [{ ...host, PBDs: ['OpaqueRef:h'] }, 'host.PBDs: "OpaqueRef:h" is no PBD ref'],
    [{ ...host, other_config: { k: 1 } }, 'host.other_config[k]: 1 is no string'],
    [{ ...host, last_software_update: '1970-01-01' }, 'host.last_software_update: "1970-01-01" is no datetime'],
    [{ ...host, uuid: 'u' }, 'host.uuid: u'],
  ] as const)
    expect(problemsIn(reading(broken)).join('\n')).toContain(says);
  expect(missingFor(reading(host))).toContain('exactly one pool');
});

const recordOf = (cls: string): Record<string, unknown> =>
  Object.fromEntries(recordFields(cls).map(({ name, type, default: unset }) => [name, unsetValue(type, unset)]));
