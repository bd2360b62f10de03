/** The store's changes in; the version at which the shape of one host's inventory (which objects there are, and their relations) last changed out. */
import { type HubId, kindOf } from '../../generic/ids.ts';
import type { DocumentKind } from '../../generic/model.ts';
import type { StoreView } from '../../generic/store-view.ts';
import { table } from '../../generic/table.ts';

const FAR = table<readonly DocumentKind[]>({
  vm: ['storage', 'network'],
  storage: ['vm'],
  network: ['vm'],
  host: ['vm', 'storage', 'network'],
});

/** Volumes are no managed objects: their comings and goings change no selection. */
export class Structure {
  readonly #host: HubId;
  #epoch = '';
  #seen = -1;
  #version = 0;
  readonly #known = new Set<HubId>();
  /** Relations of VMs that changed, as text: a VM without relations has no version of them that could be relied on. */
  readonly #relations = new Map<HubId, string>();

  constructor(host: HubId) {
    this.#host = host;
  }

  /** Cheap when nothing happened; otherwise as long as the list of changes since the last call. */
  version(store: StoreView, pools = 0): number {
    if (pools > this.#version) this.#version = pools;
    if (store.epoch !== this.#epoch || this.#seen < 0) this.#restart(store);
    if (store.version === this.#seen) return this.#version;
    const changes = store.changedSince(this.#seen);
    if (changes === undefined) this.#restart(store);
    else {
      for (const { id, gone } of changes) {
        const kind = kindOf(id);
        const far = FAR[kind];
        if (!far) continue;
        if (gone) {
          this.#relations.delete(id);
          if (this.#known.delete(id)) this.#version = store.version;
        } else if (!this.#known.has(id)) {
          if (store.entry(id)?.host !== this.#host) continue;
          this.#known.add(id);
          this.#version = store.version;
        } else if (this.#related(store, id, kind, far)) this.#version = store.version;
      }
    }
    this.#seen = store.version;
    return this.#version;
  }

  #related(store: StoreView, id: HubId, kind: string, far: readonly DocumentKind[]): boolean {
    if (kind !== 'vm') return far.some((to) => store.edgesVersion(id, to) > this.#seen);
    const relations = far.map((to) => store.edges(id, to).join(' ')).join(',');
    const before = this.#relations.get(id);
    this.#relations.set(id, relations);
    return before === undefined ? far.some((to) => store.edgesVersion(id, to) > this.#seen) : before !== relations;
  }

  #restart(store: StoreView): void {
    this.#known.clear();
    this.#relations.clear();
    for (const kind of ['vm', 'storage', 'network', 'host'] as const)
      for (const { id } of store.list(kind, this.#host)) this.#known.add(id);
    this.#epoch = store.epoch;
    this.#seen = store.version;
    this.#version = store.version;
  }
}
