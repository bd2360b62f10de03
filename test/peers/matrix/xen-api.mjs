/** The matrix's acts with unmodified npm xen-api: one JSON request a line in, one JSON answer a line out. Sizes in MiB. */
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [folder, url, user, password, transport] = process.argv.slice(2);
const { createClient } = await import(pathToFileURL(createRequire(`${folder}/`).resolve('xen-api')).href);

const MIB = 1024 * 1024;
const POWER = { Running: 'on', Halted: 'off', Suspended: 'suspended', Paused: 'paused' };
const NATIVE = { on: 'Running', off: 'Halted', suspended: 'Suspended', paused: 'Paused' };
const NOTHING = 'OpaqueRef:NULL';

const open = (secret = password) =>
  createClient({ url, allowUnauthorized: true, auth: { user, password: secret }, transport });

let xapi;
const waits = new Map();

const records = (type) => Object.values(xapi.objects.all).filter((one) => one.$type === type);
const isMachine = (vm) => !vm.is_a_template && !vm.is_a_snapshot && !vm.is_control_domain;
/** The cache follows events: what was just done is in it after a barrier. */
const find = async (name) => {
  await xapi.barrier();
  const found = records('VM').filter((vm) => vm.name_label === name && isMachine(vm));
  if (found.length !== 1) throw new Error(`${found.length} VMs are called ${name}`);
  return found[0];
};
const named = (type, name) => {
  const found = records(type).find((one) => one.name_label === name);
  if (found === undefined) throw new Error(`there is no ${type} ${name}`);
  return found;
};
const disksOf = (vm) =>
  vm.$VBDs
    .filter((vbd) => vbd.type === 'Disk')
    .toSorted((a, b) => Number(a.userdevice) - Number(b.userdevice))
    .map((vbd) => vbd.$VDI.virtual_size / MIB);

const makeDisk = async (vm, sizeMiB, storage, label) => {
  const vdi = await xapi.call('VDI.create', {
    name_label: label,
    name_description: '',
    SR: named('SR', storage).$ref,
    virtual_size: sizeMiB * MIB,
    type: 'user',
    sharable: false,
    read_only: false,
    other_config: {},
    xenstore_data: {},
    sm_config: {},
    tags: [],
  });
  const [userdevice] = await xapi.call('VM.get_allowed_VBD_devices', vm);
  return xapi.call('VBD.create', {
    VM: vm,
    VDI: vdi,
    userdevice,
    bootable: false,
    mode: 'RW',
    type: 'Disk',
    empty: false,
    other_config: {},
    qos_algorithm_type: '',
    qos_algorithm_params: {},
  });
};

const removeWithDisks = async (vm) => {
  const vdis = vm.$VBDs.filter((vbd) => vbd.type === 'Disk' && vbd.VDI !== NOTHING).map((vbd) => vbd.VDI);
  await xapi.callAsync('VM.destroy', vm.$ref);
  for (const vdi of vdis) await xapi.callAsync('VDI.destroy', vdi);
};

const snapshotOf = async ({ name, snapshot }) => {
  const found = (await find(name)).$snapshots.find((one) => one.name_label === snapshot);
  if (found === undefined) throw new Error(`there is no snapshot ${snapshot}`);
  return found;
};

const faultOf = async (act) => {
  try {
    await act();
  } catch (error) {
    if (error.code === undefined) throw error;
    return error.code;
  }
  throw new Error('it was done');
};

