/** What virsh writes into a definition without libvirt telling anybody stays through the next write of any client. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { type RawSoap, rawSoap } from './raw-soap.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { endpointOf, type XenLane, xenApiLane } from './xenapi-lanes.ts';

const MIB = 1024 * 1024;

describeWith([...LIBVIRT_CLIENTS, 'xen-api'], 'a definition that virsh changes in silence', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let xen: XenLane;
  let soap: RawSoap;
  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    const file = join(host.root, 'quiet.xml');
    writeFileSync(
      file,
      `<domain type='qemu'><name>quiet</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>`,
    );
    await host.virsh('define', file);
    product = await startTransvisor({ host: host.uri, fronts: ['xenapi', 'vim25'] });
    xen = await xenApiLane(endpointOf(product), 'json-rpc');
    soap = rawSoap(product.front('vim25'));
    await soap.logIn();
  }, 60_000);
  afterAll(async () => {
    soap?.close();
    await xen?.close();
    await product?.stop();
    await host?.stop();
  });

  const attach = async (device: string): Promise<void> => {
    const file = join(host.root, 'device.xml');
    writeFileSync(file, device);
    await host.virsh('attach-device', 'quiet', file, '--config');
  };
  const definition = (): Promise<string> => host.virsh('dumpxml', 'quiet', '--inactive');

  test('keeps it, and has the change as well', async () => {
    const [vm] = (await xen.call('VM.get_by_name_label', 'quiet')) as string[];
    await attach("<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>");
    await xen.call('VM.set_memory_limits', vm, 0, 48 * MIB, 48 * MIB, 48 * MIB);
    expect(await definition()).toMatch(/<memory unit='KiB'>49152<[\s\S]*<rng model='virtio'>/);

    await attach("<watchdog model='i6300esb' action='reset'/>");
    await host.virsh('setvcpus', 'quiet', '2', '--maximum', '--config');
    const moid = await soap.vm('quiet');
    expect(
      await soap.run('ReconfigVM_Task', 'VirtualMachine', moid, '<spec><memoryMB>64</memoryMB></spec>'),
    ).toBeUndefined();
    const after = await definition();
    expect(after).toMatch(/<memory unit='KiB'>65536<[\s\S]*<rng model='virtio'>/);
    expect(after).toMatch(/<watchdog model='i6300esb'/);
    expect(after).toMatch(/<vcpu[^>]*>2</);
    // What was read anew is shown anew.
    expect(Number(await xen.call('VM.get_VCPUs_max', vm))).toBe(2);
  });
});
