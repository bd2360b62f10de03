/** The jobs' way to a host: the agent that is its one writer in, calls and committed re-reads out. Implemented where links are known. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { NativeChange } from '../../mappings/generic/native.ts';
import type { AgentApi } from '../../runtime/protocol.ts';

export type WriterApi = Pick<AgentApi, 'acquire' | 'release' | 'step' | 'probe' | 'read'>;

export interface HostWriter {
  /** Calls reject only when the link is lost; what the host did is then in doubt. The same object as long as the link is the same. */
  readonly agent: WriterApi;
  readonly epoch: number;
}

/** Who caused the changes of a re-read, for the event log. */
export interface Cause {
  /** Of the job, for the log. */
  readonly exchange?: string;
  readonly job: HubId;
  readonly user: string;
}

export interface HostsGateway {
  /** undefined while the agent is away or has no connection to the host. */
  writer(host: HubId): HostWriter | undefined;
  /** There is none yet because its agent has only just come: worth a moment's wait. */
  awaited?(host: HubId): boolean;
  /** Resolves when `writer` gives one. */
  connected(host: HubId): Promise<void>;
  /** Resolves when the changes are in the store and the ids they minted are on disk. */
  commit(host: HubId, changes: readonly NativeChange[], cause: Cause): Promise<void>;
}
