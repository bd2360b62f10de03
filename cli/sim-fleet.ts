/** `transvisor sim fleet`: a number of hosts and VMs in; as many agents with simulated hosts on the link of a server out, and changes on them. */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, startAgent } from '../agent/agent.ts';
import { openConnection } from '../agent/connections/connection.ts';
import type { Outcome } from '../mappings/generic/faults.ts';
import type { HostTransport, Platform } from '../mappings/generic/platform.ts';
import { type Account, type Accounts, createAccounts, hashPassword } from '../runtime/accounts.ts';
import { systemClock } from '../runtime/clock.ts';
import { ConfigError } from '../runtime/config.ts';
import { parseLinkAddress } from '../runtime/link-address.ts';
import { dialLink } from '../runtime/link-dial.ts';
import { createLog, type Log, type LogLevel } from '../runtime/log.ts';
import { makeSecret, readSecretFile } from '../runtime/secret.ts';
import { loadPlatform } from './hosts.ts';
import { numberIn } from './number-flag.ts';

export interface FleetFlags {
  readonly link?: string;
  readonly linkTokenFile?: string;
  readonly hosts?: string;
  readonly vms?: string;
  readonly changes?: string;
  readonly fronts?: string;
  readonly logLevel?: string;
  readonly readyFile?: string;
  readonly json?: boolean;
}

export interface FleetReady {
  readonly hosts: number;
  readonly vms: number;
  /** From the first agent's start until the server had committed the last host's listing. */
  readonly listedSeconds: number;
  readonly fronts: readonly { readonly host: string; readonly url: string }[];
  readonly user: string;
  readonly password: string;
}

export interface RunningFleet {
  readonly ready: FleetReady;
  readonly text: string;
  close(): Promise<void>;
}

/** So many agents begin at a time, as machines of a data centre do after a power failure. */
const AT_ONCE = 32;

interface Simulated {
  readonly agent: Agent;
  /** Another conversation with the host, beside the agent's: what its administrator does there. */
  readonly beside: HostTransport;
  readonly machines: readonly string[];
  close(): Promise<void>;
}

const heard = async (outcome: Promise<Outcome<Record<string, unknown>>>): Promise<Record<string, unknown>> => {
  const read = await outcome;
  if (!read.ok) throw new Error(`the simulated host refused: ${read.fault.text}`);
  return read.value;
};

interface Plan {
  readonly host: Platform;
  readonly front: Platform;
  readonly state: string;
  readonly accounts: Accounts;
  readonly link: Parameters<typeof dialLink>[0];
  readonly token: Parameters<typeof dialLink>[1];
  readonly vms: number;
  readonly log: Log;
}

const startOne = async (plan: Plan, name: string, hasFront: boolean): Promise<Simulated> => {
  const { host, front, log } = plan;
  const uri = `sim:///${name}?vms=${plan.vms}`;
  const connected = host.connect?.(uri);
  if (connected === undefined || host.driver === undefined || front.front === undefined)
    throw new Error('the simulated platform is not as it was');
  if (!connected.ok) throw new ConfigError(connected.fault.text);
  const agent = await startAgent({
    name,
    state: plan.state,
    hosts: [{ name, platform: host.name, uri, driver: host.driver, dialer: connected.value }],
    fronts: hasFront
      ? [
          {
            name: `${front.name}@${name}`,
            platform: front,
            front: front.front,
            host: name,
            listen: '127.0.0.1',
            port: 0,
            tls: undefined,
            options: {},
          },
        ]
      : [],
    accounts: plan.accounts,
    clock: systemClock,
    log,
  });
  const dialling = dialLink(plan.link, plan.token, log, agent.attach);
  await agent.ready;
  const opened = await openConnection({ endpoint: connected.value.endpoint, transport: connected.value.open() });
  if (!opened.ok) throw new Error(opened.fault.text);
  const { transport } = opened.value;
  const { natives } = await heard(transport.call('OBJECT.list', { kind: 'vm' }));
  return {
    agent,
    beside: transport,
    machines: natives as string[],
    close: async () => {
      dialling.close();
      await opened.value.close();
      await agent.close();
    },
  };
};

/** A VM somewhere gets another name, which says when. */
const changeOne = async (fleet: readonly Simulated[]): Promise<void> => {
  const { beside, machines } = fleet[randomInt(fleet.length)] as Simulated;
  if (machines.length === 0) return;
  await heard(
    beside.call('VM.rename', {
      vm: machines[randomInt(machines.length)],
      name: `changed-${randomInt(1e9)}-${Date.now()}`,
    }),
  );
};

export const startFleet = async (flags: FleetFlags): Promise<RunningFleet> => {
  const hosts = numberIn('hosts', flags.hosts, 100, 10_000);
  const vms = numberIn('vms', flags.vms, 100, 10_000);
  const changes = numberIn('changes', flags.changes, 10, 10_000);
  const withFronts = numberIn('fronts', flags.fronts, hosts, 10_000);
  const link = parseLinkAddress(flags.link ?? '');
  if (link === undefined || link.kind === 'tls' || flags.linkTokenFile === undefined)
    throw new ConfigError(
      'a fleet needs --link unix:PATH or tcp:HOST:PORT and --link-token-file: a thousand agents have no certificates',
    );
  if (hosts === 0) throw new ConfigError('a fleet of no hosts');
  const state = mkdtempSync(join(tmpdir(), 'transvisor-fleet-'));
  const password = makeSecret();
  const account: Account = {
    name: 'root',
    role: 'administrator',
    fullName: '',
    hash: await hashPassword(password.reveal()),
  };
  const plan: Plan = {
    host: await loadPlatform('sim'),
    front: await loadPlatform('vim25'),
    state,
    accounts: createAccounts([account]),
    link,
    token: readSecretFile(flags.linkTokenFile),
    vms,
    log: createLog({ level: (flags.logLevel ?? 'warn') as LogLevel, name: 'fleet' }),
  };
  const begun = performance.now();
  const fleet: Simulated[] = [];
  let next = 0;
  const begin = async (): Promise<void> => {
    while (next < hosts) {
      const n = next++;
      fleet.push(await startOne(plan, `host-${String(n + 1).padStart(5, '0')}`, n < withFronts));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, hosts) }, begin));
  const listedSeconds = (performance.now() - begun) / 1000;
  const timer =
    changes === 0
      ? undefined
      : setInterval(() => {
          changeOne(fleet).catch((error: unknown) => plan.log.error({ error }, 'a change failed'));
        }, 1000 / changes);
  const ready: FleetReady = {
    hosts,
    vms,
    listedSeconds,
    fronts: fleet.flatMap(({ agent }) =>
      agent.fronts.map(({ host, port }) => ({ host, url: `http://127.0.0.1:${port}/sdk` })),
    ),
    user: account.name,
    password: password.reveal(),
  };
  return {
    ready,
    text: `${hosts} agents with ${hosts * vms} VMs, all listed after ${listedSeconds.toFixed(1)} s; ${changes} changes a second until Ctrl-C\n`,
    close: async () => {
      clearInterval(timer);
      await Promise.all(fleet.map((one) => one.close()));
      rmSync(state, { recursive: true, force: true });
    },
  };
};
