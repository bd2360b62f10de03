/** Ids of objects in, their generic and rendered documents in the store out: lazily, at most once per version. */
import { type HubId, kindOf } from '../../mappings/generic/ids.ts';
import type { DocumentKind, Documents } from '../../mappings/generic/model.ts';
import type { NativeObject } from '../../mappings/generic/native.ts';
import type { FrontInstance, Platform } from '../../mappings/generic/platform.ts';
import type { Log } from '../../runtime/log.ts';
import { UnderWay } from '../../runtime/under-way.ts';
import type { Pending, Store } from '../store/store.ts';
import { SheetError } from './engine.ts';
import type { Transformer, Urgency } from './transformer.ts';
import { type Change, joinsTable, type Work } from './work.ts';

export interface RenderFailure {
  readonly id: HubId;
  /** '' for the generic document. */
  readonly front: string;
  readonly source: number;
  readonly text: string;
}

export type Other =
  | { readonly native: NativeObject }
  | { readonly front: FrontInstance; readonly generic: Documents[DocumentKind] };

export interface Renderer {
  /** Brings generic documents to the objects' current versions. Objects that vanish are skipped. */
  generic(ids: readonly HubId[], urgency?: Urgency): Promise<void>;
  /** Brings the bundles of a front to the objects' current versions, joined documents first. */
  rendered(front: FrontInstance, ids: readonly HubId[], urgency?: Urgency): Promise<void>;
  /** A native document changed by a generic one. Throws SheetError. */
  fromGeneric(platform: string, change: Change): Promise<string>;
  /**
   * What a sheet makes of another document in the object's place, as it comes out of the sheet: of a native one, or of a generic one for a
   * front. Nothing of it is kept, and whoever waits goes first. undefined: there is no such sheet, or it refuses the document.
   */
  tried(id: HubId, other: Other): Promise<string | undefined>;
  /** Sheets were swapped: derived documents are made anew. */
  reload(): void;
  /** Objects whose sheets fail at their present version. */
  readonly failures: readonly RenderFailure[];
  readonly counts: { readonly transforms: number; readonly failed: number };
}

export interface RendererOptions {
  readonly store: Store;
  /** Of a host, by its id. */
  readonly platformOf: (host: HubId) => Platform | undefined;
  /** Of a front, by the platform's name. */
  readonly platform: (name: string) => Platform | undefined;
  readonly transformer: Transformer;
  readonly log: Log;
}

/** An object that changes faster than it can be rendered is left for the next request after so many tries. */
const TRIES = 8;
const FAILURES_KEPT = 1000;

