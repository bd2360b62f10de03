/** Tasks as clients see them: those that they made themselves, and what they said of those that are jobs; kept here with their events. */
import { numberOf } from '../generic/ids.ts';
import type { BrokerContext } from '../generic/platform.ts';
import { formatTime } from '../wire/rpc-value.ts';
import { refOf, uuidOf, type XenId, xenId } from './ids.ts';
import { dropOwnFields, forget, ownObjects, putOwnObject } from './own-data.ts';
import type { Default } from './types.ts';

export type TaskContext = Pick<BrokerContext, 'front' | 'own' | 'nextVersion' | 'now' | 'jobs'>;

/** As long as XenAPI's own server keeps them. */
const ENDED_MS = 65 * 60_000;
const PENDING_MS = 24 * 3_600_000;
const MOST = 200;

const NEVER = formatTime(0);

/** Places of client tasks: parts of the host. They begin anew only where none of the old ones is left. */
const freePart = (context: TaskContext): number => {
  const { front, own } = context;
  const namespace = `xenapi:${front.uuid}`;
  const last = Number(own.get(namespace, 'task-count') ?? 0);
  const part = (last % 0xff_fffe) + 1;
  own.put(namespace, 'task-count', part);
  return part;
};

const timeOf = (text: Default | undefined): number => {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d):(\d\d):(\d\d)Z$/.exec(String(text)) ?? [];
  return y === undefined ? 0 : Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
};

export const isEnded = (status: Default | undefined): boolean =>
  status === 'success' || status === 'failure' || status === 'cancelled';

/** Client tasks that are old, or too many. */
export const staleTasks = (context: TaskContext): readonly string[] => {
  const now = context.now();
  const tasks = ownObjects(context, 'task').map(({ ref, fields }) => ({
    ref,
    ended: isEnded(fields['status']),
    since: isEnded(fields['status']) ? timeOf(fields['finished']) : timeOf(fields['created']),
  }));
  const old = tasks.filter(({ ended, since }) => now - since > (ended ? ENDED_MS : PENDING_MS)).map(({ ref }) => ref);
  const ended = tasks.filter((one) => one.ended).sort((a, b) => a.since - b.since);
  const surplus = ended.slice(0, Math.max(0, tasks.length - MOST)).map(({ ref }) => ref);
  return [...new Set([...old, ...surplus])];
};

/** A task that a client made: it says itself how far it is. */
export const makeTask = (label: string, description: string, context: TaskContext): string => {
  const { front } = context;
  const id: XenId = xenId('task', front.host, freePart(context));
  const ref = refOf(id, front);
  putOwnObject(context, ref, {
    uuid: uuidOf(id, front),
    name_label: label,
    name_description: description,
    allowed_operations: ['cancel', 'destroy'],
    current_operations: {},
    created: formatTime(context.now()),
    finished: NEVER,
    status: 'pending',
    resident_on: refOf(xenId('host', front.host), front),
    progress: 0,
    type: '<none/>',
    result: '',
    error_info: [],
    other_config: {},
    subtask_of: 'OpaqueRef:NULL',
    subtasks: [],
    backtrace: '()',
  });
  return ref;
};

/** Marks are looked through now and then: once in so many. */
const CHECKED_EVERY = 64;

/** The client wants to see no more of a job. Marks of jobs that are forgotten go as well. */
export const destroyJobTask = (ref: string, context: TaskContext, parse: (ref: string) => XenId | undefined): void => {
  forget(context, ref);
  const destroyed = parse(ref);
  if (destroyed === undefined || numberOf(destroyed.owner) % CHECKED_EVERY !== 0) return;
  for (const { key } of context.own.list(`xenapi:${context.front.uuid}`, 'field ')) {
    const [, marked = '', field] = key.split(' ');
    const id = field === 'forgotten' ? parse(marked) : undefined;
    if (id?.cls === 'task' && context.jobs.get(id.owner) === undefined) dropOwnFields(context, marked);
  }
};
