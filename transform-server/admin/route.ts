/** A path of the admin API as a value: who may, what goes in and what comes out, as shapes from which requests are checked and OpenAPI is made. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Access, AdminRole, Who } from './access.ts';
import { Problem } from './problem.ts';

type Shape = z.ZodType;
type Of<S> = S extends z.ZodType ? z.output<S> : undefined;

export interface Asked<Params, Query, Body> {
  readonly params: Of<Params>;
  readonly query: Of<Query>;
  readonly body: Of<Body>;
  readonly who: Who;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export interface RouteText<Params, Query, Body, Answer> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for each parameter. */
  readonly path: string;
  /** `open`: anyone. */
  readonly access: AdminRole | 'open';
  readonly summary: string;
  /** The noun it belongs to. */
  readonly tag: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly bodyBytes?: number;
  /** Of JSON; else the type of what comes, which the route writes itself. */
  readonly answer: Answer | { readonly type: string };
  /** 200 when absent. */
  readonly status?: number;
  /** It changes nothing, whatever its method: the audit need not know. */
  readonly reads?: boolean;
  /** Of an open path: who it is that nobody knows yet; the audit names them. */
  by?(body: Of<Body>): string;
  /** Other answers than the usual, by status. */
  readonly problems?: Readonly<Record<number, string>>;
  act(
    asked: Asked<Params, Query, Body>,
  ): Promise<Answer extends z.ZodType ? z.input<Answer> : void> | (Answer extends z.ZodType ? z.input<Answer> : void);
}

/** Any route: what it is made of was checked where it was written. */
// biome-ignore lint/suspicious/noExplicitAny: the types of one route mean nothing to a list of routes
export type Route = RouteText<any, any, any, any>;

export const route = <
  Params extends Shape | undefined = undefined,
  Query extends Shape | undefined = undefined,
  Body extends Shape | undefined = undefined,
  Answer extends Shape | undefined = undefined,
>(
  text: RouteText<Params, Query, Body, Answer>,
): Route => text;

export const problemShape = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
});

const NOTHING = z.strictObject({});
const isShape = (answer: Route['answer']): answer is z.ZodType => answer instanceof z.ZodType;

const jsonSchema = (shape: z.ZodType, io: 'input' | 'output'): Record<string, unknown> => {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io, unrepresentable: 'any' });
  return schema;
};

const problemAnswer = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: jsonSchema(problemShape, 'output') } },
});

const USUAL: Readonly<Record<number, string>> = {
  400: 'Something in the request is not as described.',
  405: 'Not with this method.',
  414: 'A part of the path is too long.',
  429: 'Too many requests; Retry-After says when to come again.',
  431: 'Path, query and header together are too long.',
};
const OF_BODIES: Readonly<Record<number, string>> = { 413: 'The body is too large.', 415: 'The body is no JSON.' };

/** Of lists that come in pages. */
const OF_PAGES: Readonly<Record<number, string>> = {
  410: 'What the cursor points to is gone: begin again without it.',
};
const hasPages = (query: z.ZodType | undefined): boolean => query instanceof z.ZodObject && 'cursor' in query.shape;

const schemaOf = ({ summary, tag, params, query, body, answer, status = 200, access, problems }: Route) => ({
  summary,
  tags: [tag],
  ...(params === undefined ? {} : { params: jsonSchema(params, 'input') }),
  ...(query === undefined ? {} : { querystring: jsonSchema(query, 'input') }),
  ...(body === undefined ? {} : { body: jsonSchema(body, 'input') }),
  ...(access === 'open' ? { security: [] } : { description: `Needs the role ${access}.` }),
  response: {
    [status]: isShape(answer)
      ? { description: 'Done.', ...jsonSchema(answer, 'output') }
      : { description: 'Done.', content: { [answer.type]: { schema: { type: 'string' } } } },
    ...Object.fromEntries(
      Object.entries({
        ...USUAL,
        ...(body === undefined ? {} : OF_BODIES),
        ...(hasPages(query) ? OF_PAGES : {}),
        ...(access === 'open' ? {} : { 401: 'Nobody is logged in, and no token came.', 403: 'The role is too small.' }),
        ...problems,
      }).map(([code, description]) => [code, problemAnswer(description)]),
    ),
  },
});

