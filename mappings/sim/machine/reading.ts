/** Reading the simulated host: its objects as documents with facts, one by one or in pages, and which calls took effect. */
import { formatDocument } from '../../generic/documents.ts';
import type { NativeObject } from '../../generic/native.ts';
import {
  type NetworkRecord,
  type Procedure,
  type SimState,
  type StorageRecord,
  text,
  took,
  type VmRecord,
  type VolumeRecord,
} from './state.ts';
import { allocatedIn, allocationOf } from './volumes.ts';

export const HOST_NATIVE = 'host';

const hostObject = ({ host }: SimState): NativeObject => ({
  kind: 'host',
  native: HOST_NATIVE,
  parts: { document: formatDocument('host', host) },
  facts: { connected: true },
});

const vmObject = ({ native, doc }: VmRecord): NativeObject => ({
  kind: 'vm',
  native,
  parts: { document: formatDocument('vm', doc) },
  facts: { state: doc.powerState, autostart: doc.autostart },
});

const volumeObject = (record: VolumeRecord): NativeObject => ({
  kind: 'volume',
  native: record.native,
  parts: { document: formatDocument('volume', { ...record.doc, allocationBytes: allocationOf(record) }) },
  facts: {},
});

const storageObject = (state: SimState, { native, doc }: StorageRecord): NativeObject => {
  const allocationBytes = allocatedIn(state, native);
  const natives = [...state.volumes.values()].flatMap((volume) =>
    volume.doc.storageName === native ? [volume.native] : [],
  );
  return {
    kind: 'storage',
    native,
    parts: {
      document: formatDocument('storage', {
        ...doc,
        allocationBytes,
        availableBytes: Math.max(0, doc.capacityBytes - allocationBytes),
      }),
    },
    facts: { state: doc.accessible ? 'active' : 'inactive', autostart: doc.autostart },
    contains: { kind: 'volume', natives },
  };
};

const networkObject = ({ native, doc }: NetworkRecord): NativeObject => ({
  kind: 'network',
  native,
  parts: { document: formatDocument('network', doc) },
  facts: { state: doc.active ? 'active' : 'inactive', autostart: doc.autostart },
});

const objectOf = (state: SimState, kind: string, native: string): NativeObject | undefined => {
  switch (kind) {
    case 'host':
      return hostObject(state);
    case 'vm': {
      const record = state.vms.get(native);
      return record && vmObject(record);
    }
    case 'volume': {
      const record = state.volumes.get(native);
      return record && volumeObject(record);
    }
    case 'storage': {
      const record = state.storages.get(native);
      return record && storageObject(state, record);
    }
    case 'network': {
      const record = state.networks.get(native);
      return record && networkObject(record);
    }
    default:
      throw new Error(`the simulated host has no ${kind}`);
  }
};

const get: Procedure = (state, args) =>
  took(state, [], { object: objectOf(state, text(args, 'kind'), text(args, 'native')) ?? null });

const KINDS = ['vm', 'volume', 'storage', 'network'] as const;
const nativesOf = (state: SimState, kind: string): string[] => {
  const known = KINDS.find((one) => one === kind);
  if (known === undefined) throw new Error(`the simulated host lists no ${kind}`);
  return [
    ...({ vm: state.vms, volume: state.volumes, storage: state.storages, network: state.networks } as const)[
      known
    ].keys(),
  ];
};

/** Names first, documents in pages by name: what comes or goes between two pages is told by an event. */
const list: Procedure = (state, args) => took(state, [], { natives: nativesOf(state, text(args, 'kind')) });

const getMany: Procedure = (state, args) => {
  const kind = text(args, 'kind');
  const natives = args['natives'] as readonly string[];
  return took(state, [], { objects: natives.flatMap((native) => objectOf(state, kind, native) ?? []) });
};

const seen: Procedure = (state, args) => took(state, [], { seen: state.marks.has(text(args, 'mark')) });

export const READING = {
  'OBJECT.get': get,
  'OBJECT.getMany': getMany,
  'OBJECT.list': list,
  'MARK.seen': seen,
} satisfies Record<string, Procedure>;
