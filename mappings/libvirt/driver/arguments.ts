/** A plan's arguments, as they come over the link, to what the codec of a procedure takes: whole references, 64-bit numbers as bigint. */
import { type ProcedureRow, QEMU_PROCEDURES, REMOTE_PROCEDURES } from '../procedures.ts';

const ROWS: Readonly<Record<string, ProcedureRow>> = { ...REMOTE_PROCEDURES, ...QEMU_PROCEDURES };

/** The daemon finds domains, networks and pools by uuid alone, volumes by pool and name: the rest may be left out. */
export const domain = (uuid: string) => ({ name: '', uuid, id: -1 });
export const pool = (uuid: string) => ({ name: '', uuid });
export const network = (uuid: string) => ({ name: '', uuid });
export const snapshot = (uuid: string, name: string) => ({ name, dom: domain(uuid) });

type Plain = Readonly<Record<string, unknown>>;
const given = (value: unknown): Plain => (typeof value === 'object' && value !== null ? (value as Plain) : {});

const completed = (word: string, value: unknown): unknown => {
  const fields = given(value);
  switch (word) {
    case 'u64':
    case 'i64':
      return typeof value === 'bigint' ? value : BigInt(value as number | string);
    case 'dom':
      return { name: '', id: -1, ...fields };
    case 'pool':
    case 'net':
      return { name: '', ...fields };
    case 'vol':
      return { key: '', ...fields };
    case 'snap':
      return { ...fields, dom: completed('dom', fields['dom']) };
    default:
      return value;
  }
};

/** Throws on a procedure that is not in the table: that is our bug. */
export const completeArguments = (procedure: string, args: Plain): Record<string, unknown> => {
  const row = ROWS[procedure];
  if (!row) throw new Error(`no procedure ${procedure}`);
  const out: Record<string, unknown> = { ...args };
  for (const field of row[1] === '' ? [] : row[1].split(' ')) {
    const [type, name] = field === 'fl' ? ['u32', 'flags'] : (field.split(':') as [string, string?]);
    const word = type.replace(/[?[].*$/, '');
    const key = name ?? word;
    const value = out[key];
    if (value === undefined || value === null) continue;
    out[key] = type.includes('[') ? (value as unknown[]).map((one) => completed(word, one)) : completed(word, value);
  }
  return out;
};
