/** Statistics that the store keeps beside its versions in; the quickStats elements that stand in a VM's and a host's summary out. */

import type { HubId } from '../../generic/ids.ts';
import type { Scope } from './scope.ts';

export const VOLATILE_MS = 20_000;

const MIB = 1024 * 1024;
const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? Math.max(0, Math.round(value)) : undefined;
const element = (name: string, value: number | undefined): string =>
  value === undefined ? '' : `<${name}>${value}</${name}>`;
const mib = (bytes: unknown): number | undefined => {
  const known = count(bytes);
  return known === undefined ? undefined : Math.round(known / MIB);
};
const seconds = (ms: unknown): number | undefined => {
  const known = count(ms);
  return known === undefined ? undefined : Math.floor(known / 1000);
};

type Slots = Readonly<Record<string, unknown>>;

/** VirtualMachineQuickStats, members in schema order. */
const vmStats = (slots: Slots): string =>
  element('overallCpuUsage', count(slots['cpuMhz'])) +
  element('overallCpuDemand', count(slots['cpuMhz'])) +
  element('guestMemoryUsage', mib(slots['memoryActiveBytes'] ?? slots['memoryBytes'])) +
  element('hostMemoryUsage', mib(slots['memoryBytes'])) +
  `<guestHeartbeatStatus>${slots['heartbeat'] === true ? 'green' : 'gray'}</guestHeartbeatStatus>` +
  element('privateMemory', mib(slots['memoryBytes'])) +
  element('uptimeSeconds', seconds(slots['uptimeMs']));

const hostStats = (slots: Slots): string =>
  element('overallCpuUsage', count(slots['cpuMhz'])) +
  element('overallMemoryUsage', mib(slots['memoryBytes'])) +
  element('uptime', seconds(slots['uptimeMs']));

/** Inner text of quickStats; undefined: the store has no statistics of it, what the document says stands. */
export const quickStats = ({ context, caches }: Scope, type: string, hub: HubId): string | undefined => {
  const slots = context.store.slots(hub);
  for (const _ in slots) {
    let text = caches.quickStats.get(slots);
    if (text === undefined) {
      text = type === 'HostSystem' ? hostStats(slots) : vmStats(slots);
      caches.quickStats.set(slots, text);
    }
    return text;
  }
  return undefined;
};

/** Types whose `summary` holds quickStats. */
export const hasQuickStats = (type: string): boolean => type === 'VirtualMachine' || type === 'HostSystem';
