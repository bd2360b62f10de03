/** The type table: closed, ordered, and asked the way its callers ask. */
import { describe, expect, test } from 'vitest';
import {
  arrayTypeOf,
  enumValues,
  isSubtype,
  itemTypeOf,
  managedObject,
  member,
  memberAt,
  members,
  methodNames,
  methodOf,
  methodsOf,
  subtypes,
  typeNames,
  typeOf,
  versions,
  wireTypeOf,
} from '../../../mappings/vim25/types.ts';
import { negotiate, published, versionIndex } from '../../../mappings/vim25/versions.ts';

describe('the type table', () => {
  test('is closed: every type a member, base, method or fault list names is in it', () => {
    for (const name of typeNames()) {
      const type = typeOf(name);
      expect(type?.name).toBe(name);
      if ((type?.kind === 'data' || type?.kind === 'managed') && type.base !== '')
        expect(typeOf(type.base)?.kind, name).toBe(type.kind);
      for (const { type: of, since } of members(name)) {
        expect(typeOf(of), `${name}: ${of}`).toBeDefined();
        expect(since).toBeLessThan(versions.length);
      }
    }
    for (const name of methodNames()) {
      const method = methodOf(name);
      expect(managedObject(method?.owner ?? ''), name).toBeDefined();
      for (const { type } of [...(method?.params ?? []), ...(method?.result ? [method.result] : [])])
        expect(typeOf(type), `${name}: ${type}`).toBeDefined();
      for (const fault of method?.faults ?? []) expect(isSubtype(fault, 'MethodFault'), `${name}: ${fault}`).toBe(true);
      if (name.endsWith('_Task')) expect(method?.result?.type, name).toBe('Task');
    }
    expect(typeNames().length).toBeGreaterThan(3500);
    expect(methodNames().length).toBeGreaterThan(1000);
  });

  test('gives members in WSDL order, inherited first', () => {
    const names = members('VirtualDisk').map(({ name }) => name);
    expect(names.slice(0, 5)).toEqual(['dynamicType', 'dynamicProperty', 'key', 'deviceInfo', 'backing']);
    expect(names.indexOf('unitNumber')).toBeLessThan(names.indexOf('capacityInKB'));
    expect(member('VirtualMachineConfigSpec', 'deviceChange')).toMatchObject({
      type: 'VirtualDeviceConfigSpec',
      array: true,
      optional: true,
    });
  });

  test('declares faults inside data as LocalizedMethodFault, but the fault in that itself', () => {
    expect(member('MissingProperty', 'fault')?.type).toBe('LocalizedMethodFault');
    expect(member('TaskInfo', 'error')?.type).toBe('LocalizedMethodFault');
    expect(member('LocalizedMethodFault', 'fault')?.type).toBe('MethodFault');
  });

  test('knows methods by their wire name', () => {
    expect(methodOf('CreateVM_Task')).toMatchObject({
      owner: 'Folder',
      privilege: 'VirtualMachine.Inventory.Create',
      taskResult: 'VirtualMachine',
      result: { type: 'Task' },
      params: [
        { name: 'config' },
        { name: 'pool', privilege: 'Resource.AssignVMToPool' },
        { name: 'host', optional: true },
      ],
    });
    expect(methodOf('Logout')?.result).toBeUndefined();
    expect(methodOf('Fetch')).toMatchObject({ owner: 'ManagedObject', result: { type: 'anyType' } });
    expect(methodOf('toString')).toBeUndefined();
    expect(methodsOf('VirtualMachine').map(({ name }) => name)).toEqual(
      expect.arrayContaining(['PowerOnVM_Task', 'Destroy_Task', 'Fetch']),
    );
  });

  test('finds what a property path ends at, through subtypes and keys', () => {
    expect(memberAt('VirtualMachine', 'config.hardware.device')).toMatchObject({ type: 'VirtualDevice', array: true });
    expect(memberAt('VirtualMachine', 'config.hardware.device[4000]')).toMatchObject({
      type: 'VirtualDevice',
      array: false,
    });
    expect(memberAt('VirtualMachine', 'config.hardware.device[4000].deviceInfo.label')).toMatchObject({
      type: 'string',
    });
    expect(memberAt('VirtualMachine', 'config.hardware.device[4000].macAddress')).toMatchObject({ type: 'string' });
    expect(memberAt('VirtualMachine', 'config.extraConfig["a.b"].value')).toMatchObject({ type: 'anyType' });
    for (const path of ['', 'nope', 'config..name', 'config[', 'name[1]', '.name', 'constructor'])
      expect(memberAt('VirtualMachine', path), path).toBeUndefined();
  });

  test('names types as the wire does', () => {
    expect(wireTypeOf('PropertyPath')).toBe('xsd:string');
    expect(wireTypeOf('HostSystem')).toBe('ManagedObjectReference');
    expect(arrayTypeOf('Datastore')).toBe('ArrayOfManagedObjectReference');
    expect(arrayTypeOf('TypeName')).toBe('ArrayOfString');
    expect(itemTypeOf('ArrayOfString')).toBe('string');
    expect(itemTypeOf('ArrayOfAnyType')).toBe('anyType');
    expect(itemTypeOf('ArrayOfVirtualDevice')).toBe('VirtualDevice');
    expect(itemTypeOf('VirtualDevice')).toBeUndefined();
    expect(enumValues('VirtualMachinePowerState')).toEqual(new Set(['poweredOff', 'poweredOn', 'suspended']));
    expect(subtypes('VirtualEthernetCard')).toContain('VirtualVmxnet3');
    expect(isSubtype('VirtualMachine', 'VirtualDevice')).toBe(false);
  });
});

describe('versions', () => {
  test('all published ones are in the table, newest first', () => {
    expect(published.map(versionIndex)).toEqual(published.map((version) => versions.indexOf(version)));
    expect(published.map(versionIndex)).toEqual([...published.map(versionIndex)].sort((a, b) => b - a));
  });

  test.each([
    ['urn:vim25/9.1.0.0', '6.7'],
    ['"urn:vim25/8.0.2.0"', '6.7'],
    ['urn:vim25/6.7', '6.7'],
    ['urn:vim25/6.7.3', '6.7'],
    ['6.5', '6.5'],
    ['6.6', '6.5'],
    ['5.5', '5.5'],
    ['2.0', '2.5'],
    ['', ''],
    ['urn:vim25', ''],
  ])('%s is answered as %s', (hint, version) => {
    expect(negotiate(hint)).toBe(version);
  });
});
