/** A native object in; its name, further names, relations and sub-objects out, by offsets into its text and without a sheet. */
import type { NativeObject, Scan } from '../generic/native.ts';
import { currentDomain, disksOf, nicsOf } from './devices.ts';
import { isGuarded, isTemplate } from './metadata.ts';
import { attribute, child, children, parseSpans, path, type Span, textOf } from './spans.ts';
import { splitVolumeNative } from './volume-names.ts';

/*
 * Domains name networks and volumes by names that are not the native ones. Such a relation says `name:`, `bridge:`, `path:`, `dir:` or
 * `volume:`, and the object it means says the same in its `aliases`: the store resolves both alike.
 */
export const alias = {
  name: (name: string): string => `name:${name}`,
  bridge: (bridge: string): string => `bridge:${bridge}`,
  path: (file: string): string => `path:${file}`,
  /** A folder, for files in it that are not known as volumes. */
  folder: (folder: string): string => `dir:${folder.replace(/\/+$/, '')}`,
  volume: (pool: string, volume: string): string => `volume:${pool}/${volume}`,
} as const;

const folderOf = (file: string): string => file.slice(0, file.lastIndexOf('/'));

/** The title, if it has one, else its name: libvirt renames no running domain, a title it takes at any time. */
export const displayName = (text: string, domain: Span): string =>
  textOf(text, child(domain, 'title')).trim() || textOf(text, child(domain, 'name'));

const scanVm = (object: NativeObject): Scan => {
  const text = currentDomain(object.parts);
  const domain = parseSpans(text);
  const relations: { to: 'storage' | 'volume' | 'network'; native: string }[] = [];
  const owns: { kind: 'disk' | 'nic' | 'snapshot'; match: string; slot: string }[] = [];
  const seen = new Set<string>();
  const relate = (to: 'storage' | 'volume' | 'network', native: string): void => {
    if (seen.has(to + native)) return;
    seen.add(to + native);
    relations.push({ to, native });
  };
  for (const { device, dev, path: file, pool, volume } of disksOf(text, domain)) {
    let match = dev;
    if (pool !== undefined && volume !== undefined) {
      relate('storage', alias.name(pool));
      relate('volume', alias.volume(pool, volume));
      match = `${pool}/${volume}`;
    } else if (file !== undefined) {
      relate('storage', alias.folder(folderOf(file)));
      relate('volume', alias.path(file));
      match = file;
    }
    if (device === 'disk') owns.push({ kind: 'disk', match, slot: dev });
  }
  for (const [ordinal, { mac, network, bridge }] of nicsOf(text, domain).entries()) {
    if (network !== undefined) relate('network', alias.name(network));
    else if (bridge !== undefined) relate('network', alias.bridge(bridge));
    owns.push({ kind: 'nic', match: mac.toLowerCase(), slot: String(ordinal) });
  }
  for (const part in object.parts)
    if (part.startsWith('snapshot:')) owns.push({ kind: 'snapshot', match: part.slice(9), slot: '' });
  return {
    name: displayName(text, domain),
    uuid: object.native,
    template: isTemplate(text, domain),
    guarded: isGuarded(text, domain),
    relations,
    owns,
  };
};

const part = (object: NativeObject, name: string): { text: string; root: Span } => {
  const text = object.parts[name];
  if (text === undefined) throw new Error(`a ${object.kind} without its ${name} document`);
  return { text, root: parseSpans(text) };
};

/** A scan is called for every object of a host: nothing here is read twice. */
export const scan = (object: NativeObject): Scan => {
  switch (object.kind) {
    case 'vm':
      return scanVm(object);
    case 'storage': {
      const { text, root } = part(object, 'pool');
      const name = textOf(text, child(root, 'name'));
      const folder = textOf(text, path(root, 'target', 'path'));
      return {
        name,
        uuid: object.native,
        relations: [],
        owns: [],
        aliases: [alias.name(name), ...(folder === '' ? [] : [alias.folder(folder)])],
      };
    }
    case 'volume': {
      const { text, root } = part(object, 'volume');
      const name = textOf(text, child(root, 'name'));
      const file = textOf(text, path(root, 'target', 'path'));
      return {
        name,
        relations: [{ to: 'storage', native: splitVolumeNative(object.native).poolUuid }],
        owns: [],
        aliases: [alias.path(file), alias.volume(String(object.facts['pool'] ?? ''), name)],
      };
    }
    case 'network': {
      const { text, root } = part(object, 'network');
      const name = textOf(text, child(root, 'name'));
      const bridges = children(root, 'bridge')
        .map((bridge) => attribute(text, bridge, 'name') ?? '')
        .filter((bridge) => bridge !== '');
      return {
        name,
        uuid: object.native,
        relations: [],
        owns: [],
        aliases: [alias.name(name), ...bridges.map(alias.bridge)],
      };
    }
    case 'host':
      return { name: String(object.facts['hostname'] ?? ''), uuid: object.native, relations: [], owns: [] };
    default:
      return object.kind satisfies never;
  }
};
