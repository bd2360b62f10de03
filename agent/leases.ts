/** Leases on VMs, granted with the listing or asked for: a hub id in, all that a direct command may depend on out; revoked on every change of it. */
import type { HubId } from '../mappings/generic/ids.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { Lease } from '../runtime/protocol.ts';
import type { ServerPort } from './server-port.ts';

export interface Leases {
  get(vm: HubId): Lease | undefined;
  /** Held, or asked of the server; undefined: the command goes the central way. */
  obtain(host: HubId, vm: HubId): Promise<Lease | undefined>;
  /** Unasked. What is beyond the bound is dropped, the oldest first. */
  grant(leases: readonly Lease[]): void;
  revoke(vms: readonly HubId[]): void;
  /** Revocations may have been missed. */
  revokeAll(): void;
  /** None is held or taken from now on: every command goes the central way. */
  close(): void;
  readonly count: number;
}

export const createLeases = (server: ServerPort): Leases => {
  const held = new Map<HubId, Lease>();
  const asking = new Map<HubId, { answer: Promise<Lease | undefined>; revoked: boolean }>();
  let closed = false;
  const valid = (lease: Lease): boolean => {
    if (closed) return false;
    const hosts = server.hello?.hosts ?? {};
    return Object.values(hosts).some((host) => host.id === lease.host && host.epoch === lease.epoch);
  };
  const keep = (lease: Lease): void => {
    if (closed) return;
    held.delete(lease.vm);
    const oldest = held.size < LIMITS.vmLeases ? undefined : held.keys().next().value;
    if (oldest !== undefined) held.delete(oldest);
    held.set(lease.vm, lease);
  };
  return {
    get count() {
      return held.size;
    },
    get: (vm) => {
      const lease = held.get(vm);
      if (lease === undefined || valid(lease)) return lease;
      held.delete(vm);
      return undefined;
    },
    obtain: async (host, vm) => {
      const lease = held.get(vm);
      if (lease !== undefined && valid(lease)) return lease;
      const pending = asking.get(vm);
      if (pending !== undefined) return pending.answer;
      const api = server.api;
      if (api === undefined || closed) return undefined;
      const ask = { revoked: false, answer: Promise.resolve<Lease | undefined>(undefined) };
      ask.answer = (async () => {
        try {
          const found = await api.lease(host, vm);
          // A revocation that overtook the answer counts.
          if (found === undefined || ask.revoked || !valid(found)) return undefined;
          keep(found);
          return found;
        } finally {
          asking.delete(vm);
        }
      })();
      asking.set(vm, ask);
      return ask.answer;
    },
    grant: (leases) => {
      for (const lease of leases) keep(lease);
    },
    revoke: (vms) => {
      for (const vm of vms) {
        held.delete(vm);
        const ask = asking.get(vm);
        if (ask !== undefined) ask.revoked = true;
      }
    },
    close: () => {
      closed = true;
      held.clear();
    },
    revokeAll: () => {
      held.clear();
      for (const ask of asking.values()) ask.revoked = true;
    },
  };
};
