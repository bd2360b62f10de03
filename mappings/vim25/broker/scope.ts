/** What every service of the broker is handed: the context of the call, the client's version, and caches that may be lost at any time. */
import type { HubId } from '../../generic/ids.ts';
import type { BrokerContext } from '../../generic/platform.ts';
import { poolRevision } from '../pools.ts';
import type { FilterState } from './filter-state.ts';
import { type Fragments, makePathNumbers, type PathNumbers } from './fragments.ts';
import type { Plan } from './plan.ts';
import { makeSelections, type Selections } from './selections.ts';
import { Structure } from './structure.ts';

/** Nothing here is a truth: all of it is rebuilt from the store and the session's locals. */
export interface Caches {
  readonly structure: Structure;
  readonly filters: Map<string, FilterState>;
  /** By session and collector: counters that only have to grow while the program lives. */
  readonly collectors: Map<string, CollectorState>;
  readonly plans: Map<string, Map<readonly string[], Plan>>;
  readonly quickStats: WeakMap<object, string>;
  /** By the rendered member that they are of. */
  readonly fragments: WeakMap<object, Fragments>;
  readonly pathNumbers: PathNumbers;
  readonly selections: Selections;
  /** Moves when a view of any session changes its members by a call. */
  viewRevision: number;
}

export interface CollectorState {
  serial: number;
  /** Waits that a client's own call ends, and not a new filter. */
  cancelled: number;
  /** New filters: waits look again. */
  poked: number;
  waiting: number;
}

export const makeCaches = (host: HubId): Caches => ({
  structure: new Structure(host),
  filters: new Map(),
  collectors: new Map(),
  plans: new Map(),
  quickStats: new WeakMap(),
  fragments: new WeakMap(),
  pathNumbers: makePathNumbers(),
  selections: makeSelections(),
  viewRevision: 0,
});

export interface Scope {
  readonly context: BrokerContext;
  readonly caches: Caches;
  /** As in Call.version. */
  readonly version: string;
  readonly host: HubId;
}

/** When the inventory's shape last changed: by the hosts, or by pools of own data. */
export const structureVersion = ({ caches, context }: Scope): number =>
  caches.structure.version(context.store, poolRevision(context));
