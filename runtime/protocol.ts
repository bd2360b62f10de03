/** The link's vocabulary: what an agent may ask of the server and the server of an agent. All values are MessagePack-safe. */
import type { Call, Reply, Session } from '../mappings/generic/call.ts';
import type { Verb } from '../mappings/generic/commands.ts';
import type { Fault, Outcome } from '../mappings/generic/faults.ts';
import type { HubId, NativeRef } from '../mappings/generic/ids.ts';
import type { NativeCall, NativeChange, NativeObject } from '../mappings/generic/native.ts';
import type { Probe, ProbeAnswer } from '../mappings/generic/plan.ts';
import type { FrontInstance, StreamRequest, StreamTarget } from '../mappings/generic/platform.ts';
import type { VersionRange } from './link-version.ts';
import type { LogLevel } from './log.ts';
import type { TallySums } from './tally.ts';

/**
 * The versions of this vocabulary that this program speaks. What changes it raises `newest`; `oldest` stays one behind at least, so that
 * agents and server need not be renewed in one moment.
 */
export const LINK_VERSIONS: VersionRange = { oldest: 1, newest: 2 };

export interface AgentHello {
  /** The newest that the agent speaks. */
  readonly version: number;
  /** The oldest; the newest is the only one when absent. */
  readonly oldest?: number;
  readonly agent: string;
  readonly hosts: readonly { readonly name: string; readonly platform: string; readonly uri: string }[];
  readonly fronts: readonly {
    readonly name: string;
    readonly platform: string;
    readonly host: string;
    readonly port: number;
    readonly certificate: string;
    readonly options: Readonly<Record<string, string>>;
  }[];
}

export interface ServerHello {
  /** The one that both speak from now on. */
  readonly version: number;
  /**
   * By host name: the id and the epoch at which this agent is its one writer, and the jobs that may have begun there and not ended: the turn of
   * any other that this agent keeps is nobody's any more.
   */
  readonly hosts: Readonly<
    Record<string, { readonly id: HubId; readonly epoch: number; readonly jobs?: readonly HubId[] }>
  >;
  readonly fronts: Readonly<Record<string, FrontInstance>>;
  /** Key with which session tokens are signed, so that the agent can verify a cookie while the server is away. */
  readonly sessionKey: Uint8Array;
  readonly jobIds: JobIds;
  /** false: no exchange log is kept, and hops are for nobody. */
  readonly logsExchanges?: boolean;
  /** What the ids of this link's exchanges begin with, so that none of another link is taken. From version 2 on. */
  readonly exchanges?: string;
}

/** A block of job numbers an agent may mint from: [from, to). */
export interface JobIds {
  readonly from: number;
  readonly to: number;
}

/** One exchange with a client, as it crosses the link. `exchange` is unique for ever. */
export interface Exchange {
  readonly exchange: string;
  readonly front: string;
  readonly session: string;
  readonly address: string;
  /** false: there are too many to tell more of it than a line in the exchange log. */
  readonly detailed?: boolean;
  readonly call: Call;
}

/** The agent's lease on a VM: all that a direct command may depend on. */
export interface Lease {
  readonly vm: HubId;
  readonly host: HubId;
  readonly native: string;
  readonly name: string;
  readonly template: boolean;
  readonly epoch: number;
}

/** A direct command's start or end, kept durably by the agent until the server has it. Strictly increasing `seq` per agent. */
export interface OutboxEntry {
  readonly seq: number;
  readonly exchange: string;
  readonly job: HubId;
  readonly verb: Verb;
  readonly host: HubId;
  readonly target: HubId;
  readonly targetName: string;
  readonly user: string;
  readonly address: string;
  readonly front: string;
  readonly method: string;
  readonly nativeTarget: { readonly type: string; readonly id: string };
  readonly operation: string;
  readonly atMs: number;
  readonly phase: 'started' | 'finished';
  readonly fault?: Fault;
  /** With 'finished': the objects re-read after the command. */
  readonly changes?: readonly NativeChange[];
}

/** What one line tells of an exchange. `object`: a hub id, `name`: the object's; `outcome`: 'value' or the kind of the fault. */
export interface ExchangeFacts {
  readonly client?: string;
  readonly user?: string;
  readonly front?: string;
  readonly method?: string;
  readonly route?: string;
  readonly verb?: string;
  readonly object?: string;
  readonly name?: string;
  readonly job?: string;
  readonly outcome?: string;
}

/**
 * One hop of an exchange for the exchange log: `shape` is what it was there ('request', 'call', 'route', 'command', 'native', ...), `atMs`
 * when it was over, `facts` what it adds to the line of the exchange.
 */
