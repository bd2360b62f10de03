/** A vim25 reply in; members that its types require and it lacks, members out of the order of the WSDL, and values without a type out. */
import { isSubtype, itemTypeOf, type Member, members, methodOf, typeOf } from '../../mappings/vim25/types.ts';
import { versionIndex } from '../../mappings/vim25/versions.ts';
import { type Node, parseTree, textOf } from '../fuzz/tree.ts';

const localOf = (name: string): string => name.slice(name.indexOf(':') + 1);
const childrenOf = (node: Node): readonly Node[] => node.children.filter((child) => typeof child !== 'string');
const statedType = (node: Node): string | undefined =>
  node.attributes.find(([name]) => localOf(name) === 'type' && name !== 'type')?.[1];

const check = (node: Node, declared: string, path: string, version: number, problems: string[]): void => {
  const stated = statedType(node);
  const array = stated === undefined ? undefined : itemTypeOf(localOf(stated));
  if (array !== undefined && stated?.startsWith('xsd:') !== true) {
    for (const [at, child] of childrenOf(node).entries()) check(child, array, `${path}[${at}]`, version, problems);
    return;
  }
  if (stated === undefined && declared === 'anyType') problems.push(`${path}: no type`);
  const name = stated === undefined ? declared : localOf(stated);
  const type = typeOf(name);
  if (name === 'ManagedObjectReference' || type?.kind === 'managed') {
    if (textOf(node) === '') problems.push(`${path}: an empty reference`);
    return;
  }
  if (type === undefined) {
    problems.push(`${path}: no type ${name}`);
    return;
  }
  if (type.kind === 'enum') {
    // Old members are strings in the tables and enumerations on the wire; the values themselves are the other reader's to judge.
    if (textOf(node) === '') problems.push(`${path}: an empty ${name}`);
    return;
  }
  if (type.kind !== 'data') return;
  if (stated !== undefined && !isSubtype(name, declared)) problems.push(`${path}: ${name} is no ${declared}`);
  const all = members(name);
  const order = new Map<string, readonly [number, Member]>(all.map((member, at) => [member.name, [at, member]]));
  let last = -1;
  const given = new Set<string>();
  for (const child of childrenOf(node)) {
    const key = localOf(child.name);
    const known = order.get(key);
    if (known === undefined) {
      problems.push(`${path}.${key}: no member of ${name}`);
      continue;
    }
    const [at, member] = known;
    if (at < last) problems.push(`${path}.${key}: after ${all[last]?.name}`);
    if (given.has(key) && !member.array) problems.push(`${path}.${key}: twice`);
    last = Math.max(last, at);
    given.add(key);
    check(child, member.type, `${path}.${key}`, version, problems);
  }
  for (const member of all) {
    if (!member.optional && !member.array && member.since <= version && !given.has(member.name))
      problems.push(`${path}.${member.name}: required and absent (${name})`);
  }
};

/** [] for a reply that has all it must have. Faults are the other reader's to judge. */
export const requiredMembersOf = (xml: string, version = '6.7'): readonly string[] => {
  const body = childrenOf(parseTree(xml)).find((node) => localOf(node.name) === 'Body');
  const reply = body === undefined ? undefined : childrenOf(body)[0];
  if (reply === undefined || !reply.name.endsWith('Response')) return [];
  const method = methodOf(reply.name.replace(/Response$/, ''));
  if (method?.result === undefined) return [];
  const problems: string[] = [];
  for (const value of childrenOf(reply)) check(value, method.result.type, method.name, versionIndex(version), problems);
  return problems;
};
