/** What a broker may read of the server's store: objects, relations, rendered documents, jobs, events, own data. Read-only but for `own`. */
import type { Session } from './call.ts';
import type { HubId, Kind } from './ids.ts';
import type { HubEvent, Job } from './jobs.ts';
import type { DocumentKind, Documents } from './model.ts';
import type { History } from './statistics.ts';

/** One object of the store. `version` moves when its own documents or edges change. */
export interface Entry {
  readonly id: HubId;
  readonly kind: DocumentKind;
  readonly host: HubId;
  readonly native: string;
  /** From the scan, without rendering. For a VM the display name. */
  readonly name: string;
  readonly uuid: string;
  /** Small facts of the bulk calls (`state`, `autostart`), as the driver spells them. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly version: number;
  /** Set while the host is away or a barrier timed out. */
  readonly stale: boolean;
}

/**
 * A document rendered for one front: one member of the bundle that a from-generic sheet emits for a hub object. `text` is the inner
 * XML of the member's root element; first- and second-level paths are indexed. The same object for as long as its text is the same.
 */
export interface RenderedMember {
  /** Native type and id in the front's words (`VirtualMachine`, `17`). */
  readonly type: string;
  readonly id: string;
  /** Put together when it is asked for: for a slice of it ask `between`. */
  readonly text: string;
  readonly index: PathIndex;
  /** The text between two places, which are positions in `index.spans`. */
  between(from: number, to: number): string;
  /** Store version at which this member was first seen. */
  readonly created: number;
}

/** Where the paths of a rendered document lie. Ordinals are positions in `paths`, which is shared by all documents of one shape. */
export interface PathIndex {
  /** `name`, `config`, `config.hardware`; repeated elements of one name are one path from the first start to the last end. */
  readonly paths: readonly string[];
  readonly ordinals: ReadonlyMap<string, number>;
  /** Four numbers a path: outer start, outer end, inner start, inner end (of the first element when repeated). */
  readonly spans: ArrayLike<number>;
  /** Dynamic type from xsi:type by ordinal, '' when none is written. */
  readonly types: readonly string[];
  /** Store version at which the text of the path last changed. */
  readonly changed: Float64Array;
}

/** Relations by the kind at their far end; both directions are kept. */
export interface StoreView {
  /** Moves with every change; `epoch` changes only when versions start anew. */
  readonly version: number;
  readonly epoch: string;
  entry(id: HubId): Entry | undefined;
  find(host: HubId, kind: DocumentKind, native: string): Entry | undefined;
  list(kind: DocumentKind, host?: HubId): readonly Entry[];
  /** Ids related to `id`: `edges(vm, 'storage')`, `edges(storage, 'vm')`. */
  edges(id: HubId, to: DocumentKind): readonly HubId[];
  /** Version at which that relation last changed. */
  edgesVersion(id: HubId, to: DocumentKind): number;
  /** Rendered members at the current version; undefined: yield a `render` effect first. */
  rendered(id: HubId): readonly RenderedMember[] | undefined;
  /** The generic document at the current version; undefined: yield a `render` effect first. */
  generic<K extends DocumentKind>(kind: K, id: HubId): Documents[K] | undefined;
  /** Objects changed after `version`, gone ones included; undefined: too old, tombstones were dropped. */
  changedSince(
    version: number,
  ): readonly { readonly id: HubId; readonly version: number; readonly gone: boolean }[] | undefined;
  /**
   * Members of this front's bundles that vanished after `version`, of objects that are gone as well; undefined: too old, tombstones were
   * dropped. Only members that were rendered once are known.
   */
  membersGone(
    version: number,
  ):
    | readonly { readonly owner: HubId; readonly type: string; readonly id: string; readonly version: number }[]
    | undefined;
  /** Ids of sub-objects (disks, nics, snapshots) by owner and match. */
  owned(owner: HubId, kind: 'disk' | 'nic' | 'snapshot', match: string): HubId | undefined;
  /** The owner of a sub-object and its match. */
  owner(id: HubId): { readonly owner: HubId; readonly match: string } | undefined;
  /** Volatile facts: statistics, kept outside versions. */
  slots(id: HubId): Readonly<Record<string, unknown>>;
  /** What was measured of it in the past; undefined: nothing was. */
  history(id: HubId): History | undefined;
}

export interface JobsView {
  get(id: HubId): Job | undefined;
  /** Newest last. `sinceMs`: those that have not finished, or did then or later; infinity: only those that have not. */
  list(filter?: { target?: HubId; host?: HubId; sinceMs?: number }): readonly Job[];
  /** Asks it to stop; false when it has ended, is unknown or cannot be stopped any more. */
  cancel(id: HubId): boolean;
  /** Ids of jobs made or changed after the store version. */
  changedSince(version: number): readonly HubId[];
}

export interface EventsView {
  readonly latest: number;
  /** Events with key > after, oldest first, at most limit. */
  since(after: number, limit: number): readonly HubEvent[];
  /** The newest `limit` events that match, oldest first. */
  newest(limit: number, match?: (event: HubEvent) => boolean): readonly HubEvent[];
  post(event: Omit<HubEvent, 'key' | 'chain' | 'atMs'> & { chain?: number }): HubEvent;
}

/** Durable key-value data that no host holds; values are JSON. Namespaces belong to one front or one purpose. */
export interface OwnView {
  get(namespace: string, key: string): unknown;
  put(namespace: string, key: string, value: unknown): void;
  delete(namespace: string, key: string): void;
  /** Keys with the prefix, in order. */
  list(namespace: string, prefix?: string): readonly { readonly key: string; readonly value: unknown }[];
}

export interface SessionsView {
  list(front: string): readonly Session[];
  /** Ends it and cancels its waits. */
  terminate(id: string): boolean;
}

export type { Kind };
