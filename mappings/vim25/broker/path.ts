/** A property path as clients write it in; steps out: names, and keys with the quoting their type asks for. */
import { isSubtype, member, memberAt, typeOf } from '../types.ts';

export type Step = { readonly name: string } | { readonly key: string; readonly quoted: boolean };

const STEP = /([A-Za-z_]\w*)|\[(?:"((?:[^"\\]|\\.)*)"|(-?\d+))\]/y;
const MAX_STEPS = 32;

/** undefined: malformed. */
export const parsePath = (path: string): readonly Step[] | undefined => {
  const steps: Step[] = [];
  let at = 0;
  while (at < path.length) {
    if (at > 0 && path[at] === '.') at++;
    else if (at > 0 && path[at] !== '[') return undefined;
    STEP.lastIndex = at;
    const match = STEP.exec(path);
    if (!match || steps.length >= MAX_STEPS) return undefined;
    if (match[1] !== undefined) steps.push({ name: match[1] });
    else if (match[2] !== undefined) steps.push({ key: match[2].replace(/\\(.)/g, '$1'), quoted: true });
    else steps.push({ key: match[3] ?? '', quoted: false });
    at = STEP.lastIndex;
  }
  return steps.length > 0 && 'name' in (steps[0] as Step) ? steps : undefined;
};

const STRINGS = new Set(['string', 'PropertyPath', 'TypeName', 'MethodName']);

/** Elements of this type are found by a key, and whether that key is a string; undefined: they have no key. */
const keyIsText = (type: string): boolean | undefined => {
  const key = member(type, 'key') ?? (typeOf(type)?.kind === 'data' ? memberAt(type, 'key') : undefined);
  return key === undefined ? undefined : STRINGS.has(key.type);
};

/** Whether `steps`, taken from a value of `type`, could name anything: of the type, or of a subtype that could stand there. */
export const couldName = (type: string, array: boolean, steps: readonly Step[]): boolean => {
  let at = type;
  let repeated = array;
  for (const step of steps) {
    if ('key' in step) {
      const text = keyIsText(at);
      if (!repeated || text === undefined || text !== step.quoted) return false;
      repeated = false;
      continue;
    }
    if (repeated || typeOf(at)?.kind === 'managed') return false;
    const found = memberAt(at, step.name);
    if (!found) return false;
    at = found.type;
    repeated = found.array;
  }
  return true;
};

export const isReference = (type: string): boolean => isSubtype(type, 'ManagedObject');
