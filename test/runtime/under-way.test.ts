/** What is under way: as a Map has it, and gone with its end. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UnderWay } from '../../runtime/under-way.ts';

test('it holds what a Map would hold, whatever the ids are', () => {
  const id = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', '', '1', '01'), fc.string());
  const step = fc.record({ id, value: fc.option(fc.nat(), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const wanted = new Map<string, number>();
      const underWay = new UnderWay<number>();
      for (const { id, value } of steps) {
        expect(underWay.has(id)).toBe(wanted.has(id));
        if (value === undefined) expect(underWay.delete(id)).toBe(wanted.delete(id));
        else {
          underWay.set(id, value);
          wanted.set(id, value);
        }
        expect(underWay.get(id)).toBe(wanted.get(id));
        expect(underWay.size).toBe(wanted.size);
      }
      expect(underWay.values().sort()).toEqual([...wanted.values()].sort());
    }),
  );
});
