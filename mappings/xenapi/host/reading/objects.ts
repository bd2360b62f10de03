/** Records of an estate in; the hub's native objects with their joined documents out. */
import type { NativeObject } from '../../../generic/native.ts';
import { escapeText } from '../../../wire/xml.ts';
import type { KeptClass } from '../kept-fields.ts';
import { recordXml } from '../markup.ts';
import { isHidden, isSnapshot, isVolume } from '../membership.ts';
import { distinctNames, namesakeOf } from '../names.ts';
import { listIn, type PlainRecord, textIn } from '../plain.ts';
import type { Estate } from './estate.ts';

export interface ObjectsOf {
  /** undefined: none of the hub's. */
  vm(ref: string): NativeObject | undefined;
  volume(ref: string): NativeObject | undefined;
  storage(ref: string): NativeObject | undefined;
  network(ref: string): NativeObject | undefined;
  host(): NativeObject | undefined;
  readonly refs: (kind: 'vm' | 'volume' | 'storage' | 'network') => readonly string[];
}

const element = (name: string, text: string): string => `<${name}>${escapeText(text)}</${name}>`;

const memo = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

const grouped = (records: ReadonlyMap<string, PlainRecord>, field: string): Map<string, string[]> => {
  const groups = new Map<string, string[]>();
  for (const [ref, record] of records) {
    const owner = textIn(record, field);
    const group = groups.get(owner);
    if (group) group.push(ref);
    else groups.set(owner, [ref]);
  }
  return groups;
};

