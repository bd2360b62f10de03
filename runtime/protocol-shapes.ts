/** The link's vocabulary as shapes: what the other program sent in, checked functions out; what no program of ours sends is a misfit. */
import { z } from 'zod';
import { parseHubId } from '../mappings/generic/ids.ts';
import { LIMITS } from './limits.ts';
import { LOG_LEVELS } from './log.ts';
import type { AgentApi, ServerApi } from './protocol.ts';
import { BUCKETS_MS } from './tally.ts';

const KIB = 1024;
/** Names, ids, addresses of our own. */
const name = z.string().max(KIB);
/** Of a client or a host, which must not be able to end the link: bounded by the message alone. */
const words = z.string();
const count = z.number().int().nonnegative();
/** What a Date can show. */
const time = z.number().nonnegative().max(8.64e15);
const hubId = z.string().refine((text) => parseHubId(text) !== undefined, 'no hub id');
const bytes = z.instanceof(Uint8Array);

/** Deeper than anything a client's request may be nested; recursion over it is safe. */
const DEEPEST = 256;
const isShallow = (value: unknown, left: number): boolean => {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return true;
  if (left === 0) return false;
  // By key they would be walked ten times as long: a host's statistics are arrays.
  if (Array.isArray(value)) return value.every((one) => isShallow(one, left - 1));
  for (const key in value) if (!isShallow((value as Record<string, unknown>)[key], left - 1)) return false;
  return true;
};
const anything = z.unknown().refine((value) => isShallow(value, DEEPEST), 'nested too deeply');

/** A structure of any names. z.record would look at each name and make a copy, which is most of what a call costs to judge. */
const each = (fits: (value: unknown) => boolean) =>
  z.custom<Readonly<Record<string, unknown>>>((value) => {
    if (typeof value !== 'object' || value === null) return false;
    const prototype = Object.getPrototypeOf(value) as unknown;
    if (prototype !== Object.prototype && prototype !== null) return false;
    for (const key in value) if (!fits((value as Record<string, unknown>)[key])) return false;
    return true;
  }, 'no structure of what belongs there');
const members = each((value) => isShallow(value, DEEPEST - 1));
const texts = each((value) => typeof value === 'string');
const scalars = each((value) => typeof value !== 'object');
const ref = z.object({ kind: name, native: words });
const object = z.object({
  kind: z.enum(['host', 'vm', 'template', 'snapshot', 'storage', 'volume', 'network']),
  native: words,
  parts: texts,
  facts: scalars,
  contains: z.object({ kind: name, natives: z.array(z.string()) }).optional(),
});
const hint = words.optional();
const change = z.discriminatedUnion('change', [
  z.object({ change: z.literal('put'), object, hint }),
  z.object({ change: z.literal('gone'), ref, hint }),
  z.object({ change: z.literal('volatile'), ref, slots: members }),
]);
const changes = z.array(change).max(1_000_000);

const fault = z.object({ kind: name, members, text: z.string(), native: anything.optional() });
const outcomeOf = <T extends z.ZodType>(value: T) =>
  z.discriminatedUnion('ok', [z.object({ ok: z.literal(true), value }), z.object({ ok: z.literal(false), fault })]);
const outcome = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: anything.optional() }),
  z.object({ ok: z.literal(false), fault }),
]);

const call = z.object({
  method: words,
  target: z.object({ type: words, id: words }),
  args: members,
  version: words,
  operation: words,
  raw: bytes.optional(),
});
const exchange = { exchange: name, front: name, session: name, address: name };
const request = z.looseObject({ method: words, path: words });
const transfer = z.looseObject({ ...exchange, request });

const options = z.record(name, words);
const hello = z.object({
  version: z.number(),
  oldest: z.number().optional(),
  agent: name,
  hosts: z.array(z.object({ name, platform: name, uri: words })).max(10_000),
  fronts: z
    .array(
      z.object({
        name,
        platform: name,
        host: name,
        port: count,
        certificate: z.string().max(LIMITS.linkCertificateBytes),
        options,
      }),
    )
    .max(10_000),
});

const entry = z.object({
  seq: count,
  exchange: name,
  job: hubId,
  verb: name,
  host: hubId,
  target: hubId,
  targetName: words,
  user: name,
  address: name,
  front: name,
  method: words,
  nativeTarget: z.object({ type: words, id: words }),
  operation: words,
  atMs: time,
  phase: z.enum(['started', 'finished']),
  fault: fault.optional(),
  changes: changes.optional(),
});
const hop = z.object({
  exchange: name,
  shape: name,
  atMs: time,
  durationMs: z.number().optional(),
  facts: z.record(name, words).optional(),
  detail: each(() => true),
});
const tally = z.object({
  exchanges: z.array(z.object({ front: name, method: name, route: name, outcome: name, count })).max(LIMITS.tallyCells),
  latencies: z
    .array(
      z.object({
        front: name,
        route: name,
        sumMs: z.number().nonnegative(),
        buckets: z.array(count).length(BUCKETS_MS.length + 1),
      }),
    )
    .max(LIMITS.tallyCells),
});
const lease = z.object({ vm: hubId, host: hubId, native: words, name: words, template: z.boolean(), epoch: count });
const nativeCall = z.object({ procedure: name, args: members });

