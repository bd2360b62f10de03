/** What a driver answers to the question `stats`: cumulative counters of running VMs and of the host, at one moment. */

export interface VmSample {
  /** The host's own name of the VM. */
  readonly native: string;
  /** Nanoseconds of CPU since it started. */
  readonly cpuNs: number;
  readonly memoryBytes: number;
  readonly residentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly readRequests: number;
  readonly writeRequests: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface HostSample {
  readonly cpuNs: number;
  readonly idleNs: number;
  readonly memoryBytes: number;
  readonly freeBytes: number;
}

export interface Statistics {
  readonly vms: readonly VmSample[];
  readonly host: HostSample;
}
