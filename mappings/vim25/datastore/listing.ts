/** Nodes of a datastore's tree in, FileInfo objects out, with the details that a search asks for. */
import type { Volume } from '../../generic/model.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { documents } from '../central/inventory.ts';
import { dateTime } from '../render/markup.ts';
import { isSubtype } from '../types.ts';
import type { DataObject } from '../values.ts';
import { fileKindOf } from './formats.ts';
import { type Datastores, fileOf, type Node } from './tree.ts';
import { formatVmx } from './vmx.ts';

export interface SearchSpec {
  readonly queries: readonly DataObject[];
  readonly details: DataObject | undefined;
  readonly matches: (name: string) => boolean;
  readonly foldersFirst: boolean;
}

/** `*`, `?` and nothing else are special. */
const globOf = (pattern: string, ignoreCase: boolean): RegExp => {
  const source = [...pattern]
    .map((c) => (c === '*' ? '[^]*' : c === '?' ? '[^]' : c.replace(/[\\^$.|+()[\]{}]/g, '\\$&')))
    .join('');
  // Runs of stars would try every split of a name.
  return new RegExp(`^${source.replace(/(\[\^\]\*)+/g, '[^]*')}$`, ignoreCase ? 'iu' : 'u');
};

const MAX_PATTERN = 256;
const MAX_STARS = 8;

/** undefined: a pattern that no file name could need. */
export const searchSpecOf = (spec: DataObject | undefined): SearchSpec | undefined => {
  const patterns = (spec?.['matchPattern'] as readonly string[] | undefined) ?? [];
  if (
    patterns.some(
      (pattern) => pattern.length > MAX_PATTERN || pattern.replace(/\*+/g, '*').split('*').length - 1 > MAX_STARS,
    )
  )
    return undefined;
  const globs = patterns.map((pattern) => globOf(pattern, spec?.['searchCaseInsensitive'] === true));
  return {
    queries: (spec?.['query'] as readonly DataObject[] | undefined) ?? [],
    details: spec?.['details'] as DataObject | undefined,
    matches: (name) => globs.length === 0 || globs.some((glob) => glob.test(name)),
    foldersFirst: spec?.['sortFoldersFirst'] === true,
  };
};

const infoTypeOf = (node: Node, volume: Volume | undefined): string => {
  if (node.kind === 'directory') return 'FolderFileInfo';
  if (node.kind === 'vmx') return node.vm.doc.template ? 'TemplateConfigFileInfo' : 'VmConfigFileInfo';
  return `${fileKindOf(node.path, volume?.format)}FileInfo`;
};

/** The query that asks for this type; 'none': queries were given and no one does. */
const queryFor = (type: string, queries: readonly DataObject[]): DataObject | undefined | 'none' => {
  if (queries.length === 0) return undefined;
  const found = queries.find((query) => {
    const wanted = String(query._type);
    return wanted === 'FileQuery' || isSubtype(type, wanted.replace(/Query$/, 'Info'));
  });
  return found ?? 'none';
};

const sizeOf = (node: Node, volume: Volume | undefined, all: Datastores): number => {
  switch (node.kind) {
    case 'directory':
      return 0;
    case 'own':
      return node.bytes.length;
    case 'vmx':
      return Buffer.byteLength(
        formatVmx(
          node.vm.doc,
          all.trees.map(({ storage }) => storage.doc),
        ),
      );
    case 'volume':
      // A raw file is as long as its capacity; of others the host tells what they take up.
      return volume
        ? volume.format === 'raw' || volume.format === 'iso'
          ? volume.capacityBytes
          : volume.allocationBytes
        : 0;
    default:
      return node satisfies never;
  }
};

const modifiedOf = (node: Node, volume: Volume | undefined): number => {
  switch (node.kind) {
    case 'directory':
      return node.modifiedMs ?? 0;
    case 'own':
      return node.modifiedMs;
    case 'vmx':
      return node.vm.doc.modifiedMs ?? node.vm.doc.createdMs ?? 0;
    case 'volume':
      return volume?.modifiedMs ?? 0;
    default:
      return node satisfies never;
  }
};

const diskDetails = (query: DataObject | undefined, volume: Volume): Record<string, unknown> => {
  const flags = query?.['details'] as DataObject | undefined;
  if (!flags) return {};
  return {
    ...(flags['diskType'] ? { diskType: 'VirtualDiskFlatVer2BackingInfo' } : {}),
    ...(flags['capacityKb'] ? { capacityKb: Math.ceil(volume.capacityBytes / 1024) } : {}),
    ...(flags['hardwareVersion'] ? { hardwareVersion: 13 } : {}),
    ...(flags['controllerType'] ? { controllerType: 'VirtualLsiLogicController' } : {}),
    ...(flags['thin'] ? { thin: volume.allocationBytes < volume.capacityBytes } : {}),
  };
};

const infoOf = (node: Node, volume: Volume | undefined, spec: SearchSpec, all: Datastores): DataObject | undefined => {
  const type = infoTypeOf(node, volume);
  const query = queryFor(type, spec.queries);
  if (query === 'none') return undefined;
  const { details } = spec;
  return {
    _type: type,
    path: fileOf(node.path),
    ...(details?.['fileSize'] ? { fileSize: sizeOf(node, volume, all) } : {}),
    ...(details?.['modification'] ? { modification: dateTime(modifiedOf(node, volume)) } : {}),
    ...(details?.['fileOwner'] ? { owner: 'root' } : {}),
    ...(type === 'VmDiskFileInfo' && volume ? diskDetails(query, volume) : {}),
    ...(type === 'VmConfigFileInfo' && query?.['details'] ? { configVersion: 13 } : {}),
  };
};

/** Those of the nodes that the search wants, in the order it wants. */
export function* fileInfos(
  nodes: readonly Node[],
  spec: SearchSpec,
  all: Datastores,
  context: BrokerContext,
): Brokered<DataObject[]> {
  const wanted = nodes.filter((node) => spec.matches(fileOf(node.path)));
  const volumes = new Map<string, Volume>();
  const found = yield* documents(
    'volume',
    wanted.flatMap((node) => (node.kind === 'volume' ? [node.volume] : [])),
    context,
  );
  for (const { id, doc } of found) volumes.set(id, doc);
  const isFile = (node: Node): number => (spec.foldersFirst && node.kind !== 'directory' ? 1 : 0);
  return [...wanted]
    .sort((a, b) => isFile(a) - isFile(b) || (a.path < b.path ? -1 : 1))
    .map((node) => infoOf(node, node.kind === 'volume' ? volumes.get(node.volume.id) : undefined, spec, all))
    .filter((info) => info !== undefined);
}
