/** task.create and what clients say of their tasks in, own objects out; of a job's task only what may be said of it. */
import { kindOf } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import { formatTime } from '../../wire/rpc-value.ts';
import { parseRef, type XenId } from '../ids.ts';
import { type OwnObject, ownObject, putOwnObject, removeOwnObject } from '../own-data.ts';
import { destroyJobTask, isEnded, makeTask, staleTasks } from '../tasks.ts';
import type { Default } from '../types.ts';
import { invalidHandle, refuse } from './refusal.ts';
import { idOf } from './targets.ts';
import { type Answer, type Ending, ended, textArg, type Work } from './work.ts';

// biome-ignore lint/correctness/useYield: an answer like the others
function* createTask(work: Work): Brokered<Ending> {
  const { context } = work;
  for (const ref of staleTasks(context)) removeOwnObject(context, ref);
  return ended(makeTask(textArg(work, 'label'), textArg(work, 'description'), context));
}

type Target = { readonly kind: 'own'; readonly object: OwnObject } | { readonly kind: 'job'; readonly id: XenId };

const targetOf = (work: Work): Target => {
  const { context, self } = work;
  const ref = self === '' ? textArg(work, 'task') : self;
  const id = idOf('task', ref, work);
  const object = ownObject(context, ref);
  if (object) return { kind: 'own', object };
  if (kindOf(id.owner) === 'job' && context.jobs.get(id.owner) !== undefined) return { kind: 'job', id };
  return invalidHandle('task', ref);
};

function* destroyTask(work: Work): Brokered<Ending> {
  const { context, self } = work;
  const target = targetOf(work);
  if (target.kind === 'own') removeOwnObject(context, self);
  else destroyJobTask(self, context, (ref) => parseRef(ref, context.front));
  return ended();
}

// biome-ignore lint/correctness/useYield: an answer like the others
function* cancelTask(work: Work): Brokered<Ending> {
  const { context } = work;
  const target = targetOf(work);
  if (target.kind === 'own') {
    const { ref, fields } = target.object;
    // Whoever made it works on it: it is told, and ends the task itself.
    if (!isEnded(fields['status'])) putOwnObject(context, ref, { status: 'cancelling' });
    return ended();
  }
  const job = context.jobs.get(target.id.owner);
  if (job?.finishedMs !== undefined) return ended();
  return context.jobs.cancel(target.id.owner)
    ? ended()
    : refuse('OPERATION_NOT_ALLOWED', 'The task cannot be cancelled any more');
}

/** Of a job the hub says how far it is. */
const ownOnly = (work: Work): OwnObject => {
  const target = targetOf(work);
  return target.kind === 'own'
    ? target.object
    : refuse('OPERATION_NOT_ALLOWED', 'The task is not one that a client made');
};

const setter = (field: 'status' | 'progress' | 'result' | 'error_info'): Answer =>
  // biome-ignore lint/correctness/useYield: an answer like the others
  function* (work: Work): Brokered<Ending> {
    const { context } = work;
    const { ref } = ownOnly(work);
    const value = work.args['value'] as Default;
    const closing =
      field === 'status' && isEnded(value)
        ? { finished: formatTime(context.now()), allowed_operations: ['destroy'], progress: 1 }
        : {};
    putOwnObject(context, ref, { ...closing, [field]: value });
    return ended();
  };

export const TASK: Readonly<Record<string, Answer>> = {
  'task.create': createTask,
  'task.destroy': destroyTask,
  'task.cancel': cancelTask,
  'task.set_status': setter('status'),
  'task.set_progress': setter('progress'),
  'task.set_result': setter('result'),
  'task.set_error_info': setter('error_info'),
};
