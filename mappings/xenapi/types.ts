/**
 * The data model of XenAPI as facts: a name as clients write it in; its row of types.data.json, parsed when first asked for, out.
 *
 * Use: `classOf('VM')?.field('power_state')`, `recordFields('VM')` (what a record on the wire has, in its order),
 * `messageOf('VM.start')` (also `Async.VM.start` and `VM_start` through `resolveCall`), `enumValues('vm_power_state')`.
 * Every look-up takes a client's text and knows nothing but the rows: `toString` or `__proto__` find nothing.
 */
import {
  badRow,
  type Class,
  type Default,
  type Field,
  type Message,
  NULL_REF,
  parseClass,
  type Type,
} from './model-rows.ts';
import data from './types.data.json' with { type: 'json' };

export {
  type Class,
  type Default,
  type Does,
  type Field,
  type Message,
  NULL_REF,
  parseType,
  type Type,
} from './model-rows.ts';

/** Means "never", "not set". */
export const NEVER = '19700101T00:00:00Z';

const rows = new Map(data.classes.map((row) => [row.line.slice(0, row.line.indexOf(' ')), row]));
const parsed = new Map<string, Class>();
const messages = new Map<string, ReadonlyMap<string, Message>>();
const records = new Map<string, readonly Field[]>();

/** All classes, struct-only ones (`event`, `sr_stat`) among them, in the order of the model. */
export const classNames: readonly string[] = [...rows.keys()];

/** By its exact name (`VM`, `host_metrics`). */
export const classOf = (name: string): Class | undefined => {
  const known = parsed.get(name);
  if (known) return known;
  const row = rows.get(name);
  if (row === undefined) return undefined;
  const made = parseClass(row);
  parsed.set(name, made);
  return made;
};

const lowerNames = new Map(classNames.map((name) => [name.toLowerCase(), name]));

/** By a name in any case, as event.from takes them: `vm` is VM. */
export const classNameOf = (anyCase: string): string | undefined => lowerNames.get(anyCase.toLowerCase());

/** What a record has on the wire: all fields but the internal ones. Every record of a class has exactly these keys. */
export const recordFields = (name: string): readonly Field[] => {
  const known = records.get(name);
  if (known) return known;
  const fields = (classOf(name)?.fields ?? []).filter((field) => !field.internal);
  records.set(name, fields);
  return fields;
};

/** By its name on the wire, `VM.start`, without alias and prefix. */
export const messageOf = (wire: string): Message | undefined => {
  const dot = wire.indexOf('.');
  const owner = wire.slice(0, Math.max(dot, 0));
  let own = messages.get(owner);
  if (own === undefined) {
    const found = classOf(owner);
    if (found === undefined) return undefined;
    own = new Map(found.messages.map((message) => [message.name, message]));
    messages.set(owner, own);
  }
  return own.get(wire.slice(dot + 1));
};

/** The longest name of the model is far shorter; a client's may have a border at every character. */
const MAX_METHOD = 200;

export interface ResolvedCall {
  readonly message: Message;
  readonly async: boolean;
}

/** A client's method name: `VM.start`, `VM_start`, `Async.VM.start`, `InternalAsync.VM.start`. undefined: the model has no such message. */
export const resolveCall = (method: string): ResolvedCall | undefined => {
  if (method.length > MAX_METHOD) return undefined;
  const prefix = /^(Internal)?Async\./.exec(method)?.[0] ?? '';
  const async = prefix !== '';
  const name = method.slice(prefix.length);
  const exact = messageOf(name);
  if (exact !== undefined) return { message: exact, async };
  // Names of classes have underscores too, so every one may be the border: VM_metrics_get_record.
  for (let at = name.indexOf('_'); at > 0; at = name.indexOf('_', at + 1)) {
    const found = messageOf(`${name.slice(0, at)}.${name.slice(at + 1)}`);
    if (found !== undefined) return { message: found, async };
  }
  return undefined;
};

const enums = new Map(
  data.enums.map((row) => {
    const [name = '', ...values] = row.split(' ');
    return [name, new Set(values) as ReadonlySet<string>];
  }),
);

/** In the order of the model. undefined: no such enumeration. */
export const enumValues = (name: string): ReadonlySet<string> | undefined => enums.get(name);

export interface End {
  readonly class: string;
  readonly field: string;
}

/** Fields that are two ends of one relation: a change of `from` changes `to` as well, and both objects are in events. */
export const relations: readonly { readonly from: End; readonly to: End }[] = data.relations.map((row) => {
  const [from, to] = row.split(' ').map((end) => {
    const dot = end.indexOf('.');
    return { class: end.slice(0, dot), field: end.slice(dot + 1) };
  });
  if (from === undefined || to === undefined) throw badRow(row);
  return { from, to };
});

/** The value of a field that nothing was said about, in the form of `Default`. */
export const zero = (type: Type): Default => {
  switch (type.kind) {
    case 'int':
    case 'float':
      return 0;
    case 'bool':
      return false;
    case 'datetime':
      return NEVER;
    case 'enum':
      return enums.get(type.name)?.values().next().value ?? '';
    case 'ref':
      return NULL_REF;
    case 'set':
      return [];
    case 'map':
    case 'record':
      return {};
    case 'option':
      return null;
    default:
      return '';
  }
};

/** `(VM -> string) map`, as people write types of this API. */
export const formatType = (type: Type): string => {
  switch (type.kind) {
    case 'enum':
      return `enum ${type.name}`;
    case 'ref':
    case 'record':
      return `${type.class} ${type.kind}`;
    case 'set':
    case 'option':
      return `${formatType(type.of)} ${type.kind}`;
    case 'map':
      return `(${formatType(type.key)} -> ${formatType(type.value)}) map`;
    default:
      return type.kind;
  }
};
