/** What XenAPI clients send to make a disk or a drive: what a test is about in, the whole record out. */
import type { Json } from './raw-xenapi.ts';

type Fields = { readonly [field: string]: Json };

/** For VDI.create. */
export const newDisk = (SR: string, virtual_size: string | number, more: Fields): Fields => ({
  name_description: '',
  SR,
  virtual_size,
  type: 'user',
  sharable: false,
  read_only: false,
  other_config: {},
  ...more,
});

/** For VBD.create. */
export const newDrive = (VM: string, VDI: string, more: Fields = {}): Fields => ({
  VM,
  VDI,
  userdevice: '0',
  bootable: false,
  mode: 'RW',
  type: 'Disk',
  empty: false,
  other_config: {},
  qos_algorithm_type: '',
  qos_algorithm_params: {},
  ...more,
});
