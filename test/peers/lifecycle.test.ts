/** One lifecycle by each client against a real libvirtd with QEMU, in one process and in two; each step is checked on the libvirt side. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type ClientName, type Endpoint, LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { govcClient } from './lifecycle-govc.ts';
import { pyvmomiClient } from './lifecycle-pyvmomi.ts';
import { type Lifecycle, type LifecycleClient, STEPS } from './lifecycle-steps.ts';
import { virshClient } from './lifecycle-virsh.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { makeBridge } from './vcsim-estate.ts';

const NETWORK = 'VM Network';
const DATASTORE = 'default';

/** `lacks`: acts that its API does not have; the steps that need them are not tests of this client. */
const CLIENTS: readonly {
  name: string;
  needs: readonly ClientName[];
  lacks?: readonly (keyof LifecycleClient)[];
  open: (endpoint: Endpoint) => LifecycleClient;
}[] = [
  { name: 'govc', needs: ['govc'], open: (endpoint) => govcClient(endpoint, DATASTORE) },
  { name: 'pyVmomi', needs: ['pyvmomi'], open: pyvmomiClient },
  {
    name: 'virsh esx',
    needs: ['virsh'],
    lacks: ['setMemory', 'addDisk', 'removeDisk', 'rename', 'events', 'tasks'],
    open: virshClient,
  },
];

describeWith([...LIBVIRT_CLIENTS, 'qemu-img'], 'a VM lives', () => {
  let host: Libvirtd;
  let bridge: Awaited<ReturnType<typeof makeBridge>>;
  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    bridge = await makeBridge();
    const file = join(host.root, 'vm-network.xml');
    writeFileSync(
      file,
      `<network><name>${NETWORK}</name><forward mode='bridge'/><bridge name='${bridge.name}'/></network>`,
    );
    await host.virsh(`net-define ${file}; net-start '${NETWORK}'; net-destroy lan; net-undefine lan`);
    const neighbour = join(host.root, 'neighbour.xml');
    writeFileSync(
      neighbour,
      `<domain type='qemu'><name>neighbour</name><memory unit='MiB'>32</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>`,
    );
    await host.virsh('define', neighbour);
  });
  afterAll(async () => {
    await host?.stop();
    await bridge?.remove();
  });

  for (const twoProcesses of [false, true]) {
    describe(twoProcesses ? 'through agent and server apart' : 'through one process', () => {
      let product: Transvisor;
      beforeAll(async () => {
        product = await startTransvisor({ host: host.uri, twoProcesses });
      });
      afterAll(async () => {
        await product?.[Symbol.asyncDispose]();
      });

      for (const { name, needs, lacks = [], open } of CLIENTS) {
        describeWith(needs, `with ${name}`, () => {
          let life: Lifecycle;
          // A step stands on those before it: after a failure the rest says nothing.
          let broken: string | undefined;
          // biome-ignore lint/suspicious/noDuplicateTestHooks: this one is of the inner describe
          beforeAll(() => {
            const vm = `life-${name.replaceAll(' ', '-')}-${twoProcesses ? 2 : 1}`;
            life = {
              client: open(product),
              host,
              network: NETWORK,
              datastore: DATASTORE,
              name: vm,
              uuid: '',
              before: { volumes: '', domains: '', files: '' },
            };
          });
          // biome-ignore lint/suspicious/noDuplicateTestHooks: this one is of the inner describe
          afterAll(async () => {
            await life?.client.close?.();
            if (life !== undefined && life.uuid !== '') {
              await host.virshResult(['destroy', life.uuid]);
              await host.virshResult(['undefine', life.uuid, '--snapshots-metadata', '--managed-save']);
            }
          });
          for (const step of STEPS.filter(({ needs: act }) => act === undefined || !lacks.includes(act))) {
            test(step.name, { timeout: 60_000 }, async () => {
              if (broken !== undefined) throw new Error(`not tried: "${broken}" failed before`);
              try {
                await step.act(life);
              } catch (error) {
                broken = step.name;
                if (error instanceof Error) error.message += `\n${product.log().slice(-3000)}`;
                throw error;
              }
            });
          }
        });
      }
    });
  }
});
