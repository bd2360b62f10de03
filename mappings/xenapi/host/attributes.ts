/** Attributes of a VM that the hub keeps for its fronts: where a XenServer host keeps each, in a map of its own or under a key of ours. */
import type { ForeignAttribute } from '../../generic/model.ts';
import { decodeKept, encodeKept } from '../vm-attributes.ts';
import type { Kept } from './markup.ts';
import { OWN } from './names.ts';

/** This API's own maps: to its clients an attribute of such a name is the field itself. */
const MAPS = ['other_config', 'xenstore_data', 'VCPUs_params', 'blocked_operations', 'platform'] as const;
type MapField = (typeof MAPS)[number];

const OWNER = 'xenapi';
const TAGS = 'tags.';
const ATTRIBUTE = `${OWN}attribute.`;

/** A place on the host: a key of a map of the VM, or a tag. */
export type Place =
  | { readonly field: MapField; readonly key: string }
  | { readonly field: 'tags'; readonly key: string };

/** What the hub has fields for, or is nobody's but ours. */
const isTaken = (field: MapField, key: string): boolean =>
  (field === 'other_config' && (key.startsWith(OWN) || key === 'auto_poweron')) ||
  (field === 'platform' && (key === 'cores-per-socket' || key === 'secureboot'));

export const placeOf = ({ owner, key }: Pick<ForeignAttribute, 'owner' | 'key'>): Place => {
  if (owner === OWNER) {
    if (key.startsWith(TAGS)) return { field: 'tags', key: key.slice(TAGS.length) };
    const field = MAPS.find((map) => key.startsWith(`${map}.`));
    const name = field === undefined ? '' : key.slice(field.length + 1);
    if (field !== undefined && !isTaken(field, name)) return { field, key: name };
  }
  return { field: 'other_config', key: `${ATTRIBUTE}${owner}.${key}` };
};

/** As the host keeps it: its own maps hold plain text. */
export const nativeValue = (attribute: ForeignAttribute): string =>
  placeOf(attribute).key.startsWith(ATTRIBUTE) ? attribute.value : decodeKept(attribute.value);

export const attributesOf = (vm: Kept): ForeignAttribute[] => {
  const found: ForeignAttribute[] = [];
  for (const field of MAPS) {
    for (const [key, value] of Object.entries(vm.map(field))) {
      if (field === 'other_config' && key.startsWith(ATTRIBUTE)) {
        const [, owner = '', name = ''] = /^([^.]*)\.(.*)$/s.exec(key.slice(ATTRIBUTE.length)) ?? [];
        found.push({ owner, key: name, value });
      } else if (!isTaken(field, key)) found.push({ owner: OWNER, key: `${field}.${key}`, value: encodeKept(value) });
    }
  }
  for (const tag of vm.list('tags')) found.push({ owner: OWNER, key: `${TAGS}${tag}`, value: '1' });
  return found;
};
