/** A declared type in, a value that fills every member out: what the tests of the codec encode. */
import { members, subtypes, typeOf } from '../../../mappings/vim25/types.ts';
import { moRef } from '../../../mappings/vim25/values.ts';

const PRIMITIVES: Readonly<Record<string, unknown>> = {
  string: 'a<&>"b',
  anyURI: 'http://h/x?a=1&b=2',
  PropertyPath: 'config.name',
  TypeName: 'VirtualMachine',
  MethodName: 'PowerOnVM_Task',
  int: -7,
  short: 3,
  byte: -1,
  long: 4_294_967_296,
  double: 0.5,
  float: 2.25,
  boolean: true,
  dateTime: '2024-05-06T07:08:09.123456Z',
  anyType: 'any',
};

export const sampleOf = (declared: string, depth: number, version: number): unknown => {
  const type = typeOf(declared);
  if (type === undefined) throw new Error(declared);
  switch (type.kind) {
    case 'primitive':
      return declared === 'base64Binary' ? Buffer.from('bytes') : PRIMITIVES[declared];
    case 'enum':
      return [...type.values][0];
    case 'managed':
      return moRef(declared === 'ManagedObject' ? 'VirtualMachine' : declared, 'x-1');
    case 'data': {
      // A MethodFault by itself says nothing; on the wire there is always a subtype.
      const name = declared === 'MethodFault' ? 'NotFound' : declared;
      const object: Record<string, unknown> = { _type: name };
      for (const member of members(name)) {
        if (member.since > version || member.name === 'dynamicType' || member.name === 'dynamicProperty') continue;
        if (member.optional && depth <= 0) continue;
        if (depth < -4) continue;
        const value = sampleOf(member.type, depth - 1, version);
        object[member.name] = !member.array ? value : member.type === 'byte' ? Buffer.from([1, 255]) : [value];
      }
      return object;
    }
    default:
      return type satisfies never;
  }
};

export const dataTypesAt = (version: number): readonly string[] =>
  subtypes('DynamicData').filter((name) => (typeOf(name) as { since: number }).since <= version);
