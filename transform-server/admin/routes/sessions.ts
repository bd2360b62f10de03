/** Sessions of clients: who is logged in where. Their own ids are secrets, so that each is known here by a digest. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Session } from '../../../mappings/generic/call.ts';
import { page, pageOf, pageQuery } from '../page.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'sessions';
const session = z.strictObject({
  id: z.string().describe('A digest: it stands for the session in this API alone.'),
  front: z.string(),
  user: z.string(),
  fullName: z.string(),
  role: z.string(),
  address: z.string(),
  userAgent: z.string(),
  createdMs: z.number(),
  lastActiveMs: z.number(),
  calls: z.int(),
});

const digestOf = ({ id }: Session): string => createHash('sha256').update(id).digest('hex').slice(0, 24);
const shown = (one: Session): z.input<typeof session> => ({
  id: digestOf(one),
  front: one.front,
  user: one.user,
  fullName: one.fullName,
  role: one.role,
  address: one.address,
  userAgent: one.userAgent,
  createdMs: one.createdMs,
  lastActiveMs: one.lastActiveMs,
  calls: one.calls,
});

export const sessionRoutes = ({ inspected }: Sources): readonly Route[] => {
  const all = () =>
    inspected
      .parts()
      .flatMap(({ hosts, sessions }) =>
        hosts.fronts().flatMap(({ instance }) => sessions.view.list(instance.name).map((one) => ({ one, sessions }))),
      );
  return [
    route({
      method: 'GET',
      path: '/sessions',
      access: 'viewer',
      summary: 'Sessions of clients, those used last first.',
      tag,
      query: z.strictObject({
        ...pageQuery,
        front: z.string().max(128).optional(),
        user: z.string().max(256).optional(),
      }),
      answer: pageOf(session),
      act: ({ query }) => {
        const list = all()
          .map(({ one }) => one)
          .filter(({ front }) => query.front === undefined || front === query.front)
          .filter(({ user }) => query.user === undefined || user === query.user)
          .toSorted((a, b) => b.lastActiveMs - a.lastActiveMs)
          .map(shown);
        return page(list, ({ id }) => id, query) as never;
      },
    }),
    route({
      method: 'DELETE',
      path: '/sessions/:id',
      access: 'operator',
      summary: 'End a session; its client must log in again.',
      tag,
      params: z.strictObject({ id: z.string().max(64) }),
      answer: z.strictObject({}),
      problems: { 404: 'There is no such session.' },
      act: ({ params: { id } }) => {
        const found = all().find(({ one }) => digestOf(one) === id);
        if (found === undefined || !found.sessions.logout(found.one.id)) throw new Problem(404, 'no such session');
        return {};
      },
    }),
  ];
};
