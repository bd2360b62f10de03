/** What the fuzzer needs of a front: bent requests out, answers in, verdicts out; each front of the product has one. */
import type { Transvisor } from '../peers/transvisor.ts';
import type { Dice } from './dice.ts';

export interface Attempt {
  readonly body: Buffer;
  readonly mutation: string;
  /** How far the front's own decoder lets it get. */
  readonly reach: string;
  /** The method, for people. */
  readonly label: string;
  /** It may wait as long as it likes. */
  readonly waits: boolean;
  /** How its kind of body is kept as a finding. */
  readonly ending: 'xml' | 'json';
  readonly path: string;
}

export interface Verdict {
  /** Of the API: undefined for a reply. */
  readonly fault?: string | undefined;
  /** The answer is not what the API would say. */
  readonly problem?: string | undefined;
  /** The answer says that the program itself failed. */
  readonly internal?: string | undefined;
  /** The request ended the session it came with. */
  readonly sessionLost: boolean;
}

export type Sent =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly ms: number }
  /** The client hung up after its own limit. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'broken'; readonly why: string };

export interface FuzzWorker {
  next(): Attempt;
  send(attempt: Attempt, limitMs: number): Promise<Sent>;
  judge(attempt: Attempt, status: number, body: string): Verdict;
  logIn(): Promise<void>;
  close(): void;
}

export interface FuzzTarget {
  /** Share of all requests that must reach a call of the driver. */
  readonly driverShare: number;
  /** Share of the run after which what the program keeps within bounds has reached them. */
  readonly warmShare: number;
  worker(dice: Dice): FuzzWorker;
  /** Keeps what lives on the host at a size that neither dies out nor grows. Nothing else is sent meanwhile. */
  tend(): Promise<void>;
  /** Objects that live on the host. */
  size(): number;
  close(): void;
}

export type FuzzFront = (product: Transvisor) => Promise<FuzzTarget>;
