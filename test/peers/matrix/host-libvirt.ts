/** A real libvirtd with QEMU as a host of the matrix, read back with virsh. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startLibvirtd } from '../libvirtd.ts';
import { makeBridge } from '../vcsim-estate.ts';
import type { Machine, MatrixHost, Power } from './contract.ts';

const NETWORK = 'VM Network';
const STORAGE = 'default';
const MIB = 1024 * 1024;

const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((found) => found[1] ?? '');
const words = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

export const libvirtMatrixHost = async (): Promise<MatrixHost> => {
  const host = await startLibvirtd({ qemu: true });
  const bridge = await makeBridge();
  const file = join(host.root, 'vm-network.xml');
  writeFileSync(
    file,
    `<network><name>${NETWORK}</name><forward mode='bridge'/><bridge name='${bridge.name}'/></network>`,
  );
  await host.virsh(`net-define ${file}; net-start '${NETWORK}'; net-destroy lan; net-undefine lan`);
  const neighbour = join(host.root, 'neighbour.xml');
  writeFileSync(
    neighbour,
    `<domain type='qemu'><name>neighbour</name><memory unit='MiB'>32</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>`,
  );
  await host.virsh('define', neighbour);

  const machine = async (uuid: string): Promise<Machine> => {
    const xml = await host.virsh('dumpxml', uuid, '--inactive');
    const state = (await host.virsh('domstate', uuid)).trim();
    const saved = /Managed save:\s+yes/.test(await host.virsh('dominfo', uuid));
    const power: Power =
      state === 'running'
        ? 'on'
        : state === 'paused'
          ? 'paused'
          : saved || state === 'pmsuspended'
            ? 'suspended'
            : 'off';
    const disks = all(xml, /<disk[^>]*device='disk'[^>]*>([\s\S]*?)<\/disk>/g);
    const diskMiB: number[] = [];
    for (const disk of disks) {
      const target = /<target dev='([^']+)'/.exec(disk)?.[1] ?? '';
      diskMiB.push(Number(/Capacity:\s+(\d+)/.exec(await host.virsh('domblkinfo', uuid, target))?.[1]) / MIB);
    }
    return {
      // What a rename leaves: a title where the domain could not be renamed.
      name: /<title>([^<]*)<\/title>/.exec(xml)?.[1] ?? /<name>([^<]*)<\/name>/.exec(xml)?.[1] ?? '',
      power,
      memoryMiB: Number(/<currentMemory unit='KiB'>(\d+)</.exec(xml)?.[1]) / 1024,
      cpus: Number(/<vcpu[^>]*current='(\d+)'/.exec(xml)?.[1] ?? /<vcpu[^>]*>(\d+)</.exec(xml)?.[1]),
      diskMiB,
      macs: all(xml, /<mac address='([^']+)'/g),
      snapshots: words(await host.virsh('snapshot-list', uuid, '--name')),
      // It fails where there is none.
      current: (await host.virshResult(['snapshot-current', uuid, '--name'])).stdout.trim(),
    };
  };
  const uuids = async (): Promise<string[]> => words(await host.virsh('list', '--all', '--uuid'));
  const machines = async (): Promise<Machine[]> => Promise.all((await uuids()).map(machine));
  return {
    uri: host.uri,
    flags: [],
    user: '',
    password: '',
    network: NETWORK,
    storage: STORAGE,
    revertsConfig: true,
    estate: async () => ({
      machines: await machines(),
      storages: words(await host.virsh('pool-list', '--all', '--name')),
      networks: words(await host.virsh('net-list', '--all', '--name')),
    }),
    power: async (name, act) => {
      for (const uuid of await uuids()) {
        if ((await machine(uuid)).name === name) await host.virsh(act === 'on' ? 'start' : 'destroy', uuid);
      }
    },
    stop: async () => {
      await host.stop();
      await bridge.remove();
    },
  };
};
