/** Facts that move all the time and are no change (free memory, the time of a measurement): put into records when they are read. */
import type { BrokerContext } from '../../generic/platform.ts';
import { dateTime } from '../render/markup.ts';
import { fieldAt, type Item, placesOf } from './item.ts';
import type { World } from './world.ts';

const bytes = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? Math.max(0, Math.round(value)) : undefined;

/** Memory that is not in use by machines or the host; all of it while nobody has measured. */
export const freeMemory = (item: Item, { store }: BrokerContext): number => {
  const total = Number(fieldAt(item, placesOf('host_metrics').get('memory_total') ?? -1));
  const used = item.owner === undefined ? undefined : bytes(store.slots(item.owner)['memoryBytes']);
  return Math.max(0, total - (used ?? 0));
};

const MOVING = ['memory_free', 'last_updated'] as const;

/** Fields that are no part of what is told of a record of the class. */
export const volatilePlaces = (cls: string): readonly number[] =>
  cls === 'host_metrics' ? MOVING.map((field) => placesOf(cls).get(field) ?? 0) : [];

const metrics = (item: Item, context: BrokerContext): void => {
  const inner = [String(freeMemory(item, context)), `<dateTime.iso8601>${dateTime(context.now())}</dateTime.iso8601>`];
  const patches = new Map(item.patches);
  for (const [at, place] of volatilePlaces(item.cls).entries()) patches.set(place, inner[at] ?? '');
  item.patches = new Map([...patches].sort(([a], [b]) => a - b));
};

/** Before records of a class are read. */
export const refreshVolatile = (world: World, cls: string, context: BrokerContext): void => {
  if (cls === 'host_metrics') for (const item of world.all(cls)) metrics(item, context);
};
