/** Two documents in, the paths at which they differ out: generic ones by their fields, a host's own by its elements. */
import type { Vm } from '../mappings/generic/model.ts';
import type { NativeObject } from '../mappings/generic/native.ts';
import { attributeOf, readXml, type XmlElement } from '../mappings/wire/xml.ts';

/** Where what was found is not what was wanted; places in lists do not count. What a host adds to what was left open is no loss. */
export const lostPaths = (wanted: unknown, found: unknown, path = ''): string[] => {
  if (wanted === undefined) return [];
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found) || found.length !== wanted.length) return [path];
    return wanted.flatMap((one, at) => lostPaths(one, found[at], `${path}[]`));
  }
  if (wanted !== null && typeof wanted === 'object') {
    if (found === null || typeof found !== 'object') return [path];
    return Object.entries(wanted).flatMap(([key, one]) =>
      lostPaths(one, (found as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return wanted === found ? [] : [path];
};

/** Attributes, snapshots and disks by what tells them apart: their order is the host's. */
const keyed = (document: object): object => {
  const { attributes, snapshots, disks, ...rest } = document as Partial<Vm>;
  const nameOf = (native: string | undefined) => snapshots?.find((one) => one.native === native)?.name;
  const place = ({ slot }: Vm['disks'][number]): string => `${slot.bus}${slot.controller}:${slot.unit + 100}`;
  return {
    ...rest,
    ...(attributes && {
      attributes: Object.fromEntries(attributes.map((one) => [`${one.owner} ${one.key}`, one.value])),
    }),
    ...(snapshots && {
      snapshots: snapshots
        .map((one) => ({ ...one, parent: nameOf(one.parent) }))
        .toSorted((a, b) => a.name.localeCompare(b.name)),
    }),
    ...(disks && { disks: disks.toSorted((a, b) => place(a).localeCompare(place(b))) }),
  };
};

/** The same of documents whose lists the host orders. */
export const missingPaths = (wanted: object, found: object): string[] => lostPaths(keyed(wanted), keyed(found));

/** Whichever of the two has something there. */
export const differingPaths = (one: object, other: object): string[] => [
  ...new Set([...missingPaths(one, other), ...missingPaths(other, one)]),
];

/** A snapshot as a document of its own is the host's copy of what the VM was. */
const COPIES = 'snapshot';

/** What tells an element from its like: the type of a device, the key of an entry. */
const likenessOf = (element: XmlElement): string => {
  const { name, children } = element;
  const told =
    name === 'device'
      ? element.attributes.find((one) => one.name === 'type')?.value
      : (attributeOf(element, 'key') ??
        (name === 'extraConfig' ? children.find((one) => one.name === 'key')?.text : undefined));
  return told === undefined ? name : `${name}[${told}]`;
};

/** Every text and attribute of a host's own document, by the path of its elements; `names` is what the host calls its objects. */
const leaves = ({ parts, facts }: NativeObject, names: RegExp | undefined): ReadonlyMap<string, string[]> => {
  const found = new Map<string, string[]>();
  const put = (path: string, value: string): void => {
    const told = names === undefined ? value : value.replace(names, 'a name');
    found.set(path, [...(found.get(path) ?? []), told].sort());
  };
  const walk = (element: XmlElement, path: string): void => {
    const { attributes, children, text } = element;
    const own = `${path}/${likenessOf(element)}`;
    // What is part of the path already is not told twice.
    for (const { name, value } of attributes) if (!own.endsWith(`[${value}]`)) put(`${own}@${name}`, value);
    for (const child of children) walk(child, own);
    if (children.length === 0) put(own, text.trim());
  };
  for (const [name, text] of Object.entries(parts)) {
    if (name.startsWith(COPIES)) continue;
    const read = readXml(text);
    if (!read.ok) throw new Error(`${name}: ${read.fault.text}`);
    walk(read.root, '');
  }
  for (const [name, value] of Object.entries(facts)) put(`, fact ${name}`, String(value));
  return found;
};

export const differingParts = (one: NativeObject, other: NativeObject, names?: RegExp): string[] => {
  const [before, after] = [leaves(one, names), leaves(other, names)];
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => JSON.stringify(before.get(path)) !== JSON.stringify(after.get(path)),
  );
};
