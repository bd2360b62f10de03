/**
 * Documents of a vim25 host that are made anew on one (vcsim) and read back are the same: the golden ones as they are, and VMs as clients may
 * ask for them. What is lost on the way stands here field by field with its reason; the lists may only shrink.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { Vm } from '../../mappings/generic/model.ts';
import { vim25 } from '../../mappings/vim25/platform.ts';
import { generatedVms, scsiSlot } from '../generated-vms.ts';
import { goldenDocuments } from '../golden-pairs.ts';
import { goldenRoundTrips, type Losses, listed, lostOf } from '../round-trips.ts';
import { openWrittenHost, type WrittenHost } from '../written-host.ts';
import { govcOn, startVcsim } from './clients.ts';
import { describeWith } from './describe-with.ts';

/** Of generic documents. */
const LOST: Losses = {
  'the host names what it makes': ['network.uuid', 'storage.uuid', 'vm.snapshots[].native'],
  'the host numbers devices': ['vm.cdroms[].device', 'vm.disks[].device'],
  'it is made now': ['vm.attributes.vim25 modified', 'vm.modifiedMs', 'vm.snapshots[].createdMs', 'volume.modifiedMs'],
  'what lies in it is not made with it': [
    'storage.allocationBytes',
    'storage.availableBytes',
    'vm.disks[].allocationBytes',
    'volume.allocationBytes',
  ],
  'vcsim does not show a new port group among those of its host': ['network.bridge', 'network.portgroups'],
};

const DEVICE = 'vm/VirtualMachine/config/hardware/device';

/** Of its own documents, in which the hub knows not every field. */
const DIFFERING: Losses = {
  'another was made, because there is one of that name': [
    'network/Network/name',
    'storage/Datastore/name',
    'storage/Datastore/summary/name',
    'storage/Datastore/summary/url',
  ],
  'the host numbers devices': [
    `${DEVICE}[ParaVirtualSCSIController]/device`,
    `${DEVICE}[ParaVirtualSCSIController]/scsiCtlrUnitNumber`,
    `${DEVICE}[VirtualCdrom]/deviceInfo/label`,
    `${DEVICE}[VirtualCdrom]/key`,
    `${DEVICE}[VirtualDisk]/key`,
    `${DEVICE}[VirtualE1000]/deviceInfo/label`,
    `${DEVICE}[VirtualE1000]/key`,
    `${DEVICE}[VirtualE1000]/slotInfo/pciSlotNumber`,
    `${DEVICE}[VirtualE1000]/slotInfo@type`,
    `${DEVICE}[VirtualPCIController]/device`,
    `${DEVICE}[VirtualVmxnet3]/key`,
    'vm/VirtualMachine/config/bootOptions/bootOrder/deviceKey',
    'vm/VirtualMachine/guest/net/deviceConfigId',
  ],
  'the host lays out files': [
    ...['accessible', 'key', 'name', 'size', 'type', 'uniqueSize'].map(
      (one) => `vm/VirtualMachine/layoutEx/file/${one}`,
    ),
    'vm/VirtualMachine/layoutEx/snapshot/dataKey',
    'vm/VirtualMachine/layoutEx/snapshot/disk/chain/fileKey',
    'vm/VirtualMachine/layoutEx/snapshot/disk/key',
  ],
  'it is made now': [
    'vm/VirtualMachine/config/changeVersion',
    'vm/VirtualMachine/config/modified',
    'vm/VirtualMachine/snapshot/rootSnapshotList/childSnapshotList/createTime',
    'vm/VirtualMachine/snapshot/rootSnapshotList/createTime',
    'volume/file/modification',
  ],
  'the job that made it is told': ['/key', '/value', '/value@type', '@type'].map(
    (one) => `vm/VirtualMachine/config/extraConfig[transvisor.job]${one}`,
  ),
  'what lies in it is not made with it': [
    'storage/Datastore/summary/freeSpace',
    'volume, fact size',
    'volume/file/fileSize',
  ],
  'the hub does not know it': [
    `${DEVICE}[VirtualE1000]/wakeOnLanEnabled`,
    `${DEVICE}[VirtualE1000e]/connectable/allowGuestControl`,
    `${DEVICE}[VirtualVmxnet3]/connectable/allowGuestControl`,
  ],
  'what was left out was the same as what is said': [
    `${DEVICE}[VirtualE1000e]/addressType`,
    `${DEVICE}[VirtualVmxnet3]/addressType`,
    ...['limit', 'shares/level', 'shares/shares'].map((one) => `vm/VirtualMachine/config/memoryAllocation/${one}`),
    ...['reservation', 'shares/level', 'shares/shares'].map((one) => `vm/VirtualMachine/config/cpuAllocation/${one}`),
    'vm/VirtualMachine/config/bootOptions/bootRetryEnabled',
    'vm/VirtualMachine/config/bootOptions/enterBIOSSetup',
  ],
  'what vcsim says of the VMs that it begins with, and where it puts a drive': [
    `${DEVICE}[VirtualCdrom]/unitNumber`,
    `${DEVICE}[VirtualDisk]/storageIOAllocation/limit`,
    `${DEVICE}[VirtualE1000]/connectable/status`,
  ],
  'vcsim does not show a new port group among those of its host': [
    'network, fact bridge',
    'network, fact networkSystem',
    'network, fact vlan',
  ],
};

const REFUSED: Readonly<Record<string, RegExp>> = {
  'host-vcenter': /no host is made/,
  'network-distributed': /A distributed switch is not changed from here/,
  'volume-iso': /This host takes images by upload only/,
};

