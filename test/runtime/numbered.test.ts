/** Numbers for what is under way: each is given once, and stands for its value until that ends. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Numbered } from '../../runtime/numbered.ts';

test('any number of things come and go, and none is taken for another', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat()), { maxLength: 300 }), (steps) => {
      const numbered = new Numbered<string>();
      const live = new Map<number, string>();
      const ever = new Set<number>();
      for (const step of steps) {
        if (step === null) {
          const value = `v${ever.size}`;
          const number = numbered.add(value);
          expect(ever.has(number)).toBe(false);
          ever.add(number);
          live.set(number, value);
        } else {
          const number = [...ever][step % Math.max(1, ever.size)] ?? step;
          numbered.delete(number);
          live.delete(number);
        }
        expect(numbered.size).toBe(live.size);
        for (const number of ever) expect(numbered.get(number)).toBe(live.get(number));
      }
      expect(numbered.values().sort()).toEqual([...live.values()].sort());
    }),
  );
});

test('what is no number of ours stands for nothing', () => {
  const numbered = new Numbered<string>();
  numbered.add('one');
  for (const odd of [0, -1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
    numbered.delete(odd);
    expect(numbered.get(odd)).toBeUndefined();
  }
  expect(numbered.size).toBe(1);
});
