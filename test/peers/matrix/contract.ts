/** The matrix in two shapes: what any client of any front can do, and what any host tells through a client of its own. Sizes in MiB. */

export type Power = 'on' | 'off' | 'suspended' | 'paused';

export type Machine = {
  readonly name: string;
  readonly power: Power;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly diskMiB: readonly number[];
  readonly macs: readonly string[];
  readonly snapshots: readonly string[];
  /** The snapshot that it stands on; '' for none. */
  readonly current: string;
};

export type Estate = {
  readonly machines: readonly Machine[];
  readonly storages: readonly string[];
  readonly networks: readonly string[];
};

export type PowerAct = 'on' | 'off' | 'suspend' | 'resume' | 'reset' | 'pause' | 'unpause';

export type Spec = {
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly network: string;
  readonly storage: string;
};

/** Faults come back by the name the API gives them. */
export type MatrixClient = {
  /** What the product says it is. */
  readonly connect: () => Promise<string>;
  readonly estate: () => Promise<Estate>;
  readonly create: (name: string, spec: Spec) => Promise<void>;
  readonly power: (name: string, act: PowerAct) => Promise<void>;
  readonly change: (name: string, to: { memoryMiB: number; cpus: number }) => Promise<void>;
  readonly addDisk: (name: string, sizeMiB: number, storage: string) => Promise<void>;
  /** Of that size, with what is on it. */
  readonly removeDisk: (name: string, sizeMiB: number) => Promise<void>;
  readonly takeSnapshot: (name: string, snapshot: string) => Promise<void>;
  readonly revert: (name: string, snapshot: string) => Promise<void>;
  readonly removeSnapshot: (name: string, snapshot: string) => Promise<void>;
  readonly rename: (name: string, to: string) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  /** Waits, by the API's own long poll, until the VM is seen in that state; the promise inside is the wait. */
  readonly watch: (name: string, power: Power) => Promise<{ readonly seen: Promise<boolean> }>;
  /** Powers it on in the background and reads the task's own record at its end: its state in the API's words. */
  readonly task: (name: string) => Promise<string>;
  /** Powers off what is off. */
  readonly wrongState: (name: string) => Promise<string>;
  readonly wrongId: () => Promise<string>;
  readonly badLogin: () => Promise<string>;
  readonly close: () => Promise<void>;
};

export type MatrixHost = {
  /** For `transvisor up --host`, with what the configuration file says more of it. */
  readonly uri: string;
  readonly flags: readonly string[];
  /** Its own user, for a front that passes. */
  readonly user: string;
  readonly password: string;
  readonly network: string;
  readonly storage: string;
  /** false: its own revert leaves memory and CPUs as they are (govmomi's simulator). */
  readonly revertsConfig: boolean;
  /** A text in the VM that only the host's own client writes, and that a revert takes back as well. */
  readonly inside?: {
    readonly make: (name: string) => Promise<void>;
    readonly write: (name: string, text: string) => Promise<void>;
    readonly read: (name: string) => Promise<string>;
  };
  /** Read by the host's own client. */
  readonly estate: () => Promise<Estate>;
  /** By the host's own client, beside the product. */
  readonly power: (name: string, act: 'on' | 'off') => Promise<void>;
  readonly stop: () => Promise<void>;
};
