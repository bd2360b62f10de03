/** What the console is looked at with: a libvirt host with three machines, the product with both fronts, and what govc and xen-api did there. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashPassword } from '../../runtime/accounts.ts';
import { type Govc, govcOn } from './clients.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { openXenApi, seenBy, vmNamed, type Xapi } from './xen-clients.ts';

export type ConsoleEstate = {
  readonly host: Libvirtd;
  readonly product: Transvisor;
  readonly govc: Govc;
  readonly xen: Xapi;
  readonly close: () => Promise<void>;
};

export const VIEWER = { user: 'vera', password: 'only-looks-at-it' } as const;
/** Runs, has a disk, and was once more started in vain. */
export const VM = 'web-1';

const hosts = Array.from({ length: 100 }, (_, n) => ({
  id: `host-${n}`,
  name: `h${n}`,
  platform: 'libvirt',
  agent: n === 7 ? '' : `a${n % 10}`,
  state: n === 7 ? 'away' : 'connected',
  vms: 100,
}));
/** An overview as the API tells it: of a hundred hosts h7 is away, and only h42 is called. */
export const HUNDRED_HOSTS = {
  atMs: 60_000,
  traffic: { sinceMs: 0 },
  counts: { vms: 10_000 },
  hosts,
  fronts: hosts.map(({ id, name }, n) => {
    const calls = n === 42 ? 9 : 0;
    return { name: `vim25@${name}`, platform: 'vim25', host: id, port: 1, sessions: 0, calls, faults: 0, meanMs: 1 };
  }),
  clients: [],
  unwell: [],
};

const domain = (
  name: string,
): string => `<domain type='qemu'><name>${name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type machine='pc'>hvm</type></os>
  <devices><interface type='user'><model type='e1000'/></interface><controller type='scsi' index='0' model='lsilogic'/></devices></domain>`;

export const openConsoleEstate = async (): Promise<ConsoleEstate> => {
  const host = await startLibvirtd({ qemu: true });
  const hash = await hashPassword(VIEWER.password);
  const product = await startTransvisor({
    host: host.uri,
    fronts: ['vim25', 'xenapi'],
    config: `[[account]]\nname = "${VIEWER.user}"\nrole = "read-only"\nhash = "${hash}"\n`,
  });
  const govc = govcOn(product, { GOVC_DATASTORE: 'default' });
  const { url, user, password, fingerprint256: fingerprint } = product.front('xenapi');
  const xen = await openXenApi({ url, user, password, fingerprint }, 'json-rpc');
  for (const name of [VM, 'web-2', 'mail-1']) {
    const file = join(host.root, `${name}.xml`);
    writeFileSync(file, domain(name));
    await host.virsh('define', file);
  }
  const mail = await seenBy('mail-1', () => vmNamed(xen, 'mail-1'));
  await govc('vm.disk.create', '-vm', VM, '-name', `${VM}/data`, '-size', '64M');
  await govc('vm.power', '-on', VM);
  await govc('vm.change', '-vm', 'web-2', '-m', '128');
  await xen.setField('VM', mail.$ref, 'name_description', 'by xen-api');
  const { code } = await govc.result(['vm.power', '-on', VM]);
  if (code === 0) throw new Error('a machine that runs was started again');
  return {
    host,
    product,
    govc,
    xen,
    close: async () => {
      await xen.disconnect();
      await product[Symbol.asyncDispose]();
      await host.stop();
    },
  };
};