export interface Hop {
  readonly exchange: string;
  readonly shape: string;
  readonly atMs: number;
  readonly durationMs?: number;
  readonly facts?: ExchangeFacts;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What an agent did since it last told: calls decoded, calls that took their row's route, direct commands sent to a host. */
export interface AgentCounts {
  decoded: number;
  dispatched: number;
  direct: number;
}

/** The same as it crosses the link, with the exchanges that ended since. */
export interface AgentTold extends Readonly<AgentCounts> {
  readonly tally?: TallySums;
}

/** Functions of the server, called by an agent. */
export interface ServerApi {
  hello(hello: AgentHello): Promise<ServerHello>;
  login(login: {
    front: string;
    user: string;
    fullName: string;
    role: Session['role'];
    address: string;
    userAgent: string;
    locale: string;
  }): Promise<Session>;
  session(id: string): Promise<Session | undefined>;
  logout(id: string): Promise<void>;
  /** Activity on sessions that the agent answered itself. */
  touch(sessions: Readonly<Record<string, { lastActiveMs: number; calls: number }>>): Promise<void>;
  loginFailed(failed: { front: string; user: string; address: string }): Promise<void>;
  /** A broker or central call. Body text comes by `AgentApi.chunk` before this resolves. */
  call(exchange: Exchange): Promise<Reply>;
  /** The client is gone. */
  hangUp(exchange: string): Promise<void>;
  stream(
    exchange: Omit<Exchange, 'call'> & { request: StreamRequest },
  ): Promise<Outcome<StreamTarget & { host: HubId }>>;
  /** The end of a transfer whose target `tells`. */
  transferred(exchange: Omit<Exchange, 'call'> & { request: StreamRequest }, outcome: Outcome): Promise<void>;
  /** First listing: batches, then `complete`; afterwards changes. Resolved when committed. */
  list(host: HubId, epoch: number, batch: readonly NativeObject[], complete: boolean): Promise<void>;
  changes(host: HubId, epoch: number, changes: readonly NativeChange[]): Promise<void>;
  hostState(host: HubId, epoch: number, state: { connected: boolean; text: string }): Promise<void>;
  /** `later`, from version 2 on: of those up to `through` the ones that are to be told again, for what they are of is away. */
  outbox(
    agent: string,
    entries: readonly OutboxEntry[],
  ): Promise<{ readonly through: number; readonly later?: readonly number[] }>;
  jobIds(): Promise<JobIds>;
  /** A lease on a VM; undefined when the command must go the central way. */
  lease(host: HubId, vm: HubId): Promise<Lease | undefined>;
  hops(hops: readonly Hop[]): Promise<void>;
  counted(since: AgentTold): Promise<void>;
}

/** Functions of the agent, called by the server. */
export interface AgentApi {
  /** Body bytes of an exchange; resolves when the client's socket has room. */
  chunk(exchange: string, bytes: Uint8Array): Promise<void>;
  /** Takes the write queue of a VM for a plan: busy fault after 10 s. */
  acquire(host: HubId, epoch: number, queue: string, job: HubId): Promise<Outcome>;
  release(host: HubId, queue: string, job: HubId): Promise<void>;
  /** `id` makes a step at most once: a repeated id gets the remembered outcome. */
  step(host: HubId, epoch: number, id: string, call: NativeCall): Promise<Outcome<Record<string, unknown>>>;
  probe(host: HubId, epoch: number, probe: Probe): Promise<Outcome<ProbeAnswer>>;
  read(host: HubId, refs: readonly NativeRef[]): Promise<Outcome<NativeChange[]>>;
  ask(host: HubId, question: string, args: Readonly<Record<string, unknown>>): Promise<Outcome>;
  /** Leases on listed VMs, unasked: so that direct commands go on when the server is away. */
  grantLeases(leases: readonly Lease[]): Promise<void>;
  revokeLeases(vms: readonly HubId[]): Promise<void>;
  revokeSessions(ids: readonly string[]): Promise<void>;
  /** The server took changed mappings into use: so does the agent, for its fronts. */
  reloadMappings(): Promise<void>;
  /** How much the agent writes into its log, until it ends. */
  logLevel(level: LogLevel): Promise<void>;
  /** Another server takes over: new calls wait for it. */
  holdCalls(): Promise<void>;
  /** These exchanges only wait: when the link ends they are asked again of the next server. */
  parkCalls(exchanges: readonly string[]): Promise<void>;
}
