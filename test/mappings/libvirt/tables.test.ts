/** Slots, units, states, names and our metadata: what is written reads back. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Bus, ScsiModel } from '../../../mappings/generic/model.ts';
import { pathOfVolume, volumeNameOf } from '../../../mappings/generic/volume-path.ts';
import {
  formatForCall,
  formatMetadata,
  libosinfoId,
  type OwnMetadata,
  readMetadata,
} from '../../../mappings/libvirt/metadata.ts';
import { addressOf, deviceIndex, deviceLetters, deviceOf, slotOf } from '../../../mappings/libvirt/slots.ts';
import { parseSpans } from '../../../mappings/libvirt/spans.ts';
import { busOf, powerStateOf } from '../../../mappings/libvirt/states.ts';
import { bytesOf, kibOf, millisecondsOf, versionText } from '../../../mappings/libvirt/units.ts';
import { splitVolumeNative, volumeNative } from '../../../mappings/libvirt/volume-names.ts';

describe('slots', () => {
  test('device letters count past z', () => {
    for (const [letters, index] of [
      ['a', 0],
      ['z', 25],
      ['aa', 26],
      ['zz', 701],
      ['aaa', 702],
    ] as const) {
      expect(deviceLetters(index)).toBe(letters);
      expect(deviceIndex(`sd${letters}`)).toBe(index);
    }
  });

  test('the device and address of a slot read back as that slot', () => {
    const slots = fc.oneof(
      fc.record({
        bus: fc.constant<Bus>('virtio'),
        controller: fc.nat(3),
        unit: fc.nat(15).filter((unit) => unit !== 7),
      }),
      fc.record({ bus: fc.constant<Bus>('ide'), controller: fc.nat(1), unit: fc.nat(1) }),
      fc.record({ bus: fc.constantFrom<Bus>('scsi', 'sata'), controller: fc.nat(3), unit: fc.nat(5) }),
      fc.record({ bus: fc.constant<Bus>('fdc'), controller: fc.constant(0), unit: fc.nat(1) }),
    );
    fc.assert(
      fc.property(slots, fc.constantFrom<ScsiModel>('lsilogic', 'lsisas', 'virtio-scsi'), (slot, model) => {
        expect(slotOf(slot.bus, deviceOf(slot, new Set()), addressOf(slot, model))).toEqual(slot);
      }),
    );
  });

  test('names that are taken are passed over where the address decides', () => {
    expect(deviceOf({ bus: 'scsi', controller: 0, unit: 0 }, new Set(['sda']))).toBe('sdb');
  });

  test('a bus is told by the device where the document does not', () => {
    expect(['vda', 'hdc', 'sda', 'fda'].map((device) => busOf(undefined, device))).toEqual([
      'virtio',
      'ide',
      'scsi',
      'fdc',
    ]);
  });
});

test('units', () => {
  expect(bytesOf('4', 'GiB', 'KiB')).toBe(4294967296);
  expect(bytesOf('10', 'T', 'bytes')).toBe(10995116277760);
  expect(bytesOf('4194304', undefined, 'KiB')).toBe(4294967296);
  expect(bytesOf('1', 'MB', 'bytes')).toBe(1_000_000);
  expect(bytesOf(' 7 ', 'bytes', 'KiB')).toBe(7);
  expect(kibOf(1025)).toBe(2);
  expect(millisecondsOf('1700000000.123456789')).toBe(1700000000123);
  expect(millisecondsOf('')).toBeUndefined();
  expect(versionText('9000000')).toBe('9.0.0');
});

test('power states: a saved image makes a stopped domain suspended, and no other', () => {
  expect([1, 2, 3, 4, 5, 6, 7].map((state) => powerStateOf(state, false))).toEqual([
    'running',
    'running',
    'paused',
    'running',
    'stopped',
    'stopped',
    'running',
  ]);
  expect(powerStateOf(5, true)).toBe('suspended');
  expect(powerStateOf(1, true)).toBe('running');
});

test('volume names are reversible', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('%', '2', '5', 'f', '/', 'é', 'a') }), (path) => {
      expect(volumeNameOf(path)).not.toContain('/');
      expect(pathOfVolume(volumeNameOf(path))).toBe(path);
    }),
  );
  expect(splitVolumeNative(volumeNative('u-1', 'a/b'))).toEqual({ poolUuid: 'u-1', name: 'a/b' });
});

describe('metadata', () => {
  const own: OwnMetadata = {
    instanceUuid: 'i',
    osId: 'debian12',
    template: true,
    createdMs: 5,
    cpuHotAdd: true,
    memoryHotAdd: false,
    cpuShare: { limit: 1, shares: 2 },
    attributes: [
      { owner: 'a', key: 'k"<', value: '\n<&>é' },
      { owner: 'a', key: 'k2', value: ' ' },
    ],
    snapshot: { native: 's', name: 'n/m', memory: false },
    job: 'job-1',
  };
  const inDomain = (xml: string): string =>
    `<domain xmlns:q='u'><metadata><q:other xmlns:q='v'><vm/></q:other>${xml}</metadata></domain>`;

  test('reads back what it writes', () => {
    const text = inDomain(formatMetadata(own));
    expect(readMetadata(text, parseSpans(text))).toEqual(own);
  });

  test('reads what libvirt makes of a call, with or without a prefix on the children', () => {
    const text = inDomain(
      (formatForCall(own) ?? '')
        .replace('<vm>', "<t:vm xmlns:t='https://transvisor.org/xmlns/libvirt/1'>")
        .replace('</vm>', '</t:vm>'),
    );
    expect(readMetadata(text, parseSpans(text))).toEqual(own);
  });

  test('nothing to keep is no element', () => {
    expect(formatMetadata({ attributes: [], osId: '' })).toBe('');
    expect(formatForCall({ attributes: [] })).toBeNull();
  });

  test('libosinfo ids', () => {
    const text = `<domain><metadata><libosinfo:libosinfo xmlns:libosinfo='u'><libosinfo:os id='http://ubuntu.com/ubuntu/22.04'/></libosinfo:libosinfo></metadata></domain>`;
    expect(libosinfoId(text, parseSpans(text))).toBe('ubuntu22.04');
  });
});
