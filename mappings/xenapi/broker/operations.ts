/** A job of the hub in; which objects show it as an operation under way, by which name, out. */
import type { HubId } from '../../generic/ids.ts';
import { kindOf } from '../../generic/ids.ts';
import type { Job } from '../../generic/jobs.ts';
import type { FrontInstance } from '../../generic/platform.ts';
import { parseRef, refOf, xenId } from '../ids.ts';
import { classOf, enumValues } from '../types.ts';

/** What another API's commands are called here. */
const OF_VERBS: Readonly<Partial<Record<Job['verb'], string>>> = {
  'vm.start': 'start',
  'vm.stop': 'hard_shutdown',
  'vm.reset': 'hard_reboot',
  'vm.suspend': 'suspend',
  'vm.pause': 'pause',
  'vm.resume': 'unpause',
  'vm.shutdownGuest': 'clean_shutdown',
  'vm.rebootGuest': 'clean_reboot',
  'vm.delete': 'destroy',
  'vm.clone': 'clone',
  'snapshot.create': 'snapshot',
  'snapshot.revert': 'revert',
  'volume.create': 'vdi_create',
  'volume.delete': 'vdi_destroy',
  'volume.copy': 'vdi_copy',
  'volume.resize': 'vdi_resize',
  'storage.refresh': 'scan',
  'storage.delete': 'destroy',
  'host.exitMaintenance': 'enable',
  'host.reboot': 'reboot',
  'host.shutdown': 'shutdown',
};

/** The values of a class's `current_operations`. */
const operationsOf = (cls: string): ReadonlySet<string> | undefined => {
  const type = classOf(cls)?.field('current_operations')?.type;
  const value = type?.kind === 'map' ? type.value : undefined;
  return value?.kind === 'enum' ? enumValues(value.name) : undefined;
};

const CLASS_OF_KIND = {
  vm: 'VM',
  template: 'VM',
  storage: 'SR',
  volume: 'VDI',
  network: 'network',
  host: 'host',
} as const;

export interface Operation {
  readonly ref: string;
  readonly name: string;
}

const objectOf = (id: HubId, front: FrontInstance): string | undefined => {
  const cls = (CLASS_OF_KIND as Readonly<Record<string, string>>)[kindOf(id)];
  return cls === undefined ? undefined : refOf(xenId(cls, id), front);
};

/** The objects on which a job that runs is an operation. */
export const operationsIn = (job: Job, front: FrontInstance): readonly Operation[] => {
  if (job.state !== 'queued' && job.state !== 'running') return [];
  const found: Operation[] = [];
  const add = (ref: string | undefined, name: string | undefined): void => {
    const cls = ref === undefined ? undefined : parseRef(ref, front)?.cls;
    if (ref === undefined || cls === undefined || name === undefined) return;
    if (operationsOf(cls)?.has(name) === true && !found.some((one) => one.ref === ref)) found.push({ ref, name });
  };
  // As the client called it.
  if (parseRef(job.nativeTarget.id, front) !== undefined)
    add(job.nativeTarget.id, job.method.slice(job.method.lastIndexOf('.') + 1));
  add(objectOf(job.target, front), OF_VERBS[job.verb]);
  return found;
};

/** What stays allowed while something else is under way: only what puts an end to it. */
const OVER_OTHERS = ['hard_shutdown', 'hard_reboot'];

export const allowedMeanwhile = (allowed: readonly string[], current: Iterable<string>): readonly string[] => {
  const running = new Set(current);
  return allowed.filter((name) => OVER_OTHERS.includes(name) && !running.has(name));
};
