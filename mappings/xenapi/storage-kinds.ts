/** Kinds of storage of the hub to types of SR, and what each type can do: the rows behind SM records and allowed operations. */
import type { Storage } from '../generic/model.ts';

export const srType = (kind: Storage['kind']): string => {
  switch (kind) {
    case 'local':
    case 'other':
      return 'file';
    case 'nfs':
      return 'nfs';
    case 'block':
      return 'lvm';
    default:
      return kind satisfies never;
  }
};

export interface StorageManager {
  readonly type: string;
  readonly name: string;
  readonly description: string;
  /** Names of the keys that SR.create takes in device_config, with what they mean. */
  readonly configuration: Readonly<Record<string, string>>;
  readonly features: readonly string[];
}

const VDI_FEATURES = [
  'VDI_CREATE',
  'VDI_DELETE',
  'VDI_RESIZE',
  'VDI_CLONE',
  'VDI_SNAPSHOT',
  'SR_SCAN',
  'SR_UPDATE',
  'SR_PROBE',
] as const;

/** In this order: the place is part of the record's reference. */
export const STORAGE_MANAGERS: readonly StorageManager[] = [
  {
    type: 'file',
    name: 'Files in a folder',
    description: 'Disks are files in a folder of the host',
    configuration: { location: 'path of the folder on the host (required)' },
    features: VDI_FEATURES,
  },
  {
    type: 'nfs',
    name: 'NFS',
    description: 'Disks are files on an NFS server',
    configuration: { server: 'name or address of the server (required)', serverpath: 'path of the export (required)' },
    features: VDI_FEATURES,
  },
  {
    type: 'lvm',
    name: 'Block storage',
    description: 'Disks are volumes of a block storage that the host knows',
    configuration: {},
    features: VDI_FEATURES,
  },
  {
    type: 'iso',
    name: 'ISO images',
    description: 'A storage that holds ISO images alone',
    configuration: { location: 'path of the folder on the host (required)' },
    features: ['SR_SCAN'],
  },
];

/** Of an SR that is there; one that does not answer can only be looked at again. */
export const srOperations = (accessible: boolean): readonly string[] =>
  accessible
    ? [
        'scan',
        'update',
        'destroy',
        'forget',
        'vdi_create',
        'vdi_destroy',
        'vdi_resize',
        'vdi_clone',
        'vdi_copy',
        'vdi_snapshot',
        'plug',
        'unplug',
      ]
    : ['scan', 'forget', 'destroy'];
