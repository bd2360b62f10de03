/** Background calls of XenAPI that copy disks of a KVM host: their task answers at once, ends with all that belongs to it, and leaves nothing behind when the copy dies. */
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LIBVIRT_CLIENTS } from './clients.ts';
import { describeWith } from './describe-with.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';
import { startTransvisor, type Transvisor } from './transvisor.ts';
import { newDisk } from './xen-records.ts';
import { laneForEach, machineWith, XEN_LANES } from './xenapi-lanes.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MIB = 1024 * 1024;
const CHUNK = 64 * MIB;
const SIZE = 3 * CHUNK;
/** Of one whose copy is to be caught under way. */
const LARGE = 8 * CHUNK;
/** Far less than any limit of a copy. */
const SOON_MS = 20_000;

describeWith([...LIBVIRT_CLIENTS, 'xen-api', 'xenapi-py'], 'tasks that copy disks', () => {
  let host: Libvirtd;
  let product: Transvisor;
  beforeAll(async () => {
    host = await startLibvirtd({ qemu: true });
    product = await startTransvisor({ host: host.uri, fronts: ['xenapi'] });
  });
  afterAll(async () => {
    await product?.stop();
    await host?.stop();
  });

  describe.each(Object.entries(XEN_LANES))('by %s', (laneName, kind) => {
    const lane = laneForEach(kind, () => product);
    const { call } = lane;
    const tag = laneName.replace(/\W/g, '');
    const home = async (): Promise<string> => String(((await call('SR.get_by_name_label', 'default')) as string[])[0]);

    /** A disk full of bytes that no copy can leave out, and where it lies. */
    const disk = async (label: string, size = SIZE): Promise<{ vdi: string; file: string }> => {
      const vdi = String(
        await call(
          'VDI.create',
          newDisk(await home(), kind.numbers(size), {
            name_label: label,
            name_description: 'it is copied',
            other_config: { mine: 'kept' },
            sm_config: { 'image-format': 'raw' },
          }),
        ),
      );
      const file = join(host.poolFolder, String(await call('VDI.get_location', vdi)));
      const chunk = randomBytes(CHUNK);
      writeFileSync(file, '');
      for (let at = 0; at < size; at += CHUNK) appendFileSync(file, chunk);
      return { vdi, file };
    };
    const running = async (name: string) => {
      const { vdi } = await disk(`disk of ${name}`, LARGE);
      const made = await machineWith(lane, name, vdi);
      await call('VM.start', made.vm, false, false);
      return { vdi, ...made };
    };
    const storage = async (name: string): Promise<string> => {
      const location = join(host.root, name);
      mkdirSync(location, { recursive: true });
      const self = ((await call('host.get_all')) as string[])[0];
      return String(await call('SR.create', self, { location }, '0', name, '', 'file', 'user', false, {}));
    };
    const volumes = async (pool: string): Promise<string> =>
      (await host.virsh('vol-list', pool)).split('\n').slice(2).join('').trim();
    const status = async (task: string): Promise<string> => String(await call('task.get_status', task));
    const end = async (task: string): Promise<string> => {
      await expect.poll(() => status(task), { timeout: SOON_MS, interval: 50 }).not.toBe('pending');
      return status(task);
    };
    const copies = async (uuid: string): Promise<boolean> =>
      (await host.virsh('blockjob', uuid, 'vda', '--raw')).includes('Block Copy');
    /** Made slow as soon as it is there. */
    const slowed = async (uuid: string): Promise<void> => {
      await vi.waitFor(
        async () => {
          const told = await host.virshResult(['blockjob', uuid, 'vda', '1']);
          if (told.code !== 0) throw new Error(told.stderr);
          if (!(await copies(uuid))) throw new Error('no copy yet');
        },
        { timeout: SOON_MS, interval: 5 },
      );
    };
    /** The write queue of the machine is free. */
    const obeys = async (vm: string): Promise<void> => {
      await call('VM.set_name_description', vm, 'told in time');
      expect(await call('VM.get_name_description', vm)).toBe('told in time');
    };

    /** What came of the task is the disk once more; it is taken away again. */
    const copied = async (task: string, name_label: string, file: string): Promise<void> => {
      const copy = String(await call('task.get_result', task)).replace(/^<value>|<\/value>$/g, '');
      expect(await call('VDI.get_record', copy)).toMatchObject({
        name_label,
        name_description: 'it is copied',
        other_config: { mine: 'kept' },
      });
      const where = join(host.poolFolder, String(await call('VDI.get_location', copy)));
      expect(readFileSync(where).equals(readFileSync(file))).toBe(true);
      await call('VDI.destroy', copy);
    };

    test('a disk is copied while its task is pending, and the copy has the label of the disk', async () => {
      const { vdi, file } = await disk(`copied ${tag}`);
      const task = String(await call('Async.VDI.copy', vdi, await home()));
      expect(await status(task)).toBe('pending');
      expect(await end(task)).toBe('success');
      await copied(task, `copied ${tag}`, file);
      await call('VDI.destroy', vdi);
    });

    test('the program is killed while the disk is copied: its task ends behind the restart, with the label on the copy', async () => {
      const { vdi, file } = await disk(`killed ${tag}`, LARGE);
      const known = new Set(readdirSync(host.poolFolder));
      const task = String(await call('Async.VDI.copy', vdi, await home()));
      expect(await status(task)).toBe('pending');
      // What was not begun yet is not begun after the restart.
      await expect.poll(() => readdirSync(host.poolFolder).some((name) => !known.has(name))).toBe(true);
      await product.kill9();
      await lane.close().catch(() => undefined);
      await product.restart();
      await lane.reopen();
      expect(await end(task)).toBe('success');
      await copied(task, `killed ${tag}`, file);
      await call('VDI.destroy', vdi);
    });

    test('a live copy that dies, or is cancelled, fails its task at once, leaves nothing and holds up nobody', async () => {
      const pool = `live${tag}`;
      const sr = await storage(pool);
      const { vm, vdi, vbd, uuid } = await running(`mover ${tag}`);

      const dies = String(await call('Async.VDI.pool_migrate', vdi, sr, {}));
      await slowed(uuid);
      expect(await status(dies)).toBe('pending');
      await host.virsh('blockjob', uuid, 'vda', '--abort');
      expect(await end(dies)).toBe('failure');
      await obeys(vm);
      expect(await volumes(pool)).toBe('');
      expect(await call('VBD.get_VDI', vbd)).toBe(vdi);

      const stopped = String(await call('Async.VDI.pool_migrate', vdi, sr, {}));
      await slowed(uuid);
      await call('task.cancel', stopped);
      expect(await end(stopped)).toBe('cancelled');
      expect(await copies(uuid)).toBe(false);
      await obeys(vm);
      expect(await volumes(pool)).toBe('');

      const off = String(await call('Async.VDI.pool_migrate', vdi, sr, {}));
      await slowed(uuid);
      await host.virsh('destroy', uuid);
      expect(await end(off)).toBe('failure');
      expect(await volumes(pool)).toBe('');
      await call('VM.start', vm, false, false);

      const [pif] = (await call('host.get_PIFs', ((await call('host.get_all')) as string[])[0])) as string[];
      const self = ((await call('host.get_all')) as string[])[0];
      const dest = await call('host.migrate_receive', self, await call('PIF.get_network', pif), {});
      const moves = String(await call('Async.VM.migrate_send', vm, dest, true, { [vdi]: sr }, {}, {}));
      await slowed(uuid);
      expect(await status(moves)).toBe('pending');
      await host.virsh('blockjob', uuid, 'vda', '0');
      expect(await end(moves)).toBe('success');
      const moved = String(await call('VBD.get_VDI', vbd));
      expect(moved).not.toBe(vdi);
      expect(await call('VDI.get_record', moved)).toMatchObject({ name_label: `disk of mover ${tag}`, SR: sr });
      await call('VM.hard_shutdown', vm);
      await call('VDI.destroy', moved);
      await call('VM.destroy', vm);
    });
  });
});
