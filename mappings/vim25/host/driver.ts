/** The agent half of a vim25 host: inventory in pages, what updates make dirty, exact re-reads, verbs, plan steps, probes and questions. */
import { done, fault, refused } from '../../generic/faults.ts';
import type { NativeRef } from '../../generic/ids.ts';
import type { NativeChange, NativeObject } from '../../generic/native.ts';
import type { Driver, DriverSend } from '../../generic/platform.ts';
import { type MoRef, moRef } from '../values.ts';
import {
  type Estate,
  HOST_NATIVE,
  hostObject,
  networkNative,
  networkObject,
  readAutostart,
  readEstate,
  storageObject,
} from './estate.ts';
import { OBJECT_UPDATE } from './listening.ts';
import { isWhole, machineObject } from './machines.ts';
import { executeVerb } from './power.ts';
import { probeHost } from './probes.ts';
import { READ, type Told, textIn } from './properties.ts';
import { retrieveAll, retrieveThese } from './reading.ts';
import { statistics } from './statistics.ts';
import { runStep } from './steps.ts';
import { FILE_TRANSFER } from './transfers.ts';
import { splitVolumeNative } from './volume-natives.ts';
import { listVolumes, type Place, readVolume } from './volumes.ts';

const BATCH = 256;
const VMS = { VirtualMachine: READ.VirtualMachine };

const placeOf = (storage: NativeObject, datastore: Told): Place => ({
  datastore: storage.native,
  name: textIn(datastore, 'name'),
  browser: String(storage.facts['browser']),
  datacenterName: String(storage.facts['datacenterName']),
});

/** A datastore with everything in it. */
const readStorage = async (send: DriverSend, datastore: Told, estate: Estate): Promise<NativeObject[]> => {
  const bare = storageObject(datastore, estate, undefined);
  const volumes = await listVolumes(send, placeOf(bare, datastore));
  if (volumes === undefined) return [bare];
  return [
    storageObject(
      datastore,
      estate,
      volumes.map(({ native }) => native),
    ),
    ...volumes,
  ];
};

async function* inventory(send: DriverSend): AsyncGenerator<NativeObject[]> {
  const estate = await readEstate(send);
  yield [hostObject(estate), ...estate.networks.map((network) => networkObject(network, estate))];
  for (const datastore of estate.datastores) {
    const objects = await readStorage(send, datastore, estate);
    for (let n = 0; n < objects.length; n += BATCH) yield objects.slice(n, n + BATCH);
  }
  for await (const page of retrieveAll(send, VMS))
    yield page.filter(isWhole).map((told) => machineObject(told, estate));
}

const dirty: Driver['dirty'] = ({ procedure, args }) => {
  if (procedure !== OBJECT_UPDATE) return [];
  const type = String(args['type']);
  const native = String(args['id']);
  const hint = args['hint'] as string | undefined;
  const ref = (kind: NativeRef['kind'], name: string): { ref: NativeRef; hint?: string } => ({
    ref: { kind, native: name },
    ...(hint === undefined ? {} : { hint }),
  });
  if (type === 'VirtualMachine')
    return [
      ref('vm', native),
      ...((args['datastores'] as readonly string[] | undefined) ?? []).map((id) => ({
        ref: { kind: 'storage' as const, native: id },
      })),
    ];
  if (type === 'HostSystem') return [ref('host', HOST_NATIVE)];
  if (type === 'Datastore') return [ref('storage', native)];
  return [ref('network', networkNative({ type, value: native }))];
};

const put = (object: NativeObject): NativeChange => ({ change: 'put', object });
const gone = (ref: NativeRef): NativeChange => ({ change: 'gone', ref });

/** With what a VM's document says of others: the names of its networks, and who starts it with its host. */
const WITH_NEIGHBOURS = {
  ...VMS,
  Network: READ.Network,
  HostSystem: ['configManager'],
};
const TO_NEIGHBOURS = ['network', 'runtime.host'].map((path) => ({
  _type: 'TraversalSpec',
  type: 'VirtualMachine',
  path,
  skip: false,
}));

/** Everything that is told of these VMs; of those that are gone nothing. */
const toldOfMachines = async (send: DriverSend, objects: readonly MoRef[]): Promise<Told[]> => {
  const all = await retrieveThese(send, objects, WITH_NEIGHBOURS, TO_NEIGHBOURS);
  if (all.ok) return all.value;
  if (all.fault.kind !== 'object-not-found') throw new Error(`RetrievePropertiesEx: ${all.fault.text}`);
  // One that is gone spoils the answer for all.
  if (objects.length <= 1) return [];
  const each: Told[] = [];
  for (const object of objects) each.push(...(await toldOfMachines(send, [object])));
  return each;
};

