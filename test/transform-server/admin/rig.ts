/** An admin endpoint on a server of its own with an invented platform: requests with its token, or as a user, in; answers out. */
import { type Account, type Accounts, createAccounts, hashPassword } from '../../../runtime/accounts.ts';
import { type Admin, openAdmin } from '../../../transform-server/admin/admin.ts';
import { temporaryFolder } from '../../temporary.ts';
import { compose } from '../composed.ts';

export const TOKEN = 'a-token-of-some-length';

/** Each with the password `right of NAME`. */
export const accountsOf = async (roles: Readonly<Record<string, Account['role']>>): Promise<Accounts> =>
  createAccounts(
    await Promise.all(
      Object.entries(roles).map(async ([name, role]) => ({
        ...{ name, role, fullName: '' },
        hash: await hashPassword(`right of ${name}`),
      })),
    ),
  );

export interface LoggedIn {
  readonly status: number;
  /** As it was set. */
  readonly cookie: string;
  /** What a browser's page sends from then on. */
  readonly headers: Readonly<Record<string, string>>;
}

export const logIn = async ({ url }: Admin, user: string, password = `right of ${user}`): Promise<LoggedIn> => {
  const answer = await fetch(`${url}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user, password }),
  });
  const cookie = answer.headers.get('set-cookie') ?? '';
  const { csrf = '' } = (await answer.json()) as { csrf?: string };
  return { status: answer.status, cookie, headers: { cookie: cookie.split(';')[0] ?? '', 'x-csrf-token': csrf } };
};

export interface AdminRig {
  readonly one: Awaited<ReturnType<typeof compose>>;
  readonly admin: Admin;
  /** With the token; a body is JSON. */
  readonly ask: (path: string, init?: RequestInit & { headers?: Record<string, string> }) => Promise<Response>;
  readonly json: <T>(path: string) => Promise<T>;
  readonly close: () => Promise<void>;
}

/** Every answer is compared with its shape on the way. */
export const openRig = async (roles: Readonly<Record<string, Account['role']>> = {}): Promise<AdminRig> => {
  const one = await compose(temporaryFolder());
  const accounts = await accountsOf(roles);
  const admin = await openAdmin({ inspected: one.server.inspected, token: TOKEN, accounts, strict: true });
  const ask: AdminRig['ask'] = (path, init = {}) =>
    fetch(`${admin.url}/api/v1${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(typeof init.body === 'string' && { 'content-type': 'application/json' }),
        ...init.headers,
      },
    });
  return {
    one,
    admin,
    ask,
    json: async <T>(path: string) => (await (await ask(path)).json()) as T,
    close: async () => {
      await admin.close();
      await one.server.close();
    },
  };
};
