/** The store's contract: hosts' objects come in as native documents, fronts' views of them go out; renderers fill in what is derived. */
import type { HubId, NativeRef } from '../../mappings/generic/ids.ts';
import type { DocumentKind } from '../../mappings/generic/model.ts';
import type { NativeObject, Scan } from '../../mappings/generic/native.ts';
import type { Joins } from '../../mappings/generic/platform.ts';
import type { Entry, StoreView } from '../../mappings/generic/store-view.ts';
import type { DerivedCounts } from './derived.ts';
import type { PackedText } from './packed-text.ts';

/** One member of a rendered bundle as `RenderSide.split` and `RenderSide.index` give it; the pipeline's are packed (packed-member.ts). */
export interface MemberText {
  readonly type: string;
  readonly id: string;
  readonly text: string;
  readonly paths: readonly string[];
  readonly spans: ArrayLike<number>;
  readonly types: readonly string[];
}

/** What is missing of an object before a front can read it. `source` names the state it is to be made from. */
export interface Pending {
  readonly id: HubId;
  readonly kind: DocumentKind;
  readonly host: HubId;
  /** Pass back to putGeneric and putRendered: they refuse what was made from an older state. */
  readonly source: number;
  readonly generic: boolean;
  readonly rendered: boolean;
  /** Joined objects whose generic document must be brought up before `joins(id)` is asked. */
  readonly joined: readonly HubId[];
}

/** The one counter behind store, jobs and clients' tokens. Durable: it never gives a number twice, across restarts too. */
export interface Versions {
  readonly epoch: string;
  readonly current: number;
  /** The newest number of this host and of what belongs to no host. */
  of(host: HubId): number;
  /** The next number, of this host alone when it is named; wakes listeners once per turn of the event loop. */
  next(host?: HubId): number;
  /** Wakes listeners without a new number (progress of something unversioned). */
  wake(): void;
  /** Returns the function that ends it. */
  onChange(listener: (version: number) => void): () => void;
}

export interface PutCounts {
  readonly added: readonly HubId[];
  readonly changed: readonly HubId[];
  readonly unchanged: number;
}

export interface Store {
  readonly versions: Versions;
  /** What a broker of that front reads; with its host, versions move with that host only. The same object for the same front. */
  view(front: string, host?: HubId): StoreView;
  /** Declares a front and the kinds its documents join (`RenderSide.joins`). */
  addFront(front: string, joins: Partial<Record<DocumentKind, readonly DocumentKind[]>>): void;

  // ---- for sync ----
  /** Takes documents of a host; unchanged ones move nothing. `scan` is asked only for new or changed ones; undefined: it cannot be read, and what is known of it is stale. */
  put(host: HubId, objects: readonly NativeObject[], scan: (object: NativeObject) => Scan | undefined): PutCounts;
  gone(ids: readonly HubId[]): void;
  /** Between the two, relations are gathered without versions of their own; `end` compares them with what was known before. */
  beginListing(host: HubId): void;
  /** Objects of the host that were not put since `beginListing` are gone; returns them as they were. Ids of the unreadable ones stay. */
  endListing(host: HubId, unreadable?: readonly NativeRef[]): readonly Entry[];
  listed(host: HubId): boolean;
  setSlots(id: HubId, slots: Readonly<Record<string, unknown>>): void;
  /** What was measured of it between the two moments, under the names of `History`. */
  record(id: HubId, fromMs: number, toMs: number, measured: Readonly<Record<string, number>>): void;
  setStale(ids: readonly HubId[], stale: boolean): void;

  // ---- for the renderer and the jobs ----
  entry(id: HubId): Entry | undefined;
  /** From the scan, without rendering. */
  isTemplate(id: HubId): boolean;
  native(id: HubId): NativeObject | undefined;
  /** undefined: nothing is missing (or the object is gone). Without a front: only the generic document. */
  pending(id: HubId, front?: string): Pending | undefined;
  /** Somebody read it as rendered for the front, and it has changed since. */
  isOld(id: HubId, front: string): boolean;
  /** The sheet's output, as text of `formatDocument`; parsed when read. false: made from an older state, dropped. */
  putGeneric(id: HubId, source: number, text: PackedText | string): boolean;
  /** The rendered bundle; its members' path versions are found by comparing with the bundle before. false: older state, dropped. */
  putRendered(front: string, id: HubId, source: number, members: readonly MemberText[]): boolean;
  joins(id: HubId): Joins;
  /** Changed objects on whose generic document rendered documents depend: bring them up so that joiners learn of it. Clears the set. */
  takeJoined(): readonly HubId[];
  /** Sheets were swapped, or a host is away or back: what was derived, of that host, is made anew when it is read, and only what comes out different has changed. */
  renewDerived(host?: HubId): void;
  /** Writes what is still to be written of the last listing; the storage is about to close. */
  finish(): void;
  readonly counts: DerivedCounts & { readonly entries: number };
}
