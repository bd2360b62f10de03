/** Kinds of file in a datastore, by name and by volume format, as FileInfo and FileQuery types name them. */
import { table } from '../../generic/table.ts';

/** Volumes for disks: the one format of these hosts that can be thin and can hold snapshots. */
export const DISK_FORMAT = 'qcow2';
/** Anything else a client uploads, byte for byte. */
export const FILE_FORMAT = 'raw';

const BY_SUFFIX = table<string>({
  vmdk: 'VmDisk',
  qcow2: 'VmDisk',
  img: 'VmDisk',
  raw: 'VmDisk',
  vdi: 'VmDisk',
  vhd: 'VmDisk',
  vhdx: 'VmDisk',
  iso: 'IsoImage',
  flp: 'FloppyImage',
  vmx: 'VmConfig',
  vmtx: 'TemplateConfig',
  log: 'VmLog',
  nvram: 'VmNvram',
  vmsn: 'VmSnapshot',
  vmsd: 'VmSnapshot',
});

/** `VmDisk` of `VmDiskFileInfo` and `VmDiskFileQuery`; '' for files of no special kind. */
export const fileKindOf = (path: string, format = ''): string => {
  const suffix = /\.([A-Za-z0-9]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  const kind = BY_SUFFIX[suffix];
  if (kind !== undefined) return kind;
  return format === '' || format === 'raw' || format === 'iso' || format === 'dir' ? '' : 'VmDisk';
};