type Shapes<Api> = Readonly<Record<keyof Api, z.ZodType>>;

export const SERVER_CALLS = {
  hello: z.tuple([hello]),
  login: z.tuple([
    z.object({
      front: name,
      user: name,
      fullName: words,
      role: z.enum(['administrator', 'operator', 'read-only']),
      address: name,
      userAgent: words,
      locale: words,
    }),
  ]),
  session: z.tuple([name]),
  logout: z.tuple([name]),
  touch: z.tuple([z.record(name, z.object({ lastActiveMs: time, calls: count }))]),
  loginFailed: z.tuple([z.object({ front: name, user: name, address: name })]),
  call: z.tuple([z.object({ ...exchange, call })]),
  hangUp: z.tuple([name]),
  stream: z.tuple([transfer]),
  transferred: z.tuple([transfer, outcome]),
  list: z.tuple([hubId, count, z.array(object).max(1_000_000), z.boolean()]),
  changes: z.tuple([hubId, count, changes]),
  hostState: z.tuple([hubId, count, z.object({ connected: z.boolean(), text: words })]),
  outbox: z.tuple([name, z.array(entry).max(LIMITS.outboxEntries)]),
  jobIds: z.tuple([]),
  lease: z.tuple([hubId, hubId]),
  hops: z.tuple([z.array(hop).max(LIMITS.hopsQueued)]),
  counted: z.tuple([z.object({ decoded: count, dispatched: count, direct: count, tally: tally.optional() })]),
} satisfies Shapes<ServerApi>;

export const AGENT_CALLS = {
  chunk: z.tuple([name, bytes]),
  acquire: z.tuple([hubId, count, words, hubId]),
  release: z.tuple([hubId, words, hubId]),
  step: z.tuple([hubId, count, name, nativeCall]),
  probe: z.tuple([hubId, count, z.object({ probe: name, args: members })]),
  read: z.tuple([hubId, z.array(ref)]),
  ask: z.tuple([hubId, name, members]),
  grantLeases: z.tuple([z.array(lease).max(LIMITS.vmLeases)]),
  revokeLeases: z.tuple([z.array(hubId)]),
  revokeSessions: z.tuple([z.array(name)]),
  reloadMappings: z.tuple([]),
  logLevel: z.tuple([z.enum(LOG_LEVELS)]),
  holdCalls: z.tuple([]),
  parkCalls: z.tuple([z.array(name)]),
} satisfies Shapes<AgentApi>;

/** Of those whose answers say something. */
export const AGENT_ANSWERS = {
  acquire: outcome,
  step: outcomeOf(members),
  probe: outcomeOf(z.enum(['done', 'not-done', 'running', 'gone'])),
  read: outcomeOf(changes),
  ask: outcome,
} satisfies Partial<Shapes<AgentApi>>;

/** What a program of ours would never have sent. */
export class Misfit extends Error {
  override readonly name = 'Misfit';
}

type Functions = Readonly<Record<string, (...args: unknown[]) => unknown>>;

const fitted = (shape: z.ZodType | undefined, value: unknown, what: string, told: (misfit: Misfit) => void): void => {
  const checked = shape?.safeParse(value);
  if (checked === undefined || checked.success) return;
  const [issue] = checked.error.issues;
  const misfit = new Misfit(`${what}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`.slice(0, KIB));
  told(misfit);
  throw misfit;
};

/** The same functions, called only with arguments that fit. */
export const withFittingCalls = <Api extends object>(
  api: Api,
  shapes: Shapes<Api>,
  told: (misfit: Misfit) => void = () => {},
): Api =>
  Object.fromEntries(
    Object.entries(api as Functions).map(([called, act]) => [
      called,
      async (...args: unknown[]) => {
        fitted(shapes[called as keyof Api], args, called, told);
        return act(...args);
      },
    ]),
  ) as Api;

/** The other side's functions, whose answers fit or are an error. */
export const withFittingAnswers = <Api extends object>(
  remote: Api,
  shapes: Partial<Shapes<Api>>,
  told: (misfit: Misfit) => void,
): Api =>
  new Proxy(remote, {
    get: (target, called) => {
      const act = Reflect.get(target, called) as ((...args: unknown[]) => Promise<unknown>) | undefined;
      const shape = shapes[called as keyof Api];
      if (act === undefined || shape === undefined) return act;
      return async (...args: unknown[]) => {
        const answer = await act(...args);
        fitted(shape, answer, `the answer to ${String(called)}`, told);
        return answer;
      };
    },
  });
