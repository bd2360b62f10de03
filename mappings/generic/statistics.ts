/** What a driver answers to the question `stats`: cumulative counters of running VMs and of the host, at one moment. */

export interface DiskSample {
  /** The host's own name of the disk in its VM. */
  readonly device: string;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly readRequests: number;
  readonly writeRequests: number;
}

export interface NicSample {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

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
  /** What the sums are made of, where the host counts it apart: by CPU, by disk, by card in their order. */
  readonly threadNs?: readonly number[];
  readonly disks?: readonly DiskSample[];
  readonly nics?: readonly NicSample[];
}

/** Of a VM that has done nothing yet, or whose host counts none of it. */
export const NOTHING_COUNTED: Omit<VmSample, 'native' | 'threadNs' | 'disks' | 'nics'> = {
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
  /** By thread, where the host counts them apart. */
  readonly threadNs?: readonly number[];
}

export interface Statistics {
  readonly vms: readonly VmSample[];
  readonly host: HostSample;
}

/**
 * What was measured of a VM or a host, by name: `cpu` (threads kept busy), `memory` (bytes), and by the second `disk.read`, `disk.written`
 * (bytes), `disk.reads`, `disk.writes` (requests), `nic.received`, `nic.sent` (bytes). What is counted apart has its place in the name as
 * well: `cpu.0`, `disk.vda.read`, `nic.0.sent`.
 */
export interface History {
  readonly names: readonly string[];
  /** What is later was not measured yet. */
  readonly untilMs: number;
  /** The mean from one moment to another; NaN where nothing is known of it. */
  mean(name: string, fromMs: number, toMs: number): number;
}
