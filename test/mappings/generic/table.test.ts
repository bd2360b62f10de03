/** Look-up tables find their rows and nothing else, whatever a client's key. */
import { expect, test } from 'vitest';
import { table } from '../../../mappings/generic/table.ts';
import { GUESTS } from '../../../mappings/vim25/guest-os.ts';

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', ''])('%s is no row', (key) => {
  expect(table({ a: 1 })[key]).toBeUndefined();
  expect(GUESTS[key]).toBeUndefined();
});

test('rows are found', () => {
  expect(table({ a: 1 })['a']).toBe(1);
  expect(Object.keys(GUESTS).length).toBeGreaterThan(10);
});
