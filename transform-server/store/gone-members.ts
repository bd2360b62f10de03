/** Members of rendered bundles that vanished come in with the version of their end; a bounded memory of them goes out to whoever reads changes. */
import type { HubId } from '../../mappings/generic/ids.ts';

export interface GoneMember {
  readonly owner: HubId;
  readonly type: string;
  readonly id: string;
  readonly version: number;
}

const TOMBSTONES = 20_000;

export interface GoneMembers {
  add(member: GoneMember): void;
  /** undefined: some that vanished after this version are forgotten. */
  since(version: number): readonly GoneMember[] | undefined;
}

/** `from`: the version at which the memory begins. */
export const createGoneMembers = (from: number): GoneMembers => {
  let kept: GoneMember[] = [];
  let floor = from;
  return {
    add: (member) => {
      kept.push(member);
      if (kept.length <= TOMBSTONES * 2) return;
      floor = kept[kept.length - TOMBSTONES - 1]?.version ?? floor;
      kept = kept.slice(-TOMBSTONES);
    },
    since: (version) => {
      if (version < floor) return undefined;
      let first = kept.length;
      while (first > 0 && (kept[first - 1]?.version ?? 0) > version) first--;
      return kept.slice(first);
    },
  };
};
