/** Jobs of the hub in; Task objects and TaskInfo as vim25 clients read them out. */
import type { Call, Reply } from '../../generic/call.ts';
import { fault } from '../../generic/faults.ts';
import { numberOf, parseHubId } from '../../generic/ids.ts';
import type { Job } from '../../generic/jobs.ts';
import { commands } from '../commands.ts';
import { localized } from '../faults.ts';
import { FURNITURE as F, hubIdOf, refOf, sameRef } from '../ids.ts';
import { isSubtype, methodOf } from '../types.ts';
import { type DataObject, type MoRef, moRef } from '../values.ts';
import { exists, furnish } from './registry.ts';
import { recentTasks } from './relations.ts';
import { refuse, value } from './retrieve.ts';
import type { Scope } from './scope.ts';
import { objectNotFound } from './select.ts';

const INT = 0x7fffffff;

/** Jobs that another API started are shown by the method that a vim25 client would have called: pyVmomi refuses names it does not know. */
const methodNameOf = (job: Job): string => {
  if (methodOf(job.method)) return job.method;
  return commands.find(({ verb, job: isJob }) => verb === job.verb && isJob)?.method ?? 'CreateTask';
};

/** `VirtualMachine.powerOn`: the type called, and the method's name in the API's own model. */
const descriptionId = (method: string, type: string): string => {
  const known = methodOf(method);
  if (!known) return `Task.${method}`;
  return `${isSubtype(type, known.owner) ? type : known.owner}.${known.vmodl}`;
};

const entityOf = (scope: Scope, job: Job): MoRef | undefined => {
  const { type, id } = job.nativeTarget;
  if (isSubtype(type, 'ManagedEntity') && exists(scope, { type, value: id })) return moRef(type, id);
  const target = refOf(job.target);
  return target && isSubtype(target.type, 'ManagedEntity') ? target : undefined;
};

const resultOf = (job: Job): unknown => {
  if (job.state !== 'success' || job.result === undefined || job.result === null) return undefined;
  const id = typeof job.result === 'string' ? parseHubId(job.result) : undefined;
  return (id && refOf(id)) ?? job.result;
};

export const taskInfo = (scope: Scope, job: Job): DataObject => {
  const method = methodNameOf(job);
  const entity = entityOf(scope, job);
  const task = refOf(job.id) as MoRef;
  return {
    _type: 'TaskInfo',
    key: task.value,
    task,
    name: method,
    descriptionId: descriptionId(method, job.nativeTarget.type),
    entity,
    entityName: job.targetName === '' ? undefined : job.targetName,
    state: job.state,
    cancelled: job.cancelled,
    cancelable: job.cancelable && job.finishedMs === undefined,
    error:
      job.state === 'error' && job.fault
        ? localized(job.fault, {
            target: job.nativeTarget,
            refs: refOf as (id: Parameters<typeof refOf>[0]) => MoRef | undefined,
          })
        : undefined,
    result: resultOf(job),
    progress:
      job.state === 'running' && job.progress !== undefined
        ? Math.max(0, Math.min(100, Math.round(job.progress)))
        : undefined,
    reason: { _type: 'TaskReasonUser', userName: job.user },
    queueTime: job.queuedMs,
    startTime: job.startedMs,
    completeTime: job.finishedMs,
    eventChainId: numberOf(job.id) & INT,
  };
};

export function cancelTask(scope: Scope, call: Call): Reply {
  const ref = moRef(call.target.type, call.target.id);
  const id = hubIdOf(ref);
  const job = id === undefined ? undefined : scope.context.jobs.get(id);
  if (!job) return refuse(objectNotFound(ref));
  if (job.finishedMs !== undefined || job.state === 'success' || job.state === 'error')
    return refuse(fault('invalid-state', {}, ''));
  if (!job.cancelable || !scope.context.jobs.cancel(job.id))
    return refuse(fault('not-supported', {}, 'this task cannot be cancelled'));
  return value(undefined);
}

const element = (key: string, label: string) => ({ _type: 'ElementDescription', label, summary: label, key });

const description = () => ({
  methodInfo: commands
    .filter(({ job }) => job === true)
    .map(({ method }) => {
      const known = methodOf(method);
      return element(known ? `${known.owner}.${known.vmodl}` : method, method.replace(/_Task$/, ''));
    }),
  state: ['queued', 'running', 'success', 'error'].map((state) => element(state, state)),
  reason: ['TaskReasonUser', 'TaskReasonSystem'].map((key) => ({
    _type: 'TypeDescription',
    label: key,
    summary: key,
    key,
  })),
});

export const furnishTasks = (): void => {
  furnish('Task', (scope, ref) => {
    const id = hubIdOf(ref);
    const job = id === undefined ? undefined : scope.context.jobs.get(id);
    return job && { version: job.version, values: { info: () => taskInfo(scope, job) } };
  });
  furnish('TaskManager', (scope, ref) =>
    sameRef(ref, F.taskManager)
      ? { values: { recentTask: () => recentTasks(scope), description, maxCollector: () => 0 } }
      : undefined,
  );
};
