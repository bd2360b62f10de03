/** Values that cross the link: what fits and what does not, by how deep it is nested and by what stands where names are free. */
import { describe, expect, test } from 'vitest';
import { AGENT_ANSWERS, SERVER_CALLS } from '../../runtime/protocol-shapes.ts';

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

describe('an object of a host', () => {
  const listed = (object: object): boolean =>
    SERVER_CALLS.list.safeParse([
      'host-1',
      1,
      [{ kind: 'vm', native: 'one', parts: { xml: '<domain/>' }, facts: { running: true, cpus: 2 }, ...object }],
      false,
    ]).success;
  test('is one with parts and facts of any names', () => expect(listed({})).toBe(true));
  test.each<[string, object]>([
    ['a part that is no text', { parts: { xml: 1 } }],
    ['a fact that is a structure', { facts: { running: {} } }],
    ['a fact that is null', { facts: { running: null } }],
    ['parts that are a list', { parts: ['<domain/>'] }],
    ['facts that are bytes', { facts: new Uint8Array(3) }],
    ['no facts', { facts: undefined }],
    ['facts that are null', { facts: null }],
  ])('is none with %s', (_what, wrong) => expect(listed(wrong)).toBe(false));
});
