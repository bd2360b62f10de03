/** Jobs: what clients' commands became, with their plan, its steps and the journal. */
import { z } from 'zod';
import type { Job } from '../../../mappings/generic/jobs.ts';
import { safeCopy } from '../../../runtime/redaction.ts';
import { page, pageOf, pageQuery } from '../page.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'jobs';
const STATES = ['queued', 'running', 'success', 'error'] as const;
const anything = z.unknown();
const job = z.strictObject({
  id: z.string(),
  verb: z.string(),
  host: z.string(),
  target: z.string(),
  targetName: z.string(),
  user: z.string(),
  front: z.string(),
  method: z.string().describe('As the wire spells it.'),
  exchange: z.string(),
  state: z.enum(STATES),
  progress: z.number().optional(),
  cancelled: z.boolean(),
  cancelable: z.boolean(),
  queuedMs: z.number(),
  startedMs: z.number().optional(),
  finishedMs: z.number().optional(),
  fault: anything.optional(),
  result: anything.optional(),
});
const step = z.strictObject({
  name: z.string(),
  kind: z
    .string()
    .describe(
      'compensatable: it can be taken back; pivot: the last point of return; forward-only: repeated until done.',
    ),
  state: z.string(),
  attempt: z.int(),
  call: anything,
  probe: anything,
  undo: anything.optional(),
  outcome: anything.optional(),
});
const whole = job.extend({
  plan: z
    .strictObject({ queue: z.string(), end: z.string().optional(), steps: z.array(step), touches: z.array(anything) })
    .optional()
    .describe('Absent for a direct command, which has none.'),
  lasting: z.string().optional().describe('Why it cannot be taken back; absent: it can.'),
  journal: z.array(z.strictObject({ atMs: z.number(), what: z.string(), detail: anything })),
});

const ROOM = 256 * 1024;
const safe = (value: unknown): unknown => safeCopy(value, { left: ROOM });

const shown = (one: Job): z.input<typeof job> => ({
  id: one.id,
  verb: one.verb,
  host: one.host,
  target: one.target,
  targetName: one.targetName,
  user: one.user,
  front: one.front,
  method: one.method,
  exchange: one.exchange,
  state: one.state,
  ...(one.progress === undefined ? {} : { progress: one.progress }),
  cancelled: one.cancelled,
  cancelable: one.cancelable,
  queuedMs: one.queuedMs,
  ...(one.startedMs === undefined ? {} : { startedMs: one.startedMs }),
  ...(one.finishedMs === undefined ? {} : { finishedMs: one.finishedMs }),
  ...(one.fault === undefined ? {} : { fault: safe(one.fault) }),
  ...(one.result === undefined ? {} : { result: safe(one.result) }),
});

const text = z.string().max(128).optional();

const params = z.strictObject({ id: z.string().max(64) });
const gone = { 404: 'There is no such job, or not any more.' };

export const jobRoutes = ({ inspected }: Sources): readonly Route[] => {
  const find = (id: string) => {
    for (const { jobs } of inspected.parts()) {
      const found = jobs.get(id as Job['id']);
      if (found !== undefined) return { jobs, found };
    }
    throw new Problem(404, 'there is no such job, or not any more');
  };
  return [
    route({
      method: 'GET',
      path: '/jobs',
      access: 'viewer',
      summary: 'Jobs, newest first.',
      tag,
      query: z.strictObject({
        ...pageQuery,
        state: z.enum(STATES).optional(),
        host: text,
        target: text,
        verb: text,
        user: text,
        exchange: text,
      }),
      answer: pageOf(job),
      act: ({ query }) => {
        const { limit: _, cursor: __, ...wanted } = query;
        const named = Object.entries(wanted).filter(([, value]) => value !== undefined);
        const list = inspected
          .parts()
          .flatMap(({ jobs }) => jobs.list())
          .filter((one) => named.every(([name, value]) => one[name as keyof Job] === value))
          .toSorted((a, b) => b.queuedMs - a.queuedMs);
        const { items, next } = page(list, ({ id }) => id, query);
        return { items: items.map(shown), next };
      },
    }),
    route({
      method: 'GET',
      path: '/jobs/:id',
      access: 'viewer',
      summary: 'One job with its plan, step by step, and its journal.',
      tag,
      params,
      answer: whole,
      problems: gone,
      act: ({ params: { id } }) => {
        const { jobs, found } = find(id);
        const { plan, audit } = jobs.journal(found.id);
        const journal = audit.map((line) => ({ ...line, detail: safe(line.detail) }));
        const lasting = jobs.lasting(found.id);
        const facts = { ...shown(found), ...(lasting === undefined ? {} : { lasting: lasting.text }), journal };
        if (plan === undefined) return facts;
        const steps = plan.plan.steps.map(({ name, kind, call, probe, undo }, at) => {
          const record = plan.steps[at];
          return {
            name,
            kind,
            state: record?.state ?? 'planned',
            attempt: record?.attempt ?? 0,
            call: safe(call),
            probe: safe(probe),
            ...(undo === undefined ? {} : { undo: safe(undo) }),
            ...(record?.outcome === undefined ? {} : { outcome: safe(record.outcome) }),
          };
        });
        const { queue, touches } = plan.plan;
        const end = plan.end === undefined ? {} : { end: plan.end };
        return { ...facts, plan: { queue, ...end, steps, touches: touches.map(safe) } };
      },
    }),
    route({
      method: 'POST',
      path: '/jobs/:id/rollback',
      access: 'operator',
      summary: 'Take a finished job back: the undos of its steps in reverse order, as a job of its own.',
      tag,
      params,
      status: 202,
      answer: z.strictObject({ job: z.string().describe('The job that takes it back.') }),
      problems: { ...gone, 409: 'It cannot be taken back; the detail says why.' },
      act: ({ params: { id }, who }) => {
        const { jobs, found } = find(id);
        const started = jobs.rollback(found.id, who.name);
        if (!started.ok) throw new Problem(409, started.fault.text);
        return { job: started.value.id };
      },
    }),
  ];
};
