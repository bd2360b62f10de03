/** Fields of a VM that no host has a place for, to and from the attributes that hosts keep for us: owner `xenapi`, key `field` or `field.key`. */
import type { ForeignAttribute, Vm } from '../generic/model.ts';

const OWNER = 'xenapi';

/** The hub removes an attribute whose value is empty: an empty value of ours is written as one escape. */
const ESCAPE = '\\';
/** What no document can hold. */
const UNWRITABLE =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

export const encodeKept = (value: string): string => {
  const text = value.replace(UNWRITABLE, '');
  return text === '' || text.startsWith(ESCAPE) ? ESCAPE + text : text;
};
export const decodeKept = (text: string): string => (text.startsWith(ESCAPE) ? text.slice(ESCAPE.length) : text);

type Bearer = Pick<Vm, 'attributes'>;

/** A field that is one value; undefined: never written. */
export const attributeText = ({ attributes }: Bearer, field: string): string | undefined => {
  const found = attributes.find(({ owner, key }) => owner === OWNER && key === field);
  return found && decodeKept(found.value);
};

/** A field that is a map. A client's key may be any text: the object has no prototype. */
export const attributeMap = ({ attributes }: Bearer, field: string): Readonly<Record<string, string>> => {
  const map: Record<string, string> = Object.create(null);
  const prefix = `${field}.`;
  for (const { owner, key, value } of attributes)
    if (owner === OWNER && key.startsWith(prefix)) map[key.slice(prefix.length)] = decodeKept(value);
  return map;
};

/** A field that is a set: its members are keys. */
export const attributeSet = (vm: Bearer, field: string): readonly string[] => Object.keys(attributeMap(vm, field));

export const keptText = (field: string, value: string): ForeignAttribute => ({
  owner: OWNER,
  key: field,
  value: encodeKept(value),
});
export const droppedText = (field: string): ForeignAttribute => ({ owner: OWNER, key: field, value: '' });

export const keptKey = (field: string, key: string, value: string): ForeignAttribute =>
  keptText(`${field}.${key.replace(UNWRITABLE, '')}`, value);
export const droppedKey = (field: string, key: string): ForeignAttribute => droppedText(`${field}.${key}`);

/** The whole map anew: keys that are not in it go. Only what differs is written. */
export const keptMap = (
  vm: Bearer,
  field: string,
  wanted: Readonly<Record<string, string>>,
): readonly ForeignAttribute[] => {
  const before = attributeMap(vm, field);
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(wanted, key));
  const put = Object.entries(wanted).filter(([key, value]) => before[key] !== value);
  return [...gone.map((key) => droppedKey(field, key)), ...put.map(([key, value]) => keptKey(field, key, value))];
};

export const keptSet = (vm: Bearer, field: string, wanted: readonly string[]): readonly ForeignAttribute[] =>
  keptMap(vm, field, Object.fromEntries(wanted.map((one) => [one, '1'])));