const readMachines = async (send: DriverSend, refs: readonly NativeRef[]): Promise<NativeChange[]> => {
  const told = await toldOfMachines(
    send,
    refs.map(({ native }) => moRef('VirtualMachine', native)),
  );
  const of = (type: string): Told[] => told.filter(({ ref }) => ref.type === type);
  const machines = new Map(of('VirtualMachine').map((one) => [one.ref.value, one]));
  const around = {
    autostart: await readAutostart(send, of('HostSystem')),
    networks: told.filter(({ ref }) => ref.type.endsWith('Network') || ref.type.endsWith('Portgroup')),
  };
  return refs.flatMap((ref): NativeChange[] => {
    const found = machines.get(ref.native);
    if (found === undefined) return [gone(ref)];
    return isWhole(found) ? [put(machineObject(found, around))] : [];
  });
};

const readEstateOne = async (send: DriverSend, ref: NativeRef, estate: Estate): Promise<NativeChange[]> => {
  switch (ref.kind) {
    case 'host':
      return [put(hostObject(estate))];
    case 'network': {
      const network = estate.networks.find((one) => networkNative(one.ref) === ref.native);
      return [network === undefined ? gone(ref) : put(networkObject(network, estate))];
    }
    case 'storage': {
      const datastore = estate.datastores.find((one) => one.ref.value === ref.native);
      return datastore === undefined ? [gone(ref)] : (await readStorage(send, datastore, estate)).map(put);
    }
    case 'volume': {
      const { datastore: moid, path } = splitVolumeNative(ref.native);
      const datastore = estate.datastores.find((one) => one.ref.value === moid);
      if (datastore === undefined) return [gone(ref)];
      const found = await readVolume(send, placeOf(storageObject(datastore, estate, undefined), datastore), path);
      if (!found.ok) throw new Error(`SearchDatastore_Task: ${found.fault.text}`);
      return [found.value === undefined ? gone(ref) : put(found.value)];
    }
    default:
      throw new Error(`vim25 has no ${ref.kind} to read`);
  }
};

const read: Driver['read'] = async (send, refs) => {
  const machines = refs.filter(({ kind }) => kind === 'vm');
  const others = refs.filter(({ kind }) => kind !== 'vm');
  const changes = machines.length === 0 ? [] : await readMachines(send, machines);
  if (others.length === 0) return changes;
  const estate = await readEstate(send);
  for (const ref of others) changes.push(...(await readEstateOne(send, ref, estate)));
  return changes;
};

/** Files have no event of their own, and vcsim tells of no template; a real host's VMs do not change silently. */
const RESCAN_ALL = 200;

const rescan: Driver['rescan'] = async (send) => {
  const storages: NativeRef[] = [];
  const vms: NativeRef[] = [];
  for await (const page of retrieveAll(send, { Datastore: ['name'], VirtualMachine: ['name'] }))
    for (const { ref } of page) {
      if (ref.type === 'Datastore') storages.push({ kind: 'storage', native: ref.value });
      else vms.push({ kind: 'vm', native: ref.value });
    }
  return vms.length > RESCAN_ALL ? storages : [...storages, ...vms];
};

const TRANSFERS = new Set(['volume.download', 'volume.upload']);

/** A file is found by the names of its datastore and datacenter. */
const stream: Driver['stream'] = async (send, { procedure, args }) => {
  if (!TRANSFERS.has(procedure)) return refused(fault('not-supported', {}, `no such transfer: ${procedure}`));
  const { datastore: moid, path } = splitVolumeNative(String(args['volume']));
  const estate = await readEstate(send);
  const datastore = estate.datastores.find(({ ref }) => ref.value === moid);
  if (datastore === undefined) return refused(fault('file-not-found', { path }, 'The datastore is gone.'));
  const { name, datacenterName } = placeOf(storageObject(datastore, estate, undefined), datastore);
  const [offset, length] = [Number(args['offsetBytes'] ?? 0), Number(args['lengthBytes'] ?? -1)];
  // A disk's bytes lie beside the text that describes it.
  const file = path.replace(/\.vmdk$/i, '-flat.vmdk');
  return done({
    procedure: FILE_TRANSFER,
    args: { path: file, datastore: name, datacenter: datacenterName, offset, length },
  });
};

const QUESTIONS = ['stats'] as const;

export const driver: Driver = {
  lanes: { read: 1, work: 2 },
  inventory,
  dirty,
  read,
  rescan,
  execute: executeVerb,
  step: runStep,
  probe: probeHost,
  stream,
  ask: async (send, question, args) =>
    question === 'stats'
      ? statistics(send, args['natives'] as readonly string[] | undefined)
      : refused(fault('not-supported', {}, `no such question: ${question}`)),
  questions: QUESTIONS,
};
