/** Calls on resource pools in, child pools of own data out: made, changed, moved and shown as managed objects. */
import type { Call, Reply } from '../../generic/call.ts';
import { type Fault, fault } from '../../generic/faults.ts';
import { FURNITURE as F, hubIdOf } from '../ids.ts';
import { escapeName, unescapeName } from '../names.ts';
import {
  type Allocation,
  childPools,
  isRoot,
  isWithin,
  MOST_POOLS,
  nextMoid,
  type Pool,
  placeMachine,
  poolOf,
  poolRef,
  poolRevision,
  poolsOf,
  putPool,
  removeChildren,
} from '../pools.ts';
import type { MoRef } from '../values.ts';
import { furnish } from './registry.ts';
import { refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { invalidArgument, objectNotFound } from './select.ts';

type Spec = Readonly<Record<string, unknown>>;
type Member = 'cpuAllocation' | 'memoryAllocation';

const LONGEST_NAME = 80;
/** Shares of a pool by level (vSphere API, SharesInfo): of four CPUs, and of 16 GB. */
const SHARES: Readonly<Record<Member, Readonly<Record<string, number>>>> = {
  cpuAllocation: { low: 2000, normal: 4000, high: 8000 },
  memoryAllocation: { low: 81_920, normal: 163_840, high: 327_680 },
};

const unlimited = (member: Member): Allocation => ({
  reservation: 0,
  expandableReservation: true,
  limit: -1,
  level: 'normal',
  shares: SHARES[member]['normal'] ?? 0,
});

class Wrong extends Error {
  readonly fault: Fault;
  constructor(reason: Fault) {
    super(reason.text);
    this.fault = reason;
  }
}
const wrong = (reason: Fault): never => {
  throw new Wrong(reason);
};

/** Members that a spec leaves out stay as they are. */
const allocationOf = (member: Member, given: unknown, before: Allocation): Allocation => {
  const spec = (given ?? {}) as Spec;
  const number = (name: string, least: number, known: number): number => {
    const asked = spec[name];
    if (asked === undefined) return known;
    const found = Number(asked);
    return Number.isSafeInteger(found) && found >= least ? found : wrong(invalidArgument(`config.${member}.${name}`));
  };
  const shares = spec['shares'] as { level?: string; shares?: unknown } | undefined;
  const level = shares?.level ?? before.level;
  const custom = shares?.level === 'custom' ? Number(shares.shares) : before.shares;
  if (!Number.isSafeInteger(custom) || custom < 0) wrong(invalidArgument(`config.${member}.shares`));
  const made = {
    reservation: number('reservation', 0, before.reservation),
    expandableReservation: (spec['expandableReservation'] as boolean | undefined) ?? before.expandableReservation,
    limit: number('limit', -1, before.limit),
    level,
    shares: SHARES[member][level] ?? custom,
  };
  if (made.limit >= 0 && made.limit < made.reservation) wrong(invalidArgument(`config.${member}.limit`));
  return made;
};

const configOf = (
  spec: Spec | undefined,
  before: Pick<Pool, 'cpu' | 'memory'> = { cpu: unlimited('cpuAllocation'), memory: unlimited('memoryAllocation') },
): Pick<Pool, 'cpu' | 'memory'> => ({
  cpu: allocationOf('cpuAllocation', spec?.['cpuAllocation'], before.cpu),
  memory: allocationOf('memoryAllocation', spec?.['memoryAllocation'], before.memory),
});

/** A name that is one and that no other pool of the same parent has. */
const poolNameOf = (scope: Scope, sent: string, parent: string, self?: string): string => {
  const name = unescapeName(sent);
  if (name.trim() === '' || [...name].length > LONGEST_NAME || !name.isWellFormed())
    wrong(fault('invalid-name', { name: sent }, ''));
  const other = childPools(scope.context, parent).find((pool) => pool.name === name && pool.moid !== self);
  if (other) wrong(fault('duplicate-name', { name: escapeName(name) }, ''));
  return name;
};

const answered = (act: () => Reply): Reply => {
  try {
    return act();
  } catch (error) {
    if (error instanceof Wrong) return refuse(error.fault);
    throw error;
  }
};

const createResourcePool = (scope: Scope, call: Call): Reply =>
  answered(() => {
    const { context } = scope;
    const parent = call.target.id;
    const name = poolNameOf(scope, String(call.args['name'] ?? ''), parent);
    if (poolsOf(context).length >= MOST_POOLS)
      wrong(fault('too-many', { limit: MOST_POOLS }, 'There are too many pools.'));
    const pool = { moid: nextMoid(context), name, parent, ...configOf(call.args['spec'] as Spec | undefined) };
    putPool(context, pool);
    return value(poolRef(pool.moid));
  });

const rootOnly = (): never => wrong(fault('not-supported', {}, 'The root pool is the whole host.'));

const updateConfig = (scope: Scope, call: Call): Reply =>
  answered(() => {
    const { context } = scope;
    const pool = poolOf(context, call.target.id) ?? rootOnly();
    const sent = call.args['name'] as string | undefined;
    const name = sent === undefined || sent === '' ? pool.name : poolNameOf(scope, sent, pool.parent, pool.moid);
    putPool(context, { ...pool, name, ...configOf(call.args['config'] as Spec | undefined, pool) });
    return value(undefined);
  });

const destroyChildren = (scope: Scope, call: Call): Reply => {
  removeChildren(scope.context, call.target.id);
  return value(undefined);
};

/** Machines and pools into this pool; nothing is moved when one of them cannot be. */
const moveInto = (scope: Scope, call: Call): Reply =>
  answered(() => {
    const { context } = scope;
    const target = call.target.id;
    const moves = ((call.args['list'] as readonly MoRef[] | undefined) ?? []).map((ref): (() => void) => {
      if (ref.type === 'VirtualMachine') {
        const id = hubIdOf(ref);
        const entry = id && context.store.entry(id);
        if (!entry || entry.host !== scope.host) return wrong(objectNotFound(ref));
        return () => placeMachine(context, entry.uuid, target);
      }
      const pool = ref.type === 'ResourcePool' ? poolOf(context, ref.value) : undefined;
      if (!pool) return isRoot(ref.value) ? wrong(invalidArgument('list')) : wrong(objectNotFound(ref));
      if (isWithin(context, target, pool.moid)) return wrong(invalidArgument('list'));
      poolNameOf(scope, escapeName(pool.name), target, pool.moid);
      return () => putPool(context, { ...pool, parent: target });
    });
    for (const move of moves) move();
    return value(undefined);
  });

export const pools = {
  CreateResourcePool: createResourcePool,
  UpdateConfig: updateConfig,
  DestroyChildren: destroyChildren,
  MoveIntoResourcePool: moveInto,
};

const shown = ({ reservation, expandableReservation, limit, level, shares }: Allocation) => ({
  reservation,
  expandableReservation,
  limit,
  shares: { shares, level },
});

/** Nothing is held back on the host: what is not reserved elsewhere is there for every pool. */
const usage = ({ reservation }: Allocation, factor: number) => ({
  reservationUsed: 0,
  reservationUsedForVm: 0,
  unreservedForPool: reservation * factor,
  unreservedForVm: reservation * factor,
  overallUsage: 0,
  maxUsage: reservation * factor,
});

const MIB = 1024 * 1024;

export const furnishPools = (): void =>
  furnish('ResourcePool', (scope, ref) => {
    const pool = poolOf(scope.context, ref.value);
    if (!pool) return undefined;
    const config = () => ({
      _type: 'ResourceConfigSpec',
      entity: ref,
      cpuAllocation: shown(pool.cpu),
      memoryAllocation: shown(pool.memory),
    });
    const runtime = () => ({
      memory: usage(pool.memory, MIB),
      cpu: usage(pool.cpu, 1),
      overallStatus: 'green',
    });
    const name = escapeName(pool.name);
    return {
      version: poolRevision(scope.context),
      values: {
        name: () => name,
        overallStatus: () => 'green',
        configStatus: () => 'green',
        alarmActionsEnabled: () => true,
        disabledMethod: () => [],
        owner: () => F.computeResource,
        config,
        runtime,
        summary: () => ({
          _type: 'ResourcePoolSummary',
          name,
          config: config(),
          runtime: runtime(),
          quickStats: { overallCpuUsage: 0, guestMemoryUsage: 0, hostMemoryUsage: 0 },
        }),
      },
    };
  });