/** Fields of VMs as clients may ask for them. */
const NOT_KEPT: Losses = {
  'a model of another platform has its counterpart': ['nics[].model', 'scsiControllers[].model'],
  'an address is made by the host itself or chosen': ['nics[].macGenerated'],
  'its names of systems are coarser': ['osId'],
  'a reservation of nothing is none': ['cpuShare.reservation', 'memoryShare.reservation'],
};
const OFFER = {
  medium: (n: number) => ({ storageName: 'LocalDS_0', volumeName: `made%2fdisk-${n}.vmdk` }),
  slots: (n: number) => [scsiSlot(n), { bus: 'sata' as const, controller: 0, unit: n }],
  mostDisks: 9,
  readOnlyDisks: false,
  capacitiesBytes: [1024 ** 2, 4 * 1024 ** 3, 10 * 1024 ** 4],
  scsiModels: ['lsilogic', 'lsisas', 'pvscsi', 'buslogic', 'virtio-scsi'] as const,
  nicModels: ['e1000', 'e1000e', 'vmxnet3', 'virtio', 'rtl8139'] as const,
  attributeKeys: ['k', 'a b', 'x<y', 'other_config.k', 'tags.t'],
  // vcsim has no manager of it.
  more: { autostart: fc.constant(false) },
};
const SAMPLES = { numRuns: 40, seed: 7 };

/** What the host calls its objects. */
const NAMES = /\b(vm|snapshot|datastore|hostdatastorebrowser|network)-\d+/g;

const USER = { user: 'peer', password: 'secret' };
type Mode = 'esx' | 'vpx';
const open = async (mode: Mode): Promise<WrittenHost> => {
  const flags = [...(mode === 'esx' ? ['-esx'] : []), '-tls=false', '-vm', '0'];
  const vcsim = await startVcsim([...flags, '-username', USER.user, '-password', USER.password]);
  // An image that a golden VM has in its drive.
  const govc = govcOn({ url: vcsim.url, ...USER });
  await govc('datastore.mkdir', 'images');
  await govc('datastore.upload', import.meta.filename, 'images/boot.iso');
  const host = await openWrittenHost(vim25, `${mode}+http://${new URL(vcsim.url).host}/`, USER);
  return {
    ...host,
    [Symbol.asyncDispose]: async () => {
      await host[Symbol.asyncDispose]();
      await vcsim.stop();
    },
  };
};

describeWith(['vcsim', 'govc'], 'a host driven by vim25', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tvr-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('makes every golden document, which reads back as it was, or refuses it', async () => {
    // What the host has already is made under another name.
    const but = {
      'network-portgroup': { name: 'made', bridge: 'vSwitch1', portgroups: [{ name: 'made', vlan: 0 }] },
      'network-distributed': { name: 'made' },
      'storage-local': { name: 'made', path: folder },
      'volume-iso': { name: 'images%2fmade.iso' },
    };
    const trips = await goldenRoundTrips(goldenDocuments('vim25'), () => open('vpx'), { but, names: NAMES });
    expect(trips.lost).toEqual(listed(LOST));
    expect(trips.differing).toEqual(listed(DIFFERING));
    expect(Object.keys(trips.refused)).toEqual(Object.keys(REFUSED));
    for (const [name, why] of Object.entries(REFUSED)) expect(trips.refused[name]).toMatch(why);
  });

  test.each([
    ['esx', ['VM Network']],
    ['vpx', ['VM Network', 'DC0_DVPG0']],
  ] as const)(
    `as %s makes VMs as clients may ask for them (${SAMPLES.numRuns} of seed ${SAMPLES.seed}), which read back as they were asked for`,
    async (mode, networks) => {
      await using host = await open(mode);
      const seen = new Set<string>();
      const offer = { ...OFFER, networks };
      await fc.assert(
        fc.asyncProperty(generatedVms(offer), async (vm) => {
          for (const path of await lostOf(host, vm)) seen.add(path);
        }),
        SAMPLES,
      );
      expect([...seen].toSorted()).toEqual(listed(NOT_KEPT));
    },
  );

  test('keeps a boot order that names disks before there is one', async () => {
    await using host = await open('vpx');
    const [vm] = fc.sample(generatedVms({ ...OFFER, mostDisks: 0, networks: ['VM Network'] }), { numRuns: 1, seed: 7 });
    if (vm === undefined) throw new Error('no VM was made up');
    const target = await host.run('vm.create', () => ({
      params: { vm: { ...vm, template: false, bootOrder: ['disk', 'cdrom'] }, disks: [] },
    }));
    const told = async () => {
      const { native, document } = (await host.estate()).all().find((one) => one.native.native === target) ?? {};
      const { bootOrder } = document as Vm;
      return { bootOrder, kept: native?.parts['vm']?.includes('transvisor.bootOrder') };
    };
    expect(await told()).toEqual({ bootOrder: ['disk', 'cdrom'], kept: true });
    await host.run('vm.change', (estate) => {
      const storage = estate.all().find(({ document }) => document.name === 'LocalDS_0')?.native.native ?? '';
      const create = { storage: estate.id(storage), volumeName: 'late.vmdk', capacityBytes: 1024 ** 2, thin: true };
      const disk = {
        ...{ slot: scsiSlot(0), medium: { storageName: 'LocalDS_0' }, capacityBytes: 1024 ** 2, create },
        ...{ thin: true, readOnly: false, shareable: false, persistent: true },
      };
      return { target, params: { change: { disks: { add: [disk] } } } };
    });
    expect(await told()).toEqual({ bootOrder: ['disk', 'cdrom'], kept: false });
  });
});
