/** The host's own events: which to register, and which objects each makes dirty. An event says "read it again", never what it became. */
import type { NativeRef } from '../../generic/ids.ts';
import type { DriverSend } from '../../generic/platform.ts';
import type { EventName } from '../procedures.ts';
import { ask } from './conversation.ts';

/** virDomainEventID: lifecycle, reboot, disk change, tray change, balloon, device removed, tunable, agent, device added, metadata. */
const DOMAIN_EVENTS = [0, 1, 9, 10, 13, 15, 17, 18, 19, 23] as const;

/** Hints for the event log by virDomainEventType, and by detail where it matters. */
const LIFECYCLE: Readonly<Record<number, string>> = {
  0: 'vm.changed',
  1: 'vm.deleted',
  2: 'vm.started',
  3: 'vm.paused',
  4: 'vm.resumed',
  5: 'vm.stopped',
  8: 'vm.crashed',
};
const lifecycleHint = (event: number, detail: number): string | undefined => {
  if (event === 0 && detail === 0) return 'vm.created';
  if (event === 0 && detail === 2) return 'vm.renamed';
  if (event === 1 && detail === 1) return undefined;
  if (event === 5 && detail === 2) return 'vm.crashed';
  if (event === 5 && detail === 4) return 'vm.suspended';
  if (event === 2 && detail === 2) return 'vm.resumed';
  return LIFECYCLE[event];
};

export const registerEvents = async (send: DriverSend): Promise<void> => {
  const domainEvents = DOMAIN_EVENTS.map((eventID) =>
    ask(send, 'CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY', { eventID, dom: null }),
  );
  const networks = ask(send, 'CONNECT_NETWORK_EVENT_REGISTER_ANY', { eventID: 0, net: null });
  const pools = [0, 1].map((eventID) => ask(send, 'CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY', { eventID, pool: null }));
  const [lifecycle] = await Promise.all([...domainEvents, networks, ...pools]);
  // A host without lifecycle events cannot be followed; the others are extras that old hosts lack.
  if (lifecycle && !lifecycle.ok) throw new Error(`the host sends no lifecycle events: ${lifecycle.fault.text}`);
};

type Args = Readonly<Record<string, unknown>>;
const uuidOf = (args: Args, key: string): string | undefined => (args[key] as { uuid?: string } | undefined)?.uuid;

export const dirtyOf = (event: { procedure: string; args: Args }): readonly { ref: NativeRef; hint?: string }[] => {
  const { procedure, args } = event as { procedure: EventName; args: Args };
  const domain = uuidOf(args, 'dom');
  if (domain !== undefined) {
    const ref: NativeRef = { kind: 'vm', native: domain };
    const hint =
      procedure === 'DOMAIN_EVENT_CALLBACK_LIFECYCLE'
        ? lifecycleHint(args['event'] as number, args['detail'] as number)
        : procedure === 'DOMAIN_EVENT_CALLBACK_REBOOT'
          ? 'vm.reset'
          : undefined;
    return [hint === undefined ? { ref } : { ref, hint }];
  }
  const network = uuidOf(args, 'net');
  if (network !== undefined) return [{ ref: { kind: 'network', native: network } }];
  const pool = uuidOf(args, 'pool');
  return pool === undefined ? [] : [{ ref: { kind: 'storage', native: pool } }];
};
