// The IDL of procedures.ts compiled at load time: fields of a row in, reader and writer closures out, with the types inferred.
import type { Codec, Read, Write, XdrReader, XdrWriter } from '../wire/xdr.ts';
import {
  type EventName,
  type ProcedureName,
  type ProcedureRow,
  QEMU_EVENTS,
  QEMU_PROCEDURES,
  REMOTE_EVENTS,
  REMOTE_PROCEDURES,
  type RowOf,
} from './procedures.ts';
import { CODECS, type FieldTypes, type FieldWord, LIST_MAX } from './types.ts';

// ---- types ----

type Word<W extends string> = W extends FieldWord ? FieldTypes[W] : never;
type Typed<T extends string> = T extends `${infer W}?`
  ? Word<W> | null
  : T extends `${infer W}[${string}]`
    ? Word<W>[]
    : Word<T>;
type Bare<T extends string> = T extends `${infer W}?` ? W : T extends `${infer W}[${string}]` ? W : T;
type Out<F extends string> = F extends 'fl'
  ? { flags: number }
  : F extends `${infer T}:${infer N}`
    ? { [K in N]: Typed<T> }
    : { [K in Bare<F>]: Typed<F> };
/** Callers may leave out `flags` (0) and whatever is XDR optional (null); lists may be read-only. */
type Given<T> = T extends readonly (infer I)[] ? readonly I[] : T;
type In<F extends string> = F extends 'fl'
  ? { flags?: number }
  : F extends `${infer T}?:${infer N}`
    ? { [K in N]?: Word<T> | null }
    : F extends `${infer W}?`
      ? { [K in W]?: Word<W> | null }
      : F extends `${infer T}:${infer N}`
        ? { [K in N]: Given<Typed<T>> }
        : { [K in Bare<F>]: Given<Typed<F>> };
type Outs<S extends string> = S extends '' ? unknown : S extends `${infer H} ${infer R}` ? Out<H> & Outs<R> : Out<S>;
type Ins<S extends string> = S extends '' ? unknown : S extends `${infer H} ${infer R}` ? In<H> & Ins<R> : In<S>;
type Flat<T> = unknown extends T ? Record<never, never> : { [K in keyof T]: T[K] };

/** Arguments as callers give them. */
export type ArgsOf<P extends ProcedureName> = Flat<Ins<RowOf<P>[1]>>;
/** Results as they come back; a procedure that returns nothing gives `{}`. */
export type RetOf<P extends ProcedureName> = Flat<Outs<RowOf<P>[2]>>;

// ---- compiled rows ----

export type Fields = Record<string, unknown>;
export type Procedure = {
  readonly name: ProcedureName;
  readonly program: number;
  readonly number: number;
  readonly args: Codec<Fields>;
  readonly ret: Codec<Fields>;
  readonly high: boolean;
  readonly reads: boolean;
  readonly writes: boolean;
};
export type Event = {
  readonly name: EventName;
  readonly program: number;
  readonly number: number;
  readonly payload: Codec<Fields>;
};

export const PROGRAM_REMOTE = 0x2000_8086;
const PROGRAM_QEMU = 0x2000_8087;

type Field = { readonly name: string; readonly read: Read<unknown>; readonly write: Write<unknown> };

const FIELD = /^(?<word>[a-z][a-z0-9]*)(?<many>\?|\[(?<max>\d*)\])?(?::(?<name>\w+))?$/;

const compileField = (text: string): Field => {
  const parts = FIELD.exec(text === 'fl' ? 'u32:flags' : text)?.groups;
  const word = parts?.['word'] ?? '';
  if (!parts || !Object.hasOwn(CODECS, word)) throw new Error(`no field type in "${text}"`);
  const name = parts['name'] ?? word;
  const codec = CODECS[word as FieldWord] as Codec<unknown>;
  const { read, write } = codec;
  if (parts['many'] === '?') {
    return { name, read: (r) => r.optional(read), write: (w, v) => w.optional(v, write) };
  }
  if (parts['many']) {
    const max = parts['max'] ? Number(parts['max']) : LIST_MAX;
    return { name, read: (r) => r.array(max, read), write: (w, v) => w.array(v as unknown[], max, write) };
  }
  if (text === 'fl') return { name, read, write: (w, v) => write(w, v ?? 0) };
  return { name, read, write };
};

/** One struct; short ones are unrolled because most calls are short. */
const compileFields = (text: string): Codec<Fields> => {
  const fields = text === '' ? [] : text.split(' ').map(compileField);
  const [first, second] = fields;
  const write = (w: XdrWriter, value: Fields): void => {
    for (const field of fields) field.write(w, value[field.name]);
  };
  if (!first) return { read: () => ({}), write };
  if (!second) return { read: (r: XdrReader) => ({ [first.name]: first.read(r) }), write };
  const read = (r: XdrReader): Fields => {
    const value: Fields = {};
    for (const field of fields) value[field.name] = field.read(r);
    return value;
  };
  return { read, write };
};

const compileProcedures = (program: number, rows: Readonly<Record<string, ProcedureRow>>): Procedure[] =>
  Object.entries(rows).map(([name, [number, args, ret, ...tags]]) => ({
    name: name as ProcedureName,
    program,
    number,
    args: compileFields(args),
    ret: compileFields(ret),
    high: tags.includes('high'),
    reads: tags.includes('read'),
    writes: tags.includes('write'),
  }));

const compileEvents = (program: number, rows: Readonly<Record<string, readonly [number, string]>>): Event[] =>
  Object.entries(rows).map(([name, [number, payload]]) => ({
    name: name as EventName,
    program,
    number,
    payload: compileFields(payload),
  }));

const keyOf = (program: number, number: number): number => (program === PROGRAM_QEMU ? 1e6 : 0) + number;

const byName = <T extends { name: string }>(items: readonly T[]): ReadonlyMap<string, T> =>
  new Map(items.map((item) => [item.name, item]));
const byNumber = <T extends { name: string; program: number; number: number }>(
  items: readonly T[],
): ReadonlyMap<number, T> => {
  const map = new Map<number, T>();
  for (const item of items) {
    const key = keyOf(item.program, item.number);
    if (map.has(key)) throw new Error(`${item.name} has the number of ${map.get(key)?.name}`);
    map.set(key, item);
  }
  return map;
};

export const PROCEDURES: readonly Procedure[] = [
  ...compileProcedures(PROGRAM_REMOTE, REMOTE_PROCEDURES),
  ...compileProcedures(PROGRAM_QEMU, QEMU_PROCEDURES),
];
const EVENTS: readonly Event[] = [
  ...compileEvents(PROGRAM_REMOTE, REMOTE_EVENTS),
  ...compileEvents(PROGRAM_QEMU, QEMU_EVENTS),
];
const procedures = byName(PROCEDURES);
const proceduresByNumber = byNumber(PROCEDURES);
const eventsByNumber = byNumber(EVENTS);

export const procedureNamed = (name: string): Procedure | undefined => procedures.get(name);
const ours = (program: number): boolean => program === PROGRAM_REMOTE || program === PROGRAM_QEMU;
export const procedureNumbered = (program: number, number: number): Procedure | undefined =>
  ours(program) ? proceduresByNumber.get(keyOf(program, number)) : undefined;
export const eventNumbered = (program: number, number: number): Event | undefined =>
  ours(program) ? eventsByNumber.get(keyOf(program, number)) : undefined;
