/** Values of the broker's own objects (folders, managers, tasks, views) in; managed objects that the property collector reads like any other out. */
import { member } from '../types.ts';
import type { MoRef } from '../values.ts';
import { fragmentOf, type ManagedObject, type Property } from './managed-object.ts';
import { couldName, parsePath, type Step } from './path.ts';
import { relationOf } from './relations.ts';
import { roleId } from './rendered.ts';
import { type Scope, structureVersion } from './scope.ts';

/** Properties that have a value, each computed when asked for. */
export type Values = Readonly<Record<string, () => unknown>>;

export interface Made {
  readonly values: Values;
  /** Store version at which its values last changed, when it keeps one. */
  readonly version?: number;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const ENTITY_ARRAYS = new Set(['effectiveRole']);

export class FurnitureObject implements ManagedObject {
  readonly ref: MoRef;
  readonly #scope: Scope;
  readonly #made: Made;

  constructor(scope: Scope, ref: MoRef, made: Made) {
    this.ref = ref;
    this.#scope = scope;
    this.#made = made;
  }

  #value(name: string): unknown {
    const relation = relationOf(this.ref, name);
    if (relation) {
      const list = relation.get(this.#scope, undefined);
      return relation.array ? list : list[0];
    }
    const own = this.#made.values[name];
    if (own) return own();
    return ENTITY_ARRAYS.has(name) ? [roleId(this.#scope)] : undefined;
  }

  property(path: string): Property {
    const steps = parsePath(path);
    const [head, ...rest] = steps ?? [];
    if (head === undefined || !('name' in head)) return 'invalid';
    const declared = member(this.ref.type, head.name);
    if (!declared) return 'invalid';
    const value = this.#value(head.name);
    return this.#walk(value, declared.type, declared.array, rest);
  }

  #walk(value: unknown, type: string, repeated: boolean, rest: readonly Step[]): Property {
    const [step, ...further] = rest;
    if (step === undefined) {
      if (value === undefined || value === null)
        return repeated ? fragmentOf(type, true, [], this.#scope.version) : 'unset';
      return fragmentOf(type, repeated, value, this.#scope.version);
    }
    if (!couldName(type, repeated, rest)) return 'invalid';
    if ('key' in step) {
      const found = Array.isArray(value)
        ? value.find((item) => isObject(item) && String(item['key']) === step.key)
        : undefined;
      return found === undefined ? 'unset' : this.#walk(found, type, false, further);
    }
    if (!isObject(value)) return 'unset';
    const dynamic = typeof value['_type'] === 'string' ? value['_type'] : type;
    const found = member(dynamic, step.name);
    return found ? this.#walk(value[step.name], found.type, found.array, further) : 'invalid';
  }

  changed(path: string): number | undefined {
    if (this.#made.version !== undefined) return this.#made.version;
    const name = /^\w+/.exec(path)?.[0] ?? path;
    const relation = relationOf(this.ref, name);
    if (!relation || relation.jobs) return undefined;
    const isFixed = relation.edge === undefined && relation.revision === undefined;
    return isFixed ? 0 : structureVersion(this.#scope);
  }
}
