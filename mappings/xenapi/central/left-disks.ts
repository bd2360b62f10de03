/** Disks of a snapshot that is destroyed in; whether such a disk may still be destroyed, once, out: a XenServer leaves them to that call, the hub does not. */
import type { HubId } from '../../generic/ids.ts';
import type { BrokerContext } from '../../generic/platform.ts';

type LeftContext = Pick<BrokerContext, 'front' | 'own' | 'now'>;
interface Left {
  readonly parts: readonly number[];
  readonly atMs: number;
}

/** Clients destroy the disks right after their snapshot. */
const KEPT_MS = 24 * 60 * 60 * 1000;
const MOST = 1000;

const namespaceOf = ({ front }: LeftContext): string => `xenapi-left:${front.uuid}`;

/** `parts`: of the VDIs that the snapshot had. */
export const leaveDisks = (context: LeftContext, snapshot: HubId, parts: readonly number[]): void => {
  const { own } = context;
  const namespace = namespaceOf(context);
  const nowMs = context.now();
  const kept = own.list(namespace).map(({ key, value }) => ({ key, atMs: (value as Left).atMs }));
  const surplus = kept.toSorted((a, b) => b.atMs - a.atMs).slice(MOST - 1);
  for (const { key } of [...surplus, ...kept.filter(({ atMs }) => nowMs - atMs > KEPT_MS)]) own.delete(namespace, key);
  if (parts.length > 0) own.put(namespace, snapshot, { parts, atMs: nowMs } satisfies Left);
};

export const takeLeftDisk = (context: LeftContext, snapshot: HubId, part: number): boolean => {
  const { own } = context;
  const namespace = namespaceOf(context);
  const left = own.get(namespace, snapshot) as Left | undefined;
  if (left?.parts.includes(part) !== true) return false;
  const parts = left.parts.filter((one) => one !== part);
  if (parts.length === 0) own.delete(namespace, snapshot);
  else own.put(namespace, snapshot, { ...left, parts } satisfies Left);
  return true;
};