/** Empty text is no number, whatever it is made into. */
const noEmptyNumbers = (shape: z.ZodType): ((query: unknown) => void) => {
  const { properties = {} } = jsonSchema(shape, 'input') as { properties?: Record<string, { type?: unknown }> };
  const numbers = Object.keys(properties).filter((name) => /^(number|integer)$/.test(String(properties[name]?.type)));
  return (query) => {
    const empty = numbers.find((name) => (query as Record<string, unknown>)[name] === '');
    if (empty !== undefined) throw new Problem(400, `query ${empty}: no number`);
  };
};

/** What is wrong, by the name of the parameter. */
const checked = (shape: z.ZodType | undefined, value: unknown, where: string): unknown => {
  const parsed = (shape ?? NOTHING).safeParse(value ?? {});
  if (parsed.success) return shape === undefined ? undefined : parsed.data;
  const issue = parsed.error.issues[0];
  const at = issue?.path.join('.') ?? '';
  throw new Problem(400, `${where}${at === '' ? '' : ` ${at}`}: ${issue?.message ?? 'not as described'}`.slice(0, 500));
};

export interface Mounted {
  readonly app: FastifyInstance;
  readonly access: Access;
  /** Whoever changed something, with what they did. */
  readonly changed: (who: Who, route: Route, request: FastifyRequest, status: number) => void;
  /** Each answer is compared with its shape: for tests. */
  readonly strict: boolean;
}

export const mount = ({ app, access, changed, strict }: Mounted, one: Route): void => {
  const nobody: Who = { name: '', role: 'viewer', csrf: '' };
  const lookAtNumbers = noEmptyNumbers(one.query ?? NOTHING);
  const admitted = new WeakMap<FastifyRequest, Who>();
  app.route({
    method: one.method,
    url: one.path,
    schema: schemaOf(one),
    ...(one.bodyBytes === undefined ? {} : { bodyLimit: one.bodyBytes }),
    // Before anything of the body is read: who may not ask learns nothing of what is wrong with it.
    onRequest: async (request) => {
      if (one.access !== 'open') admitted.set(request, access.admit(request, one.access));
    },
    handler: async (request, reply) => {
      const who = admitted.get(request) ?? nobody;
      const isChange = one.method !== 'GET' && (one.access !== 'open' || one.by !== undefined) && one.reads !== true;
      let by = who;
      try {
        lookAtNumbers(request.query);
        const params = checked(one.params, request.params, 'path') as undefined;
        const query = checked(one.query, request.query, 'query') as undefined;
        const body = checked(one.body, request.body, 'body') as undefined;
        if (one.by !== undefined) by = { ...nobody, name: one.by(body) };
        const answer = await one.act({ params, query, body, who, request, reply });
        if (isChange) changed(by, one, request, one.status ?? 200);
        if (!isShape(one.answer)) return reply;
        if (strict) one.answer.parse(answer);
        return reply
          .code(one.status ?? 200)
          .type('application/json')
          .send(`${JSON.stringify(answer)}\n`);
      } catch (error) {
        if (isChange) changed(by, one, request, error instanceof Problem ? error.status : 500);
        throw error;
      }
    },
  });
};

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY'];

/** A path that there is says which methods it has. */
export const refuseOthers = (app: FastifyInstance, routes: readonly Route[]): void => {
  for (const method of METHODS) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  for (const [url, own = []] of Object.entries(Object.groupBy(routes, ({ path }) => path))) {
    const allowed = own.flatMap(({ method }) => (method === 'GET' ? [method, 'HEAD'] : [method]));
    const refuse = (): never => {
      throw new Problem(405, `this path has ${allowed.join(', ')}`, { allow: allowed.join(', ') });
    };
    app.route({
      method: METHODS.filter((method) => !allowed.includes(method)),
      url,
      schema: { hide: true },
      // Before anything of the request is read.
      onRequest: async () => refuse(),
      handler: refuse,
    });
  }
};