export const createRenderer = ({ store, platformOf, platform, transformer, log }: RendererOptions): Renderer => {
  /** One promise per document being made; a second request joins the first. */
  const making = new UnderWay<Promise<void>>();
  const failures = new Map<string, RenderFailure>();
  /** Of the sheets: what older ones made is not kept. */
  let generation = 0;
  let transforms = 0;
  let failed = 0;

  const fail = (key: string, failure: RenderFailure): void => {
    failed += 1;
    failures.delete(key);
    failures.set(key, failure);
    const oldest = failures.keys().next().value;
    if (failures.size > FAILURES_KEPT && oldest !== undefined) failures.delete(oldest);
    log.error({ vm: failure.id, front: failure.front, error: failure.text }, 'sheet failed');
  };

  /** What failed at this very state is not tried again: the sheet has no other answer. */
  const isBroken = (key: string, source: number): boolean => failures.get(key)?.source === source;

  const once = (key: string, make: () => Promise<void>): Promise<void> => {
    let made = making.get(key);
    if (!made) {
      made = make().finally(() => making.delete(key));
      making.set(key, made);
    }
    return made;
  };

  const makeGeneric = async (id: HubId, urgency: Urgency): Promise<void> => {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const pending = store.pending(id);
      const native = store.native(id);
      if (!pending?.generic || !native || isBroken(id, pending.source)) return;
      const host = platformOf(pending.host);
      if (!host) return;
      transforms += 1;
      const mine = generation;
      const done = await transformer.run({ work: 'generic', platform: host.name, native }, urgency);
      if (mine !== generation) continue;
      if (!done.ok && done.closed) return;
      if (!done.ok || done.generic === undefined) {
        fail(id, { id, front: '', source: pending.source, text: done.ok ? 'no output' : done.error });
      } else if (store.putGeneric(id, pending.source, done.generic)) {
        failures.delete(id);
        return;
      }
    }
  };

  const generic = async (ids: readonly HubId[], urgency: Urgency = 'now'): Promise<void> => {
    const missing = ids.filter((id) => store.pending(id)?.generic);
    await Promise.all(missing.map((id) => once(id, () => makeGeneric(id, urgency))));
  };

  const workOf = (pending: Pending, front: FrontInstance): Work | undefined => {
    const native = store.native(pending.id);
    const host = platformOf(pending.host);
    if (!native || !host?.host) return undefined;
    const joins = joinsTable(store.joins(pending.id), host.host.scan(native).owns);
    const document = pending.generic ? undefined : store.view(front.name).generic(pending.kind, pending.id);
    const source = document ? { kind: pending.kind, generic: document } : { native };
    return { work: 'render', platform: host.name, front, joins, source };
  };

  const makeRendered = async (front: FrontInstance, id: HubId, urgency: Urgency): Promise<void> => {
    const key = `${front.name} ${id}`;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const before = store.pending(id, front.name);
      if (!before?.rendered || isBroken(key, before.source)) return;
      await generic(before.joined, urgency);
      // Somebody may be making the generic document already; it is not made twice.
      await making.get(id);
      const pending = store.pending(id, front.name);
      if (!pending?.rendered) return;
      const work = workOf(pending, front);
      if (!work) return;
      transforms += 1;
      const mine = generation;
      const done = await transformer.run(work, urgency);
      if (mine !== generation) continue;
      if (!done.ok && done.closed) return;
      if (!done.ok || !done.members) {
        fail(key, { id, front: front.name, source: pending.source, text: done.ok ? 'no output' : done.error });
        continue;
      }
      if (pending.generic && done.generic !== undefined) store.putGeneric(id, pending.source, done.generic);
      if (store.putRendered(front.name, id, pending.source, done.members)) {
        failures.delete(key);
        return;
      }
    }
  };

  const rendered = async (front: FrontInstance, ids: readonly HubId[], urgency: Urgency = 'now'): Promise<void> => {
    // Changed joined objects dirty their joiners only when their new generic document is known.
    await generic(store.takeJoined(), urgency);
    // A kind that the front has no sheet for is shown by its broker from the generic document.
    const sheets = platform(front.platform)?.sheets.fromGeneric ?? {};
    await generic(
      ids.filter((id) => !sheets[kindOf(id) as DocumentKind]),
      urgency,
    );
    const missing = ids.filter((id) => {
      const pending = store.pending(id, front.name);
      return pending?.rendered && sheets[pending.kind];
    });
    await Promise.all(missing.map((id) => once(`${front.name} ${id}`, () => makeRendered(front, id, urgency))));
  };

  return {
    generic,
    rendered,
    fromGeneric: async (name, change) => {
      transforms += 1;
      const done = await transformer.run({ work: 'change', platform: name, change });
      if (!done.ok) throw new SheetError(done.error);
      if (done.output === undefined) throw new SheetError('no output');
      return done.output;
    },
    tried: async (id, other) => {
      const entry = store.entry(id);
      const native = store.native(id);
      const host = entry && platformOf(entry.host);
      if (!native || !host?.host) return undefined;
      const joins = joinsTable(store.joins(id), host.host.scan(native).owns);
      const source = 'native' in other ? other : { kind: native.kind, ...other, joins };
      const name = 'native' in other ? host.name : other.front.platform;
      const done = await transformer.run({ work: 'raw', platform: name, source }, 'later');
      return done.ok ? done.output : undefined;
    },
    reload: () => {
      generation += 1;
      failures.clear();
      store.renewDerived();
    },
    get failures() {
      return [...failures.values()].filter(({ id }) => store.entry(id) !== undefined);
    },
    get counts() {
      return { transforms, failed };
    },
  };
};
