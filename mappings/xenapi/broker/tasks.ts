/** Jobs of the hub in; the fields of task records, with results as the XML-RPC text of the value and errors as the API has them, out. */
import { parseHubId } from '../../generic/ids.ts';
import type { Job } from '../../generic/jobs.ts';
import type { FrontInstance } from '../../generic/platform.ts';
import { xenError } from '../faults.ts';
import { NULL_REF, refOf, uuidOf, xenId } from '../ids.ts';
import { dateTime } from '../render/markup.ts';
import { taskStatus } from '../states.ts';
import { type Default, resolveCall, type Type } from '../types.ts';
import { encodeXml } from '../values.ts';

/** Ended tasks of background calls are kept so long, when nobody destroys them. */
export const KEPT_MS = 65 * 60_000;
/** Of more than so many the oldest go earlier, but not before so long. */
export const MOST_ENDED = 200;
export const SEEN_MS = 60_000;

/** Made by this API's background calls; others are seen while they run. */
const isBackground = (job: Job, front: FrontInstance): boolean =>
  job.front === front.name && job.method.startsWith('Async.');

const isOver = ({ state }: Job): boolean => state === 'success' || state === 'error';

export const isShown = (job: Job, front: FrontInstance, nowMs: number): boolean =>
  !isOver(job) || (isBackground(job, front) && nowMs - (job.finishedMs ?? nowMs) < KEPT_MS);

/** A hub id that a job made, by the reference that the method promises. */
const shown = (type: Type, value: unknown, front: FrontInstance): unknown => {
  if (type.kind === 'set' && Array.isArray(value)) return value.map((one) => shown(type.of, one, front));
  if (type.kind !== 'ref' || typeof value !== 'string') return value;
  const id = parseHubId(value);
  return id === undefined ? value : refOf(xenId(type.class, id), front);
};

const resultOf = (job: Job, front: FrontInstance): string => {
  if (job.state !== 'success') return '';
  const type = resolveCall(job.method)?.message.result;
  if (type === undefined || type.kind === 'void') return '<value></value>';
  return encodeXml(type, shown(type, job.result, front));
};

const errorOf = (job: Job, front: FrontInstance): string[] => {
  if (job.state !== 'error' || job.fault === undefined) return [];
  const call = { method: job.method, target: job.nativeTarget, args: {} };
  const { code, params } = xenError(job.fault, { front, call, job: job.id });
  return [code, ...params];
};

const progressOf = (job: Job): number => {
  if (isOver(job)) return 1;
  return Math.max(0, Math.min(100, job.progress ?? 0)) / 100;
};

const timeOf = (ms: number | undefined): string => dateTime(ms ?? 0);

export const taskFields = (job: Job, front: FrontInstance): Readonly<Record<string, Default>> => {
  const id = xenId('task', job.id);
  const status = taskStatus(job.state, job.cancelled, job.fault?.kind);
  return {
    uuid: uuidOf(id, front),
    name_label: job.method,
    name_description: job.targetName,
    allowed_operations: status === 'pending' ? (job.cancelable ? ['cancel', 'destroy'] : ['destroy']) : [],
    created: timeOf(job.queuedMs),
    finished: timeOf(job.finishedMs),
    status,
    resident_on: job.host === front.host ? refOf(xenId('host', job.host), front) : NULL_REF,
    progress: progressOf(job),
    type: '<none/>',
    result: resultOf(job, front),
    error_info: errorOf(job, front),
  };
};
