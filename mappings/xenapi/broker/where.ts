/** Expressions of get_all_where (`field "name__label" = "x" and not (field "is_a_template" = "true")`) in; whether an object fits out. */
import { recordFields, type Type } from '../types.ts';
import { fieldText, type Item } from './item.ts';
import { jsonOfField } from './transcode.ts';

/** A field's value in the form in which the API's database compares it. */
const databaseText = (type: Type, value: unknown): string => {
  if (Array.isArray(value)) {
    const of = type.kind === 'set' ? type.of : type;
    return `(${value.map((one) => `'${databaseText(of, one)}'`).join(' ')})`;
  }
  if (typeof value === 'object' && value !== null)
    return `(${Object.entries(value)
      .map(([key, one]) => `('${key}' '${String(one)}')`)
      .join(' ')})`;
  return String(value);
};

type Operand = (item: Item) => string;
export type Condition = (item: Item) => boolean;

export class BadExpression extends Error {}

const TOKEN = /\s*(?:([A-Za-z_]+)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(=|\(|\)))/y;
const LONGEST = 64 * 1024;
const DEEPEST = 100;

interface Token {
  readonly kind: 'word' | 'text' | 'sign';
  readonly text: string;
}

const tokensOf = (text: string): Token[] => {
  if (text.length > LONGEST) throw new BadExpression('too long');
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  const end = text.trimEnd().length;
  while (at < end) {
    const found = TOKEN.exec(text);
    if (found === null) throw new BadExpression(`unexpected text at ${at}`);
    at = TOKEN.lastIndex;
    const [, word, double, single, sign] = found;
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
    else tokens.push({ kind: 'text', text: (double ?? single ?? '').replace(/\\(.)/g, '$1') });
  }
  return tokens;
};

/** In the database the parts of a nested name are joined by two underscores: `name__label`. */
const wireName = (name: string): string => name.replace(/__/g, '_');

export const parseExpression = (cls: string, text: string): Condition => {
  const tokens = tokensOf(text);
  const types = new Map(recordFields(cls).map(({ name, type }) => [name, type]));
  let at = 0;
  let depth = 0;
  const isNext = (kind: Token['kind'], word: string): boolean =>
    tokens[at]?.kind === kind && tokens[at]?.text.toLowerCase() === word;

  const field = (): Operand => {
    const token = tokens[at++];
    if (token?.kind !== 'text') throw new BadExpression('a field has a name');
    if (token.text === '_ref' || token.text === 'ref') return (item) => item.ref;
    const name = wireName(token.text);
    const type = types.get(name);
    if (type === undefined) throw new BadExpression(`there is no field ${name}`);
    return (item) => databaseText(type, JSON.parse(jsonOfField(type, fieldText(item, name))));
  };

  const operand = (): Operand => {
    if (isNext('word', 'field')) {
      at++;
      return field();
    }
    const token = tokens[at++];
    if (token?.kind !== 'text') throw new BadExpression('a field or a text is compared');
    return () => token.text;
  };

  const primary = (): Condition => {
    if (++depth > DEEPEST) throw new BadExpression('too deep');
    try {
      if (isNext('word', 'true')) {
        at++;
        return () => true;
      }
      if (isNext('word', 'false')) {
        at++;
        return () => false;
      }
      if (isNext('word', 'not')) {
        at++;
        const inner = primary();
        return (item) => !inner(item);
      }
      if (isNext('sign', '(')) {
        at++;
        const inner = either();
        if (!isNext('sign', ')')) throw new BadExpression('a parenthesis is not closed');
        at++;
        return inner;
      }
      const left = operand();
      if (!isNext('sign', '=')) throw new BadExpression('= is expected');
      at++;
      const right = operand();
      return (item) => left(item) === right(item);
    } finally {
      depth--;
    }
  };

  const both = (): Condition => {
    let left = primary();
    while (isNext('word', 'and')) {
      at++;
      const [one, other] = [left, primary()];
      left = (item) => one(item) && other(item);
    }
    return left;
  };

  const either = (): Condition => {
    let left = both();
    while (isNext('word', 'or')) {
      at++;
      const [one, other] = [left, both()];
      left = (item) => one(item) || other(item);
    }
    return left;
  };

  const condition = either();
  if (at < tokens.length) throw new BadExpression('there is more than one expression');
  return condition;
};
