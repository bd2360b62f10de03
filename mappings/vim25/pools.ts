/** Child resource pools of a standalone host: kept in own data, since no host we drive has any; pools and the machines in them in and out. */
import type { BrokerContext } from '../generic/platform.ts';
import { FURNITURE as F } from './ids.ts';
import { type MoRef, moRef } from './values.ts';

export interface Allocation {
  readonly reservation: number;
  readonly expandableReservation: boolean;
  /** -1: none. */
  readonly limit: number;
  readonly level: string;
  readonly shares: number;
}

export interface Pool {
  readonly moid: string;
  readonly name: string;
  /** The moid of the pool it is in. */
  readonly parent: string;
  readonly cpu: Allocation;
  readonly memory: Allocation;
}

const POOLS = 'vim25-pools';
/** By the machine's UUID. Who is not here is in the root pool. */
const MEMBERS = 'vim25-pool-members';
const REVISIONS = 'vim25-pool-revisions';
const SERIALS = 'vim25-pool-serials';
/** ESXi has more; nobody makes them by hand. */
export const MOST_POOLS = 1600;

const keyOf = ({ front }: BrokerContext, part: string): string => `${front.host} ${part}`;

/** Store version at which a pool last came, went or changed. */
export const poolRevision = (context: BrokerContext): number =>
  Number(context.own.get(REVISIONS, context.front.host) ?? 0);
const touch = (context: BrokerContext): number => {
  const revision = context.nextVersion();
  context.own.put(REVISIONS, context.front.host, revision);
  return revision;
};

interface Place {
  readonly pool: string;
  /** Store version at which it came there. */
  readonly at: number;
}

export const poolRef = (moid: string): MoRef => moRef('ResourcePool', moid);
export const isRoot = (moid: string): boolean => moid === F.rootPool.value;

export const poolsOf = (context: BrokerContext): readonly Pool[] =>
  context.own.list(POOLS, keyOf(context, '')).map(({ value }) => value as Pool);
export const poolOf = (context: BrokerContext, moid: string): Pool | undefined =>
  context.own.get(POOLS, keyOf(context, moid)) as Pool | undefined;
export const childPools = (context: BrokerContext, moid: string): readonly Pool[] =>
  poolsOf(context).filter(({ parent }) => parent === moid);

export const putPool = (context: BrokerContext, pool: Pool): void => {
  context.own.put(POOLS, keyOf(context, pool.moid), pool);
  touch(context);
};

/** A moid is never given twice. */
export const nextMoid = (context: BrokerContext): string => {
  const serial = Number(context.own.get(SERIALS, context.front.host) ?? 0) + 1;
  context.own.put(SERIALS, context.front.host, serial);
  return `pool${serial}`;
};

export const placeMachine = (context: BrokerContext, uuid: string, moid: string): void => {
  if (moid === placeOfMachine(context, uuid)) return;
  context.own.put(MEMBERS, keyOf(context, uuid.toLowerCase()), { pool: moid, at: touch(context) } satisfies Place);
};

const placeOf = (context: BrokerContext, uuid: string): Place | undefined =>
  context.own.get(MEMBERS, keyOf(context, uuid.toLowerCase())) as Place | undefined;
export const machineRevision = (context: BrokerContext, uuid: string): number => placeOf(context, uuid)?.at ?? 0;

export const forgetMachine = (context: BrokerContext, uuid: string): void =>
  context.own.delete(MEMBERS, keyOf(context, uuid.toLowerCase()));

/** The pool of a machine; one whose pool is gone is in the root pool. */
export const placeOfMachine = (context: BrokerContext, uuid: string): string => {
  const place = placeOf(context, uuid);
  return place !== undefined && poolOf(context, place.pool) !== undefined ? place.pool : F.rootPool.value;
};

const machinesWhere = (context: BrokerContext, is: (place: Place) => boolean): readonly string[] => {
  const prefix = keyOf(context, '');
  return context.own
    .list(MEMBERS, prefix)
    .filter(({ value }) => is(value as Place))
    .map(({ key }) => key.slice(prefix.length));
};

/** UUIDs of machines that came to another pool after that version. */
export const movedSince = (context: BrokerContext, version: number): ReadonlySet<string> =>
  new Set(machinesWhere(context, ({ at }) => at > version));

/** What was in it is in its parent then. */
export const removePool = (context: BrokerContext, { moid, parent }: Pool): void => {
  for (const uuid of machinesWhere(context, ({ pool }) => pool === moid)) placeMachine(context, uuid, parent);
  for (const child of childPools(context, moid)) putPool(context, { ...child, parent });
  context.own.delete(POOLS, keyOf(context, moid));
  touch(context);
};

/** Everything below goes; its machines are in this pool then. */
export const removeChildren = (context: BrokerContext, moid: string): void => {
  for (const child of childPools(context, moid)) {
    removeChildren(context, child.moid);
    removePool(context, child);
  }
};

/** Whether `moid` is the pool itself or below it. */
export const isWithin = (context: BrokerContext, moid: string, pool: string): boolean => {
  for (let at: string | undefined = moid; at !== undefined; at = poolOf(context, at)?.parent)
    if (at === pool) return true;
  return false;
};
