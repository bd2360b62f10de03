/** A native object in, the input of its to-generic sheet out: `<in>` with facts and what had to be computed, and the host's own document. */
import type { NativeObject } from '../generic/native.ts';
import { domainInput } from './domain-input.ts';
import { annotation, wrap } from './markup.ts';
import { attribute, child, children, parseSpans, path, type Span, source, splice, textOf } from './spans.ts';
import { isPoolUp, networkMode, storageKind } from './states.ts';
import { bytesOf, millisecondsOf, versionText } from './units.ts';

const bytesAt = (text: string, span: Span | undefined): number | undefined =>
  span && bytesOf(textOf(text, span), attribute(text, span, 'unit'), 'bytes');

const documentOf = (object: NativeObject, part: string): { text: string; root: Span } => {
  const text = object.parts[part];
  if (text === undefined) throw new Error(`a ${object.kind} without its ${part} document`);
  return { text, root: parseSpans(text) };
};

const storageInput = (object: NativeObject): string => {
  const { text, root } = documentOf(object, 'pool');
  const { facts } = object;
  // An inactive pool's document says 0; the call that tells of an active one is newer than its document.
  const size = (fact: string): string => {
    const told = String(facts[fact] ?? '');
    return told !== '' && told !== '0' ? told : String(bytesAt(text, child(root, fact)) ?? 0);
  };
  return wrap(
    {
      uuid: object.native,
      kind: storageKind(attribute(text, root, 'type') ?? ''),
      accessible: isPoolUp(facts['state']),
      autostart: facts['autostart'] === true,
      capacity: size('capacity'),
      allocation: size('allocation'),
      available: size('available'),
    },
    source(text, root),
  );
};

const volumeInput = (object: NativeObject): string => {
  const { text, root } = documentOf(object, 'volume');
  return wrap(
    {
      storageName: String(object.facts['pool'] ?? ''),
      capacity: bytesAt(text, child(root, 'capacity')) ?? 0,
      allocation: bytesAt(text, child(root, 'allocation')) ?? 0,
      modified: millisecondsOf(textOf(text, path(root, 'target', 'timestamps', 'mtime'))),
    },
    source(text, root),
  );
};

/** VLAN 4095 means all of them, as in VMware's port groups. */
const vlanOf = (text: string, portgroup: Span): number => {
  const vlan = child(portgroup, 'vlan');
  if (!vlan) return 0;
  const tags = children(vlan, 'tag');
  return attribute(text, vlan, 'trunk') === 'yes' || tags.length > 1
    ? 4095
    : Number((tags[0] && attribute(text, tags[0], 'id')) ?? 0);
};

const networkInput = (object: NativeObject): string => {
  const { text, root } = documentOf(object, 'network');
  const forward = child(root, 'forward');
  const annotated = splice(
    text.slice(0, root.end),
    children(root, 'portgroup').map((one) => annotation(one, { tVlan: vlanOf(text, one) })),
  );
  return wrap(
    {
      uuid: object.native,
      mode: networkMode(forward && attribute(text, forward, 'mode'), forward !== undefined),
      active: object.facts['active'] === true,
      autostart: object.facts['autostart'] === true,
    },
    annotated.slice(root.start),
  );
};

const hostInput = (object: NativeObject): string => {
  const { text, root } = documentOf(object, 'capabilities');
  const { facts } = object;
  const number = (name: string): number => Number(facts[name] ?? 0);
  const packages = Math.max(1, number('nodes') * number('sockets'));
  const cores = Math.max(1, packages * number('cores'));
  const others = ['nics', 'sysinfo'].map((name) => object.parts[name]).filter((one) => one !== undefined);
  return wrap(
    {
      name: String(facts['hostname'] ?? ''),
      uuid: object.native,
      cpuMhz: number('mhz'),
      packages,
      cores,
      threads: Math.max(cores, number('cpus')),
      nodes: Math.max(1, number('nodes')),
      memory: number('memoryKiB') * 1024,
      vmCpuMax: number('maxCpus') || 255,
      hypervisor: String(facts['type'] ?? ''),
      version: versionText(facts['version']),
      libVersion: versionText(facts['libVersion']),
      connected: facts['connected'] !== false,
      model: String(facts['model'] ?? ''),
      booted: number('bootedMs'),
    },
    source(text, root) + others.map((one) => source(one, parseSpans(one))).join(''),
  );
};

export const toGenericInput = (object: NativeObject): string => {
  switch (object.kind) {
    case 'vm':
      return domainInput(object);
    case 'storage':
      return storageInput(object);
    case 'volume':
      return volumeInput(object);
    case 'network':
      return networkInput(object);
    case 'host':
      return hostInput(object);
    default:
      return object.kind satisfies never;
  }
};
