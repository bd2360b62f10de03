/** A value meant for encode.ts in, what its type would miss out: required members that are absent, at any depth. For tests. */
import { isSubtype, itemTypeOf, members, typeOf } from './types.ts';
import { versionIndex } from './versions.ts';

const MAX_PROBLEMS = 50;

const collect = (declared: string, value: unknown, path: string, version: number, problems: string[]): void => {
  if (problems.length >= MAX_PROBLEMS || typeof value !== 'object' || value === null || '_xml' in value) return;
  const stated = (value as { _type?: string })._type ?? declared;
  if ('_value' in value) {
    const item = itemTypeOf(stated);
    const list: unknown[] = item !== undefined && Array.isArray(value._value) ? value._value : [];
    for (const [at, each] of list.entries()) collect(item as string, each, `${path}[${at}]`, version, problems);
    return;
  }
  const type = typeOf(stated);
  if (type?.kind !== 'data') return;
  if (!isSubtype(stated, declared)) problems.push(`${path}: ${stated} is no ${declared}`);
  const object = value as Record<string, unknown>;
  for (const member of members(stated)) {
    const at = `${path}.${member.name}`;
    const inner = object[member.name];
    if (inner === undefined || inner === null) {
      if (!member.optional && member.since <= version) problems.push(`${at}: required and absent`);
    } else if (member.array && Array.isArray(inner)) {
      for (const [index, each] of inner.entries()) collect(member.type, each, `${at}[${index}]`, version, problems);
    } else {
      collect(member.type, inner, at, version, problems);
    }
  }
};

/** [] for a complete value. Paths begin with the type's name. */
export const problemsOf = (declared: string, value: unknown, version = ''): readonly string[] => {
  const problems: string[] = [];
  const stated = (value as { _type?: string } | null)?._type ?? declared;
  collect(declared, value, stated, versionIndex(version), problems);
  return problems;
};
