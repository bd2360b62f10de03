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

/** Of a VM that has done nothing yet, or whose host counts none of it. */
export const NOTHING_COUNTED: Omit<VmSample, 'native'> = {
  cpuNs: 0,
  memoryBytes: 0,
  residentBytes: 0,
  readBytes: 0,
  writtenBytes: 0,
  readRequests: 0,
  writeRequests: 0,
  receivedBytes: 0,
  sentBytes: 0,
};

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
