/** Values that cross the link: nested as deep as a client's request may be they fit, deeper they do not, whatever they are nested in. */
import { describe, expect, test } from 'vitest';
import { AGENT_ANSWERS } from '../../runtime/protocol-shapes.ts';

const nested = (deep: number, wrap: (inner: unknown) => unknown): unknown => {
  let value: unknown = 1;
  for (let n = 0; n < deep; n++) value = wrap(value);
  return value;
};
const fits = (value: unknown): boolean => AGENT_ANSWERS.ask.safeParse({ ok: true, value }).success;

describe.each<[string, (inner: unknown) => unknown]>([
  ['arrays', (inner) => [0, inner]],
  ['structures', (inner) => ({ first: 0, inner })],
  ['both', (inner) => [{ inner }]],
])('an answer of nested %s', (_what, wrap) => {
  test('of 100 levels is one', () => expect(fits(nested(100, wrap))).toBe(true));
  test('of 1000 levels is none', () => expect(fits(nested(1000, wrap))).toBe(false));
});
