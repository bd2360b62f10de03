/** Values of every type through encode and decode; what is wrong on either side. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { problemsOf } from '../../../mappings/vim25/check.ts';
import { decodeValue } from '../../../mappings/vim25/decode.ts';
import { encodeAny, encodeElement, encodeInner, encodeRepeated, openAny } from '../../../mappings/vim25/encode.ts';
import { moRef, plain, rendered, typed } from '../../../mappings/vim25/values.ts';
import { published, versionIndex } from '../../../mappings/vim25/versions.ts';
import { readXml, type XmlElement } from '../../../mappings/wire/xml.ts';
import { dataTypesAt, sampleOf } from './sample-values.ts';

const parse = (xml: string): XmlElement => {
  const read = readXml(
    `<r xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">${xml}</r>`,
  );
  if (!read.ok) throw new Error(`${read.fault.text}: ${xml}`);
  return read.root.children[0] as XmlElement;
};
const back = (declared: string, value: unknown, version = ''): unknown =>
  decodeValue(parse(encodeElement('v', declared, value, version)), declared);

describe('encoding and decoding', () => {
  test('every data type of the newest version comes back as it was, with all its members', () => {
    const names = dataTypesAt(versionIndex(''));
    expect(names.length).toBeGreaterThan(2000);
    for (const name of names) {
      const value = sampleOf(name, 2, versionIndex(''));
      expect(back(name, value), name).toEqual({ ok: true, value });
    }
  });

  test('what an older version does not know is left out, at every version', () => {
    const all = sampleOf('AboutInfo', 2, 99) as Record<string, unknown>;
    expect(encodeInner('AboutInfo', all, '6.7')).not.toContain('patchLevel');
    for (const version of published) {
      for (const name of [
        'VirtualMachineConfigInfo',
        'HostConfigInfo',
        'ServiceContent',
        'TaskInfo',
        'VirtualMachineRuntimeInfo',
      ]) {
        const text = encodeElement('v', name, sampleOf(name, 2, 99), version);
        expect(decodeValue(parse(text), name)).toMatchObject({ ok: true });
        const trimmed = encodeElement('v', name, sampleOf(name, 2, versionIndex(version)), version);
        expect(text.length, `${name} ${version}`).toBe(trimmed.length);
      }
    }
  });

  test('a type newer than the version is written as its nearest base', () => {
    const nvdimm = { _type: 'VirtualNVDIMM', key: 1, capacityInMB: 5 };
    expect(encodeElement('device', 'VirtualDevice', nvdimm, '6.7')).toBe(
      '<device xsi:type="VirtualNVDIMM"><key>1</key><capacityInMB>5</capacityInMB></device>',
    );
    expect(encodeElement('device', 'VirtualDevice', nvdimm, '6.5')).toBe('<device><key>1</key></device>');
    expect(encodeAny('val', 'VirtualDevice', false, nvdimm, '6.5')).toBe(
      '<val xsi:type="VirtualDevice"><key>1</key></val>',
    );
  });

  test('xsi:type stands where the dynamic type differs, and always in an Any and in arrays inside one', () => {
    const vm = moRef('VirtualMachine', 'vm-1');
    expect(encodeElement('vm', 'VirtualMachine', vm)).toBe('<vm type="VirtualMachine">vm-1</vm>');
    expect(encodeAny('val', 'VirtualMachine', false, vm)).toBe(
      '<val type="VirtualMachine" xsi:type="ManagedObjectReference">vm-1</val>',
    );
    expect(encodeAny('val', 'Datastore', true, [moRef('Datastore', 'd')])).toBe(
      '<val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="Datastore" xsi:type="ManagedObjectReference">d</ManagedObjectReference></val>',
    );
    expect(encodeAny('val', 'Datastore', true, [])).toBe('<val xsi:type="ArrayOfManagedObjectReference"></val>');
    expect(encodeAny('val', 'string', true, ['a'])).toBe(
      '<val xsi:type="ArrayOfString"><string xsi:type="xsd:string">a</string></val>',
    );
    expect(encodeAny('val', 'VirtualDevice', true, [{ _type: 'VirtualDisk', key: 1 }, { key: 2 }])).toBe(
      '<val xsi:type="ArrayOfVirtualDevice"><VirtualDevice xsi:type="VirtualDisk"><key>1</key></VirtualDevice><VirtualDevice xsi:type="VirtualDevice"><key>2</key></VirtualDevice></val>',
    );
    expect(encodeAny('val', 'VirtualMachinePowerState', false, 'poweredOn')).toBe(
      '<val xsi:type="VirtualMachinePowerState">poweredOn</val>',
    );
    expect(encodeAny('val', 'long', false, 5)).toBe('<val xsi:type="xsd:long">5</val>');
    expect(encodeAny('val', 'byte', true, Buffer.from([255, 1]))).toBe(
      '<val xsi:type="ArrayOfByte"><byte xsi:type="xsd:byte">-1</byte><byte xsi:type="xsd:byte">1</byte></val>',
    );
    expect(encodeRepeated('returnval', 'string', ['a', 'b'])).toBe('<returnval>a</returnval><returnval>b</returnval>');
  });

  test('text already rendered goes out untouched under its own type', () => {
    const info = rendered('VirtualMachineConfigInfo', '<name>x</name>');
    expect(encodeAny('val', 'anyType', false, info)).toBe(
      '<val xsi:type="VirtualMachineConfigInfo"><name>x</name></val>',
    );
    expect(encodeElement('config', 'VirtualMachineConfigInfo', info)).toBe('<config><name>x</name></config>');
    expect(encodeAny('val', 'anyType', false, rendered('ArrayOfVirtualDevice', '<VirtualDevice/>'))).toBe(
      '<val xsi:type="ArrayOfVirtualDevice"><VirtualDevice/></val>',
    );
    expect([openAny('val', 'Datastore', true), openAny('val', 'string'), openAny('val', 'ArrayOfByte')]).toEqual([
      '<val xsi:type="ArrayOfManagedObjectReference">',
      '<val xsi:type="xsd:string">',
      '<val xsi:type="ArrayOfByte">',
    ]);
  });

  test('an Any keeps the types of its values', () => {
    for (const value of [
      's',
      true,
      5,
      typed('long', 5),
      typed('dateTime', '2024-01-01T00:00:00Z'),
      typed('VirtualMachinePowerState', 'poweredOn'),
      typed('ArrayOfInt', [1, 2]),
      moRef('Task', 't'),
      { _type: 'OptionValue', key: 'k', value: typed('double', 0.5) },
    ]) {
      expect(back('anyType', value)).toEqual({ ok: true, value });
    }
    expect(plain(typed('long', 5))).toBe(5);
    expect(back('anyType', 2 ** 40)).toEqual({ ok: true, value: typed('long', 2 ** 40) });
    expect(back('anyType', 9_007_199_254_740_993n)).toEqual({ ok: true, value: typed('long', 9_007_199_254_740_993n) });
  });

  test('strings, numbers, bytes and references of any kind come back', () => {
    const text = fc.string({ unit: fc.constantFrom(...'aä<&>"\' \t\n\r\u{1f600}') });
    const same = (declared: string, value: unknown, expected = value): void => {
      expect(back(declared, value)).toEqual({ ok: true, value: expected });
    };
    fc.assert(fc.property(text, (value) => same('string', value)));
    fc.assert(fc.property(fc.integer(), (value) => same('int', value)));
    // -0 is written as 0.
    fc.assert(fc.property(fc.double(), (value) => same('double', value, value === 0 ? 0 : value)));
    fc.assert(fc.property(fc.uint8Array(), (bytes) => same('base64Binary', bytes, Buffer.from(bytes))));
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) =>
        same('long', value, Number.isSafeInteger(Number(value)) ? Number(value) : value),
      ),
    );
  });
});

describe('our own mistakes are thrown', () => {
  test.each([
    ['VirtualMachineConfigSpec', { nmae: 'x' }, /no member nmae/],
    ['VirtualMachinePowerState', '', /is no VirtualMachinePowerState/],
    ['int', 2 ** 31, /is no int/],
    ['int', 0.5, /is no int/],
    ['long', 0.5, /is no long/],
    ['dateTime', '2024-01-01', /is no dateTime/],
    ['string', 5, /is no string/],
    ['VirtualDevice', { _type: 'VirtualMachineConfigSpec' }, /is no VirtualDevice/],
    ['HostSystem', 'ha-host', /is no ManagedObjectReference/],
    ['anyType', { key: 'x' }, /is no anyType/],
  ])('%s from %j', (declared, value, message) => {
    expect(() => encodeElement('v', declared, value)).toThrow(message);
  });

  test('absent required members are found at any depth', () => {
    const spec = { _type: 'PropertyFilterSpec', propSet: [{ type: 'Task' }], objectSet: [{ skip: true }] };
    expect(problemsOf('PropertyFilterSpec', spec)).toEqual([
      'PropertyFilterSpec.objectSet[0].obj: required and absent',
    ]);
  });
});

describe('what a client got wrong is a fault', () => {
  const faultOf = (declared: string, xml: string): unknown => {
    const read = decodeValue(parse(xml), declared, 'spec');
    return read.ok ? read.value : [read.fault.kind, ...Object.values(read.fault.members)];
  };
  test.each([
    ['VirtualMachineConfigSpec', '<s><numCPUs>x</numCPUs></s>', ['invalid-argument', 'spec.numCPUs']],
    ['VirtualMachineConfigSpec', '<s><numCPUs>2147483648</numCPUs></s>', ['invalid-argument', 'spec.numCPUs']],
    [
      'VirtualMachineConfigSpec',
      '<s><npivOnNonRdmDisks>yes</npivOnNonRdmDisks></s>',
      ['invalid-argument', 'spec.npivOnNonRdmDisks'],
    ],
    [
      'VirtualMachineConfigSpec',
      '<s><npivNodeWorldWideName>1</npivNodeWorldWideName><npivNodeWorldWideName/></s>',
      ['invalid-argument', 'spec.npivNodeWorldWideName[1]'],
    ],
    [
      'VirtualMachineConfigSpec',
      '<s><createDate>2024-02-30T00:00:00Z</createDate></s>',
      ['invalid-argument', 'spec.createDate'],
    ],
    [
      'VirtualMachineConfigSpec',
      '<s><deviceChange><operation>burn</operation></deviceChange></s>',
      ['invalid-argument', 'spec.deviceChange[0].operation'],
    ],
    ['VirtualMachineConfigSpec', '<s><nope/></s>', ['invalid-request']],
    ['VirtualMachineConfigSpec', '<s><__proto__/></s>', ['invalid-request']],
    ['VirtualMachineConfigSpec', '<s><name>a</name><name>b</name></s>', ['invalid-request']],
    ['VirtualMachineConfigSpec', '<s><name><b/></name></s>', ['invalid-request']],
    ['VirtualMachineConfigSpec', '<s xsi:type="VirtualDisk"/>', ['invalid-request']],
    ['VirtualMachineConfigSpec', '<s xsi:type="Nope"/>', ['invalid-request']],
    ['TraversalSpec', '<s><type>Folder</type></s>', ['invalid-request']],
    ['HostSystem', '<s>x</s>', ['invalid-request']],
    ['anyType', '<s>x</s>', ['invalid-request']],
    ['anyType', '<s xsi:type="anyType">x</s>', ['invalid-request']],
    ['base64Binary', '<s>%%%%</s>', ['invalid-argument', 'spec']],
    ['long', '<s>9223372036854775808</s>', ['invalid-argument', 'spec']],
  ])('%s from %s', (declared, xml, expected) => {
    expect(faultOf(declared, xml)).toEqual(expected);
  });

  test('a nil member is an absent one', () => {
    expect(faultOf('VirtualMachineConfigSpec', '<s><name xsi:nil="true"/></s>')).toEqual({
      _type: 'VirtualMachineConfigSpec',
    });
  });
});
