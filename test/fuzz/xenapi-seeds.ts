/** Requests to bend: methods of the command table, the everyday ones more often, with parameters by their types from what lives on the host. */
import { commands, rowOf } from '../../mappings/xenapi/commands.ts';
import { enumValues, type Message, recordFields, resolveCall, type Type } from '../../mappings/xenapi/types.ts';
import type { Dice } from './dice.ts';
import type { XenEstate } from './xenapi-estate.ts';

/** Numbers are integers, but for those in a `Float`. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}
export type Value = string | number | boolean | null | Float | Value[] | { [key: string]: Value };

export interface Request {
  readonly method: string;
  /** The session first. */
  readonly params: Value[];
}

const EVERYDAY: readonly (readonly [weight: number, method: string])[] = [
  ...'start hard_shutdown hard_reboot pause unpause suspend resume clean_shutdown'
    .split(' ')
    .map((name) => [6, `VM.${name}`] as const),
  ...'start hard_shutdown pause unpause suspend resume'.split(' ').map((name) => [3, `Async.VM.${name}`] as const),
  [4, 'VM.clone'],
  [1, 'VM.copy'],
  [2, 'VM.provision'],
  [1.5, 'VM.create'],
  [1.5, 'VM.destroy'],
  [3, 'VM.snapshot'],
  [2, 'VM.revert'],
  [4, 'VM.set_name_label'],
  [3, 'VM.set_VCPUs_max'],
  [3, 'VM.set_memory_limits'],
  [3, 'VM.add_to_other_config'],
  [3, 'VM.remove_from_other_config'],
  [2, 'VM.set_platform'],
  [2, 'VM.add_tags'],
  [3, 'VM.set_HVM_boot_params'],
  [3, 'VDI.create'],
  [1, 'VDI.destroy'],
  [2, 'VDI.resize'],
  [1, 'VDI.copy'],
  [3, 'VBD.create'],
  [1, 'VBD.destroy'],
  [2, 'VBD.plug'],
  [2, 'VBD.unplug'],
  [2, 'VBD.insert'],
  [2, 'VBD.eject'],
  [3, 'VIF.create'],
  [1, 'VIF.destroy'],
  [2, 'VIF.plug'],
  [1, 'SR.scan'],
  [0.5, 'network.create'],
  [2, 'pool.add_to_other_config'],
  [2, 'task.create'],
  [1, 'task.destroy'],
  [4, 'VM.get_record'],
  [3, 'VM.get_all_records'],
  [2, 'VM.get_all_records_where'],
  [2, 'VM.get_by_name_label'],
  [2, 'event.from'],
  [1, 'event.inject'],
  [0.1, 'session.logout'],
  [0.1, 'session.login_with_password'],
];
const served = commands.filter(({ route, method }) => route !== 'refuse' && !method.startsWith('session.log'));
const changes = served.filter(({ route }) => route === 'central').map(({ method }) => method);
const reads = served.filter(({ route }) => route === 'broker').map(({ method }) => method);
const refused = commands.filter(({ route }) => route === 'refuse').map(({ method }) => method);

const EXPRESSIONS = [
  'true',
  'false',
  'field "name__label" = "x"',
  'field "power_state" = "Running" and not field "is_a_template" = "true"',
  '(true or false)',
  'field',
  '((((',
];

const refFor = (cls: string, estate: XenEstate, dice: Dice): string => {
  const refs = estate.refs(cls);
  return refs.length > 0 && !dice.chance(0.04) ? dice.pick(refs) : 'OpaqueRef:NULL';
};

/** Of names whose value means something: the rest is a short text. */
const textFor = (name: string, cls: string, estate: XenEstate, dice: Dice): string => {
  switch (name) {
    case 'uuid':
      return estate.uuids(cls).length > 0 ? dice.pick(estate.uuids(cls)) : 'none';
    case 'userdevice':
      return dice.pick(['autodetect', '0', '3', String(dice.below(20))]);
    case 'device':
      return String(dice.below(8));
    case 'MAC':
      return dice.chance(0.7) ? '' : '02:00:00:00:00:0a';
    case 'expr':
      return dice.pick(EXPRESSIONS);
    case 'class':
      return dice.pick(['VM', 'pool', 'task', 'nothing']);
    case 'token':
      return dice.pick(['', '00000000000000000001,00000000000000000000']);
    case 'value':
    case 'key':
      return `${name}-${dice.below(20)}`;
    default:
      return `fuzzed-${dice.below(1e6)}`;
  }
};

const intFor = (name: string, dice: Dice): number => {
  if (/memory|_min$|_max$|static|dynamic/.test(name) && !/VCPU/.test(name))
    return 32 * 1024 * 1024 * (1 + dice.below(64));
  if (/size/.test(name)) return 1024 * 1024 * (1 + dice.below(16));
  return 1 + dice.below(4);
};

const valueFor = (type: Type, name: string, cls: string, estate: XenEstate, dice: Dice): Value => {
  switch (type.kind) {
    case 'string':
      return textFor(name, cls, estate, dice);
    case 'int':
      return intFor(name, dice);
    case 'float':
      return new Float(name === 'timeout' ? dice.below(3) / 10 : dice.below(100) / 100);
    case 'bool':
      return dice.chance(0.5);
    case 'datetime':
      return '20261121T14:00:00Z';
    case 'enum':
      return dice.pick([...(enumValues(type.name) ?? [''])]);
    case 'ref':
      return refFor(type.class, estate, dice);
    case 'set':
      if (name === 'classes') return dice.pick([['*'], ['vm', 'task'], ['pool']]);
      return Array.from({ length: dice.below(3) }, () => valueFor(type.of, name, cls, estate, dice));
    case 'map':
      return Object.fromEntries(
        Array.from({ length: dice.below(3) }, () => [
          String(valueFor(type.key, 'key', cls, estate, dice)),
          valueFor(type.value, 'value', cls, estate, dice),
        ]),
      );
    case 'record': {
      if (type.class === 'VM' && dice.chance(0.7)) return structuredClone(estate.vmRecord()) as Value;
      const given = recordFields(type.class).filter(({ qualifier }) => qualifier !== 'RO');
      return Object.fromEntries(
        given.map((field) => [field.name, valueFor(field.type, field.name, type.class, estate, dice)]),
      );
    }
    case 'option':
      return valueFor(type.of, name, cls, estate, dice);
    case 'void':
      return '';
    default:
      return type satisfies never;
  }
};

const paramsFor = (message: Message, estate: XenEstate, dice: Dice): Value[] =>
  message.params
    .filter((param) => param.default === undefined || dice.chance(0.5))
    .map(({ name, type }) => valueFor(type, name, message.class, estate, dice));

const methodFor = (dice: Dice): string =>
  dice.weighted([
    [45, () => dice.weighted(EVERYDAY)],
    [25, () => dice.pick(changes)],
    [26, () => dice.pick(reads)],
    [3, () => dice.pick(refused)],
    [1, () => dice.pick(['foo.bar', 'system.listMethods', 'system.isAlive:x', 'VM_get_all', 'system.multicall', ''])],
  ] as const)();

export const requestFor = (session: string, estate: XenEstate, dice: Dice): Request => {
  const method = methodFor(dice);
  const message = resolveCall(method)?.message;
  if (message === undefined) return { method, params: [session] };
  const params = paramsFor(message, estate, dice);
  return { method, params: message.session ? [session, ...params] : params };
};

for (const [, method] of EVERYDAY)
  if (rowOf(method) === undefined) throw new Error(`the fuzzer knows ${method}, the command table does not`);
