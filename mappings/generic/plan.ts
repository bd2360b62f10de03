/** A plan: the steps of one central command, each with a probe and, where it can be taken back, an undo. */
import type { HubId, NativeRef } from './ids.ts';
import type { NativeCall } from './native.ts';

export type StepKind = 'compensatable' | 'pivot' | 'forward-only';

/** A question to the host whether a step took effect. Known to the driver of the platform by `probe`. */
export interface Probe {
  readonly probe: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface Step {
  readonly name: string;
  readonly kind: StepKind;
  readonly call: NativeCall;
  readonly probe: Probe;
  readonly undo?: NativeCall;
  /** The step ends when the probe says done, not when the call returns (guest shutdown, detach). */
  readonly awaits?: { readonly limitMs: number };
}

/** An object by the host's own name for it, or by where a step's result tells it: hosts that give names themselves. */
export interface PlannedRef {
  readonly kind: NativeRef['kind'];
  readonly native: string | { readonly $from: string };
}

export interface Plan {
  readonly host: HubId;
  /** The write queue it passes: the VM (or host) it changes, as the host names it. */
  readonly queue: string;
  readonly steps: readonly Step[];
  /** The host's objects to re-read before the job becomes success. One whose step has no result is left out. */
  readonly touches: readonly PlannedRef[];
  /** Native name of an object made by it, resolved to a hub id for the job's result. */
  readonly makes?: PlannedRef;
}

/** gone: what was under way has ended without effect, and none will come. */
export type ProbeAnswer = 'done' | 'not-done' | 'running' | 'gone';

/** What a front has left to do when its command has an outcome, as data: kept with the plan, so that a restart does it too, at worst twice. */
export interface FollowUp {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}
