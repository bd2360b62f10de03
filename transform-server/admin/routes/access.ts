/** Log-in and log-out of people at a console, and who one is. */
import { z } from 'zod';
import { LIMITS } from '../../../runtime/limits.ts';
import { ROLES } from '../access.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'access';
const who = z.strictObject({
  name: z.string(),
  role: z.enum(ROLES),
  csrf: z.string().describe('Sent back as header x-csrf-token with every change; empty for clients with a token.'),
});

export const accessRoutes = ({ access }: Sources): readonly Route[] => [
  route({
    method: 'POST',
    path: '/login',
    access: 'open',
    summary: 'Log in with an account of the installation; the answer sets a cookie.',
    tag,
    body: z.strictObject({
      user: z.string().max(LIMITS.userNameBytes),
      password: z.string().max(LIMITS.passwordBytes),
    }),
    answer: who,
    problems: { 401: 'The user or the password is wrong.' },
    by: ({ user }) => user,
    act: async ({ body, reply }) => {
      const made = await access.login(body.user, body.password);
      void reply.header('set-cookie', made.cookie);
      return made.who;
    },
  }),
  route({
    method: 'POST',
    path: '/logout',
    access: 'viewer',
    summary: 'End this log-in.',
    tag,
    answer: z.strictObject({}),
    act: ({ request, reply }) => {
      void reply.header('set-cookie', access.logout(request));
      return {};
    },
  }),
  route({
    method: 'GET',
    path: '/me',
    access: 'viewer',
    summary: 'Who is logged in.',
    tag,
    answer: who,
    act: ({ who: me }) => me,
  }),
];
