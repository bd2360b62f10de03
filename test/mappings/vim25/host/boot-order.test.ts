/** Boot orders with kinds of devices of which a VM has none: kept beside the host's own order, for as long as that one is left as it is. */
import { expect, it } from 'vitest';
import { bootOrderChanges, wholeBootOrder } from '../../../../mappings/vim25/host/attributes.ts';

const KEY = 'transvisor.bootOrder';
const kept = (text: string): ReadonlyMap<string, string> => new Map([[KEY, text]]);
const vm = (bootOrder: ('disk' | 'cdrom' | 'network')[], disks = 0) => ({
  bootOrder,
  disks: Array.from({ length: disks }, () => ({}) as never),
  nics: [],
});

it('stand in an entry until every kind has a device', () => {
  expect(bootOrderChanges(undefined, vm(['disk', 'cdrom']))).toEqual([{ key: KEY, value: 'disk cdrom' }]);
  expect(bootOrderChanges(vm(['disk', 'cdrom']), vm(['disk', 'cdrom']))).toEqual([]);
  expect(bootOrderChanges(vm(['disk', 'cdrom']), vm(['disk', 'cdrom'], 1))).toEqual([{ key: KEY, value: '' }]);
  expect(bootOrderChanges(undefined, vm(['disk', 'cdrom'], 1))).toEqual([]);
});

it('are told whole', () => {
  expect(wholeBootOrder(['cdrom'], kept('disk cdrom network'))).toEqual(['disk', 'cdrom', 'network']);
  expect(wholeBootOrder([], kept('disk'))).toEqual(['disk']);
  expect(wholeBootOrder(['cdrom'], new Map())).toEqual(['cdrom']);
});

it('are forgotten when the order was changed on the host, or the entry says what is no order', () => {
  expect(wholeBootOrder(['network', 'cdrom'], kept('disk cdrom network'))).toEqual(['network', 'cdrom']);
  expect(wholeBootOrder(['floppy'], kept('disk cdrom'))).toEqual(['floppy']);
  expect(wholeBootOrder([], kept('tape, drum'))).toEqual([]);
});
