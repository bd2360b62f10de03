/** The lifecycle's acts as govc commands. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Endpoint, govcOn } from './clients.ts';
import type { LifecycleClient } from './lifecycle-steps.ts';

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** `govc: ServerFaultCode: text` or, for a task, the text alone; the fault's own type is in its JSON trace. */
const faultIn = (stderr: string): string =>
  /\b([A-Z][A-Za-z]+(?:Fault|State|Argument|Config|Supported|Resources|Spec))\b/.exec(stderr)?.[1] ?? stderr.trim();

export const govcClient = (endpoint: Endpoint, datastore: string): LifecycleClient => {
  const govc = govcOn(endpoint, { GOVC_DATASTORE: datastore });
  const info = async (name: string): Promise<Record<string, never>> => {
    const found = JSON.parse(await govc('vm.info', '-json', name)) as {
      virtualMachines: Record<string, never>[] | null;
    };
    const [vm] = found.virtualMachines ?? [];
    if (vm === undefined) throw new Error(`govc vm.info found no ${name}`);
    return vm;
  };
  return {
    connect: () => govc('about'),
    list: async () =>
      lines(await govc('find', '-type', 'm', '/')).map((path) =>
        decodeURIComponent(path.slice(path.lastIndexOf('/') + 1)),
      ),
    create: async (name, { memoryMiB, diskMiB, network }) => {
      await govc(
        ...['vm.create', '-m', String(memoryMiB), '-c', '1', '-g', 'otherGuest64', '-disk', `${diskMiB}M`],
        ...['-net', network, '-net.adapter', 'e1000', '-on=false', name],
      );
    },
    see: async (name) => {
      const vm = (await info(name)) as unknown as {
        runtime: { powerState: string };
        config: { hardware: { memoryMB: number; numCPU: number } };
      };
      return { power: vm.runtime.powerState, memoryMiB: vm.config.hardware.memoryMB, cpus: vm.config.hardware.numCPU };
    },
    powerOn: async (name) => void (await govc('vm.power', '-on', name)),
    powerOff: async (name) => void (await govc('vm.power', '-off', name)),
    shutdown: async (name) => void (await govc('vm.power', '-s', name)),
    suspend: async (name) => void (await govc('vm.power', '-suspend', name)),
    resume: async (name) => void (await govc('vm.power', '-on', name)),
    screenshot: async (name) => {
      const folder = mkdtempSync(join(tmpdir(), 'tvs-'));
      try {
        await govc('vm.console', '-capture', join(folder, 'screen.png'), name);
        return readFileSync(join(folder, 'screen.png'));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    takeSnapshot: async (name, snapshot) => void (await govc('snapshot.create', '-vm', name, '-m=false', snapshot)),
    revert: async (name, snapshot) => void (await govc('snapshot.revert', '-vm', name, snapshot)),
    // One line a snapshot; a dot marks where the VM is now.
    snapshots: async (name) =>
      lines(await govc('snapshot.tree', '-vm', name))
        .map((line) => line.trim())
        .filter((line) => line !== '.' && line !== ''),
    setMemory: async (name, memoryMiB) => {
      const { code, stderr } = await govc.result(['vm.change', '-vm', name, '-m', String(memoryMiB)]);
      return code === 0 ? undefined : faultIn(stderr);
    },
    addDisk: async (name, _datastore, file, sizeMiB) =>
      void (await govc('vm.disk.create', '-vm', name, '-name', `${name}/${file}`, '-size', `${sizeMiB}M`)),
    removeDisk: async (name) => {
      const disks = lines(await govc('device.ls', '-vm', name, 'disk-*')).map((line) => line.split(/\s+/)[0] ?? '');
      await govc('device.remove', '-vm', name, '-keep=false', disks.at(-1) ?? '');
    },
    rename: async (name, to) => {
      // Both ways of the API: Rename_Task and ReconfigVM_Task.
      if (/-on/.test(to)) await govc('vm.change', '-vm', name, '-name', to);
      else await govc('object.rename', `vm/${name}`, to);
    },
    events: (name) => govc('events', '-n', '200', `vm/${name}`),
    tasks: (name) => govc('tasks', `vm/${name}`),
    destroy: async (name) => void (await govc('vm.destroy', name)),
  };
};
