/** Expressions of get_all_where: the grammar of the API's own server, and an error for anything else. */
import { describe, expect, test } from 'vitest';
import { type Item, PlainText } from '../../../mappings/xenapi/broker/item.ts';
import { BadExpression, parseExpression } from '../../../mappings/xenapi/broker/where.ts';
import type { Default } from '../../../mappings/xenapi/types.ts';

const vm = (fields: Readonly<Record<string, Default>>): Item => ({
  cls: 'VM',
  ref: 'OpaqueRef:1',
  owner: undefined,
  member: undefined,
  plain: new PlainText('VM', fields),
  own: undefined,
  patches: undefined,
  json: undefined,
  uuid: '',
  name: '',
  created: 0,
  version: 0,
});

const item = vm({
  name_label: 'web "1"',
  is_a_template: false,
  power_state: 'Running',
  memory_static_max: 4294967296,
  tags: ['a', 'b'],
  other_config: { k: 'v' },
});
const fits = (expression: string): boolean => parseExpression('VM', expression)(item);

describe('expressions', () => {
  test.each([
    ['true', true],
    ['false', false],
    ['not false', true],
    ['field "name__label" = "web \\"1\\""', true],
    ['field "name_label"=\'web "1"\'', true],
    ['field "is_a_template" = "false"', true],
    ['(field "is_a_template" = "true")', false],
    ['field "memory__static_max" = "4294967296"', true],
    ['field "power_state" = "Halted" or field "power_state" = "Running" and not false', true],
    ['(field "power_state" = "Running" or true) and false', false],
    ['not (field "power_state" = "Running")', false],
    ['"x" = "x"', true],
    ['field "tags" = "(\'a\' \'b\')"', true],
    ['field "other_config" = "((\'k\' \'v\'))"', true],
    ['field "_ref" = "OpaqueRef:1"', true],
  ])('%s', (expression, expected) => {
    expect(fits(expression)).toBe(expected);
  });

  test.each([
    '',
    'field',
    'field "no_such" = "1"',
    'field "uuid"',
    '"a" =',
    'true true',
    '(true',
    'true)',
    '% = 1',
    'field "toString" = "1"',
    '('.repeat(500),
    'not '.repeat(500),
    `"${'x'.repeat(70_000)}" = "x"`,
  ])('is refused: %.40s', (expression) => {
    expect(() => parseExpression('VM', expression)).toThrow(BadExpression);
  });
});