export const objectsOf = (estate: Estate): ObjectsOf => {
  const storageNames = memo(() => distinctNames(estate.of('SR')));
  const networkNames = memo(() => distinctNames(estate.of('network')));
  const imagesBySr = memo(() => grouped(estate.of('VDI'), 'SR'));
  const snapshotsByVm = memo(() =>
    grouped(new Map([...estate.of('VM')].filter(([, record]) => isSnapshot(record))), 'snapshot_of'),
  );

  const joined = (name: string, cls: KeptClass, ref: string, inner = ''): string => {
    const record = estate.of(cls).get(ref);
    return record ? recordXml(name, cls, ref, record, inner) : '';
  };

  const isCopy = (image: PlainRecord): boolean => {
    const namesake = namesakeOf(image);
    return namesake !== undefined && estate.namesakes?.has(namesake) === true;
  };
  /** An image does not say what its storage is called. */
  const storageOf = (image: PlainRecord): string => {
    const ref = textIn(image, 'SR');
    const sr = estate.of('SR').get(ref);
    return (
      element('storageUuid', sr ? textIn(sr, 'uuid') : '') +
      element('storageName', storageNames().get(ref) ?? '') +
      element('storageType', sr ? textIn(sr, 'type') : '') +
      element('storageContent', sr ? textIn(sr, 'content_type') : '') +
      (isCopy(image) ? element('isCopy', 'true') : '')
    );
  };
  const image = (ref: string): string => {
    const record = estate.of('VDI').get(ref);
    return record ? recordXml('vdi', 'VDI', ref, record, storageOf(record)) : '';
  };
  const drive = (ref: string): string => {
    const record = estate.of('VBD').get(ref);
    return record ? recordXml('vbd', 'VBD', ref, record, image(textIn(record, 'VDI'))) : '';
  };
  const card = (ref: string): string => {
    const record = estate.of('VIF').get(ref);
    if (!record) return '';
    const network = textIn(record, 'network');
    const uuid = textIn(estate.of('network').get(network) ?? {}, 'uuid');
    const inner = element('networkUuid', uuid) + element('networkName', networkNames().get(network) ?? '');
    return recordXml('vif', 'VIF', ref, record, inner);
  };

  const vm = (ref: string): NativeObject | undefined => {
    const record = estate.of('VM').get(ref);
    if (!record || isHidden(record)) return undefined;
    const inner =
      joined('times', 'VM_metrics', textIn(record, 'metrics')) +
      joined('guest', 'VM_guest_metrics', textIn(record, 'guest_metrics')) +
      listIn(record, 'VBDs').map(drive).join('') +
      listIn(record, 'VIFs').map(card).join('');
    const parts: Record<string, string> = { vm: recordXml('vm', 'VM', ref, record, inner) };
    for (const taken of (snapshotsByVm().get(ref) ?? []).toSorted()) {
      const snapshot = estate.of('VM').get(taken);
      if (!snapshot) continue;
      const drives = listIn(snapshot, 'VBDs').map(drive).join('');
      parts[`snapshot:${textIn(snapshot, 'uuid')}`] = recordXml('snapshot', 'VM', taken, snapshot, drives);
    }
    return { kind: 'vm', native: textIn(record, 'uuid'), parts, facts: { state: textIn(record, 'power_state') } };
  };

  const volume = (ref: string): NativeObject | undefined => {
    const record = estate.of('VDI').get(ref);
    if (!record || !isVolume(record)) return undefined;
    const text = recordXml('vdi', 'VDI', ref, record, storageOf(record));
    return { kind: 'volume', native: textIn(record, 'uuid'), parts: { vdi: text }, facts: {} };
  };

  const storage = (ref: string): NativeObject | undefined => {
    const record = estate.of('SR').get(ref);
    if (!record) return undefined;
    const images = (imagesBySr().get(ref) ?? [])
      .map((one) => estate.of('VDI').get(one))
      .filter((one) => one !== undefined);
    const mounts = listIn(record, 'PBDs').map((one) => joined('pbd', 'PBD', one));
    return {
      kind: 'storage',
      native: textIn(record, 'uuid'),
      parts: { sr: recordXml('sr', 'SR', ref, record, mounts.join('')) },
      facts: { name: storageNames().get(ref) ?? '' },
      contains: { kind: 'volume', natives: images.filter(isVolume).map((one) => textIn(one, 'uuid')) },
    };
  };

  const network = (ref: string): NativeObject | undefined => {
    const record = estate.of('network').get(ref);
    if (!record) return undefined;
    const ports = listIn(record, 'PIFs').map((one) => joined('pif', 'PIF', one));
    return {
      kind: 'network',
      native: textIn(record, 'uuid'),
      parts: { network: recordXml('network', 'network', ref, record, ports.join('')) },
      facts: { name: networkNames().get(ref) ?? '' },
    };
  };

  /** Of a pool with several hosts the coordinator stands for all of them. */
  const host = (): NativeObject | undefined => {
    const [pool] = estate.of('pool');
    const master = pool && textIn(pool[1], 'master');
    const ref = master !== undefined && estate.of('host').has(master) ? master : [...estate.of('host').keys()][0];
    const record = ref === undefined ? undefined : estate.of('host').get(ref);
    if (!record || ref === undefined) return undefined;
    const port = (one: string): string =>
      joined('pif', 'PIF', one, joined('link', 'PIF_metrics', textIn(estate.of('PIF').get(one) ?? {}, 'metrics')));
    const inner =
      (pool ? recordXml('pool', 'pool', pool[0], pool[1]) : '') +
      joined('state', 'host_metrics', textIn(record, 'metrics')) +
      listIn(record, 'host_CPUs')
        .map((one) => joined('cpu', 'host_cpu', one))
        .join('') +
      listIn(record, 'PIFs').map(port).join('');
    return {
      kind: 'host',
      native: textIn(record, 'uuid'),
      parts: { host: recordXml('host', 'host', ref, record, inner) },
      facts: {},
    };
  };

  const CLASS = { vm: 'VM', volume: 'VDI', storage: 'SR', network: 'network' } as const;
  return { vm, volume, storage, network, host, refs: (kind) => [...estate.of(CLASS[kind]).keys()] };
};
