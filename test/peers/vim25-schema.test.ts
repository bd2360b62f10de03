/** What we encode, judged by type tables no one here wrote: pyVmomi reads back every type, reply and fault. */
import { expect, test } from 'vitest';
import { type Fault, type FaultKind, fault } from '../../mappings/generic/faults.ts';
import { encodeAny } from '../../mappings/vim25/encode.ts';
import { localized } from '../../mappings/vim25/faults.ts';
import { encodeFault, encodeReply } from '../../mappings/vim25/front.ts';
import { isSubtype, methodNames, methodOf, typeOf } from '../../mappings/vim25/types.ts';
import { moRef, typed } from '../../mappings/vim25/values.ts';
import { published, versionIndex } from '../../mappings/vim25/versions.ts';
import { envelope } from '../../mappings/wire/soap.ts';
import { FAULTS } from '../mappings/vim25/sample-faults.ts';
import { dataTypesAt, sampleOf } from '../mappings/vim25/sample-values.ts';
import { describeWith } from './describe-with.ts';
import { readBackWithPyVmomi } from './vim25-read-back.ts';

const nothing = (count: number): string[][] => Array.from({ length: count }, () => []);

/** Texts pyVmomi objects to, with what it says; [] when it takes all. */
const objections = async (
  texts: readonly (readonly [name: string, xml: string])[],
  version = '6.7',
): Promise<readonly string[]> => {
  const problems = await readBackWithPyVmomi(texts.map(([, xml]) => ({ xml, version })));
  return texts.flatMap(([name], at) => (problems[at] ?? []).map((problem) => `${name}: ${problem}`));
};

describeWith(['pyvmomi'], 'pyVmomi reads what we write', () => {
  test('a value of every data type, in an Any', async () => {
    const texts = dataTypesAt(versionIndex('')).map((name) => {
      const value = sampleOf(name, 2, versionIndex(''));
      // A fault stands on the wire only inside its localised wrapper.
      const shown = isSubtype(name, 'MethodFault')
        ? { _type: 'LocalizedMethodFault', fault: value, localizedMessage: 'm' }
        : value;
      const any = encodeAny('returnval', 'anyType', false, shown);
      return [name, envelope(`<FetchResponse xmlns="urn:vim25">${any}</FetchResponse>`)] as const;
    });
    expect(texts.length).toBeGreaterThan(2000);
    expect(await objections(texts)).toEqual([]);
  });

  test('a reply of every method, at the newest and at an old version', async () => {
    for (const version of ['6.7', '5.5']) {
      const index = versionIndex(version);
      const texts = methodNames().flatMap((name) => {
        const method = methodOf(name);
        if (!method?.result || method.since > index) return [];
        const type = typeOf(method.result.type);
        if (type !== undefined && type.kind !== 'primitive' && type.since > index) return [];
        const value = sampleOf(method.result.type, 1, index);
        return [[name, encodeReply({ method: name, version }, method.result.array ? [value] : value)] as const];
      });
      expect(texts.length).toBeGreaterThan(250);
      expect(await objections(texts, version)).toEqual([]);
    }
  });

  test('arrays of every kind inside an Any', async () => {
    const values = [
      typed('ArrayOfString', ['a']),
      typed('ArrayOfInt', [1]),
      typed('ArrayOfLong', [1]),
      typed('ArrayOfByte', [-1]),
      typed('ArrayOfAnyType', ['a', 1]),
      typed('ArrayOfManagedObjectReference', [moRef('VirtualMachine', '1')]),
      typed('ArrayOfManagedObjectReference', []),
      typed('ArrayOfVirtualDevice', [{ _type: 'VirtualDisk', key: 1, capacityInKB: 5 }]),
      typed('long', 5),
      typed('dateTime', '2024-01-01T00:00:00.5+02:00'),
      typed('VirtualMachinePowerState', 'poweredOn'),
      Buffer.from('x'),
    ];
    expect(
      await objections(
        values.map((value) => [JSON.stringify(value), encodeReply({ method: 'Fetch', version: '6.7' }, value)]),
      ),
    ).toEqual([]);
  });

  test('every fault, as a SOAP fault and inside a value, at every published version', async () => {
    const context = { target: { type: 'VirtualMachine', id: 'vm-1' }, refs: () => moRef('Task', 'task-1') };
    for (const version of published.filter((each) => versionIndex(each) >= versionIndex('4.1'))) {
      const texts = (Object.keys(FAULTS) as FaultKind[]).flatMap((kind) => {
        const reason = fault(kind, FAULTS[kind], 'more about it') as Fault;
        const inside = { _type: 'MissingProperty', path: 'config', fault: localized(reason, context) };
        return [
          [kind, encodeFault({ version, target: context.target }, reason, context)] as const,
          [`${kind} inside`, encodeReply({ method: 'Fetch', version }, inside)] as const,
        ];
      });
      expect(await objections(texts, version)).toEqual([]);
    }
  });

  test('its complaints are heard: unknown field, type, enumeration value, newer field, Any without a type', async () => {
    const texts = [
      '<returnval xsi:type="OptionValue"><nope>1</nope></returnval>',
      '<returnval xsi:type="NoSuchType"/>',
      '<returnval xsi:type="VirtualMachinePowerState"></returnval>',
      '<returnval xsi:type="AboutInfo"><patchLevel>1</patchLevel></returnval>',
      '<returnval xsi:type="OptionValue"><key>a</key><value>x</value></returnval>',
      '<returnval xsi:type="ManagedObjectReference">x</returnval>',
    ].map((xml) => envelope(`<FetchResponse xmlns="urn:vim25">${xml}</FetchResponse>`));
    const problems = await readBackWithPyVmomi(texts);
    expect(problems.map((each) => each.length > 0)).toEqual(texts.map(() => true));
    expect(await readBackWithPyVmomi([encodeReply({ method: 'Logout', version: '' }, undefined)])).toEqual(nothing(1));
  });
});
