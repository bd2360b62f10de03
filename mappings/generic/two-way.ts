/** A table written once and read both ways; duplicates are our bug and throw at load. */

export interface TwoWay<A extends string | number, B extends string | number> {
  toGeneric(native: A): B | undefined;
  fromGeneric(generic: B): A | undefined;
  readonly pairs: readonly (readonly [A, B])[];
}

/** `inOnly` maps further native values to generic ones that have another way back; `outOnly` the reverse. */
export const twoWay = <A extends string | number, B extends string | number>(
  pairs: readonly (readonly [A, B])[],
  extra: { inOnly?: readonly (readonly [A, B])[]; outOnly?: readonly (readonly [A, B])[] } = {},
): TwoWay<A, B> => {
  const into = new Map<A, B>();
  const out = new Map<B, A>();
  for (const [a, b] of [...pairs, ...(extra.inOnly ?? [])]) {
    if (into.has(a)) throw new Error(`two rows for native ${a}`);
    into.set(a, b);
  }
  for (const [a, b] of [...pairs, ...(extra.outOnly ?? [])]) {
    if (out.has(b)) throw new Error(`two rows for generic ${b}`);
    out.set(b, a);
  }
  return { toGeneric: (a) => into.get(a), fromGeneric: (b) => out.get(b), pairs };
};