const ACTS = {
  connect: async () => {
    xapi = open();
    xapi.on('error', () => {});
    await xapi.connect();
    await xapi.objectsFetched;
    const { product_brand, product_version } = xapi.pool.$master.software_version;
    return `${product_brand} ${product_version}`;
  },
  estate: async () => {
    await xapi.barrier();
    return {
      machines: records('VM')
        .filter(isMachine)
        .map((vm) => ({
          name: vm.name_label,
          power: POWER[vm.power_state],
          memoryMiB: vm.memory_dynamic_max / MIB,
          cpus: vm.VCPUs_at_startup,
          diskMiB: disksOf(vm),
          macs: vm.$VIFs.map((vif) => vif.MAC.toLowerCase()),
          snapshots: vm.$snapshots.map((one) => one.name_label),
          current: vm.$parent?.name_label ?? '',
        })),
      storages: records('SR').map((one) => one.name_label),
      networks: records('network').map((one) => one.name_label),
    };
  },
  // As Xen Orchestra does it.
  create: async ({ name, memoryMiB, diskMiB, network, storage }) => {
    const template = records('VM').find((vm) => vm.is_a_template && vm.name_label === 'Other install media');
    const vm = await xapi.callAsync('VM.clone', template.$ref, name);
    await xapi.call('VM.remove_from_other_config', vm, 'disks');
    await xapi.callAsync('VM.provision', vm);
    await xapi.call('VM.set_VCPUs_max', vm, 1);
    const size = memoryMiB * MIB;
    await xapi.call('VM.set_memory_limits', vm, size, size, size, size);
    await xapi.call('VM.set_VCPUs_at_startup', vm, 1);
    await makeDisk(vm, diskMiB, storage, `${name} 0`);
    const at = named('network', network).$ref;
    const [device] = await xapi.call('VM.get_allowed_VIF_devices', vm);
    await xapi.call('VIF.create', {
      device,
      network: at,
      VM: vm,
      MAC: '',
      MTU: await xapi.call('network.get_MTU', at),
      other_config: {},
      qos_algorithm_type: '',
      qos_algorithm_params: {},
    });
  },
  power: async ({ name, do: what }) => {
    const { $ref } = await find(name);
    const acts = {
      on: () => xapi.call('VM.start', $ref, false, false),
      off: () => xapi.callAsync('VM.hard_shutdown', $ref),
      suspend: () => xapi.callAsync('VM.suspend', $ref),
      resume: () => xapi.callAsync('VM.resume', $ref, false, true),
      reset: () => xapi.callAsync('VM.hard_reboot', $ref),
      pause: () => xapi.callAsync('VM.pause', $ref),
      unpause: () => xapi.callAsync('VM.unpause', $ref),
    };
    await acts[what]();
  },
  change: async ({ name, memoryMiB, cpus }) => {
    const { $ref, VCPUs_at_startup } = await find(name);
    const size = memoryMiB * MIB;
    await xapi.call('VM.set_memory_limits', $ref, size, size, size, size);
    const setters = ['VM.set_VCPUs_max', 'VM.set_VCPUs_at_startup'];
    // Neither order of the two is right for more and for fewer.
    for (const setter of cpus < VCPUs_at_startup ? setters.toReversed() : setters) await xapi.call(setter, $ref, cpus);
  },
  addDisk: async ({ name, sizeMiB, storage }) => {
    await makeDisk((await find(name)).$ref, sizeMiB, storage, 'second');
  },
  removeDisk: async ({ name, sizeMiB }) => {
    const vm = await find(name);
    const vbd = vm.$VBDs.find((one) => one.type === 'Disk' && one.$VDI.virtual_size === sizeMiB * MIB);
    const vdi = vbd.VDI;
    await xapi.call('VBD.destroy', vbd.$ref);
    await xapi.callAsync('VDI.destroy', vdi);
  },
  takeSnapshot: async ({ name, snapshot }) => {
    await xapi.callAsync('VM.snapshot', (await find(name)).$ref, snapshot);
  },
  revert: async (request) => {
    await xapi.callAsync('VM.revert', (await snapshotOf(request)).$ref);
  },
  removeSnapshot: async (request) => removeWithDisks(await snapshotOf(request)),
  rename: async ({ name, to }) => {
    await xapi.call('VM.set_name_label', (await find(name)).$ref, to);
  },
  remove: async ({ name }) => removeWithDisks(await find(name)),
  watch: async ({ name, power }) => {
    const { $ref } = await find(name);
    // The cache is fed by the long poll alone.
    const seen = (async () => {
      for (const endMs = Date.now() + 60_000; Date.now() < endMs; await new Promise((next) => setTimeout(next, 100)))
        if (xapi.getObject($ref).power_state === NATIVE[power]) return true;
      return false;
    })();
    seen.catch(() => {});
    waits.set(name, seen);
  },
  watched: async ({ name }) => waits.get(name),
  task: async ({ name }) => {
    const { $ref } = await find(name);
    const task = await xapi.call('Async.VM.start', $ref, false, false);
    await xapi.watchTask(task);
    const { name_label, progress, status } = await xapi.getRecord('task', task);
    await xapi.call('task.destroy', task);
    return `${name_label} ${progress} ${status}`;
  },
  wrongState: async ({ name }) => {
    const { $ref } = await find(name);
    return faultOf(() => xapi.callAsync('VM.hard_shutdown', $ref));
  },
  wrongId: () => faultOf(() => xapi.call('VM.get_record', 'OpaqueRef:00000000-0000-0000-0000-000000000000')),
  badLogin: () => faultOf(() => open('wrong').connect()),
  close: async () => {
    await xapi.disconnect();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await ACTS[request.act](request)) ?? null };
  } catch (error) {
    answer = { error: `${error.code ?? error.name}: ${error.message} ${JSON.stringify(error.params ?? [])}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
