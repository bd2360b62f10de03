/** The life of a machine by XenAPI on QEMU, and after every step everything that can be read judged by the data model: nothing dangles, no end of a relation is missing. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { openXenPython, type PythonXenApi, type XenEndpoint } from './xen-clients.ts';
import { missingFor, oneSided, problemsIn, readByJsonRpc } from './xen-judge.ts';
import { newDisk, newDrive } from './xen-records.ts';

describeWith(['xenapi-py', 'xen-api', ...LIBVIRT_CLIENTS, 'qemu-img'], 'a life that is judged at every step', () => {
  let host: Libvirtd;
  let product: Transvisor;
  let client: PythonXenApi;
  const endpoint = (): XenEndpoint => {
    const { url, user, password, fingerprint256 } = product.front('xenapi');
    return { url, user, password, fingerprint: fingerprint256 };
  };
  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    product = await startTransvisor({ host: host.uri, fronts: ['xenapi'] });
    client = await openXenPython(endpoint());
    await client.login();
  });
  afterAll(async () => {
    await client?.close();
    await product?.[Symbol.asyncDispose]();
    await host?.stop();
  });

  test('from the template to nothing', async () => {
    const call = async (method: string, ...args: readonly unknown[]): Promise<unknown> => {
      const value = await client.call(method, ...args);
      const reading = await readByJsonRpc(endpoint());
      expect({
        method,
        problems: problemsIn(reading),
        missing: missingFor(reading),
        oneSided: oneSided(reading),
      }).toEqual({
        method,
        problems: [],
        missing: [],
        oneSided: [],
      });
      return value;
    };
    const one = async (method: string, ...args: readonly unknown[]): Promise<string> => {
      const [found] = (await client.call(method, ...args)) as string[];
      if (found === undefined) throw new Error(`${method} finds nothing`);
      return found;
    };
    const template = await one('VM.get_by_name_label', 'Other install media');
    const storage = await one('SR.get_by_name_label', 'default');
    const before = (await client.call('VDI.get_all')) as string[];

    const vm = (await call('VM.clone', template, 'judged')) as string;
    await call('VM.set_memory_limits', vm, 32 << 20, 64 << 20, 64 << 20, 64 << 20);
    await call('VM.provision', vm);
    const image = (name: string) =>
      newDisk(storage, String(16 << 20), { name_label: name, other_config: { by: 'the judge' } });
    const first = (await call('VDI.create', image('first'))) as string;
    const second = (await call('VDI.create', image('second'))) as string;
    await call('VBD.create', newDrive(vm, first));
    await call('VM.start', vm, false, false);
    // Made while it runs: there, and not plugged.
    const late = (await call('VBD.create', newDrive(vm, second, { userdevice: '1' }))) as string;
    expect(await client.call('VBD.get_currently_attached', late)).toBe(false);
    await call('VBD.plug', late);
    expect(await client.call('VBD.get_currently_attached', late)).toBe(true);
    expect(await client.call('VDI.get_VBDs', second)).toEqual([late]);
    await call('VM.pause', vm);
    await call('VM.unpause', vm);
    await call('VM.hard_shutdown', vm);
    const snapshot = (await call('VM.snapshot', vm, 'a snapshot')) as string;
    expect(await client.call('VM.get_snapshot_of', snapshot)).toBe(vm);
    await call('VM.set_is_a_template', snapshot, false);
    await call('VM.set_name_label', vm, 'judged & renamed');
    await call('VM.revert', snapshot);
    await call('VM.destroy', snapshot);
    await call('VM.set_is_a_template', vm, true);
    await call('VM.set_is_a_template', vm, false);
    const network = await one('network.get_by_name_label', 'lan');
    const card = (await call('VIF.create', {
      VM: vm,
      network,
      device: '0',
      MAC: '',
      MTU: '1500',
      other_config: {},
      qos_algorithm_type: '',
      qos_algorithm_params: {},
    })) as string;
    expect(await client.call('network.get_VIFs', network)).toEqual([card]);
    await call('VIF.destroy', card);
    await call('VBD.destroy', late);
    await call('VDI.destroy', second);
    await call('VM.destroy', vm);
    await call('VDI.destroy', first);
    expect(await client.call('VDI.get_all')).toEqual(before);
    expect((await host.virsh('list', '--all', '--name')).trim()).toBe('');
  });
});
