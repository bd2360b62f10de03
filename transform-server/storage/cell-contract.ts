/** The contract of state that several servers share: a cell's durable state and the right to write it, numbers that none has twice, who is there. */
import type { Storage } from './contract.ts';

/** A server among others: `address` is where the others reach its link. */
export interface ServerRecord {
  readonly server: string;
  readonly address: string;
}

/**
 * What is durable of one cell, held by one server at a time. Reads see writes at once, as in any storage; `flush` resolves when what was
 * written is in the shared store, on as many replicas as are asked for.
 */
export interface CellStorage extends Storage {
  /** The fencing token: greater than that of whoever held the cell before. It grows when a store that had lost the cell is given it again. */
  readonly token: number;
  /** false: the shared store does not answer, so that nothing written now is known to last. */
  readonly available: boolean;
  /** Every change of `available`; gives the end of it. */
  onAvailable(listener: (available: boolean) => void): () => void;
  /** Resolves with why this server has the cell no more. From then on nothing is written and no flush succeeds. */
  readonly lost: Promise<string>;
  /** Writes what is left and gives the cell up: another server may have it at once. */
  release(): Promise<void>;
}

export type Claim =
  | { readonly kind: 'held'; readonly storage: CellStorage }
  /** Another server has it, and is alive as far as anyone knows. */
  | { readonly kind: 'elsewhere'; readonly owner: ServerRecord }
  /** Two servers have shown different truths of it: it stays closed until a person decides. */
  | { readonly kind: 'conflict'; readonly text: string };

/** Texts that all servers go by, by name. */
export interface SharedTexts {
  /** Another one after each change. */
  version(): Promise<number>;
  read(): Promise<{ readonly version: number; readonly texts: ReadonlyMap<string, string> }>;
  /** `text` undefined: none. false: not written, as what was read at `version` is not the newest. Rejects when it is not known to last. */
  write(version: number, name: string, text: string | undefined): Promise<boolean>;
}

export interface SharedState extends AsyncDisposable {
  /** Reads the cell and takes the right to write it. Rejects when the shared store does not answer. */
  claim(cell: string): Promise<Claim>;
  /** A block of numbers, [from, to), that nobody else ever gets. `cell`: which it is for, and which is closed should it ever show that somebody else has them. */
  numbers(size: number, cell?: string): Promise<{ from: number; to: number }>;
  /** Made by whoever asks first, the same for all. */
  secret(name: string, make: () => Uint8Array): Promise<Uint8Array>;
  readonly texts: SharedTexts;
  /** The servers that are alive, this one too. */
  servers(): Promise<readonly ServerRecord[]>;
  readonly available: boolean;
  /** Why it is not available, for people. */
  readonly trouble?: string;
  onAvailable(listener: (available: boolean) => void): () => void;
  /** What of a promise the shared store cannot keep as it is set up, for people: no persistence, no replica. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}
