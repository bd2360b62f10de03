/** The admin API as the console asks it: a path in, its JSON or a problem out; changes carry the log-in's own header. */
import { useCallback, useEffect, useState } from 'preact/hooks';

export interface Me {
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'administrator';
  readonly csrf: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** What RFC 9457 tells. */
export class Problem extends Error {
  readonly status: number;
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** No answer came. */
const AWAY = 0;

let me: Me | undefined;
export const isMe = (next: Me | undefined): void => {
  me = next;
};
export const may = (role: Me['role']): boolean => {
  const roles = ['viewer', 'operator', 'administrator'];
  return me !== undefined && roles.indexOf(me.role) >= roles.indexOf(role);
};

let loggedOut = (): void => {};
export const onLoggedOut = (listener: () => void): void => {
  loggedOut = listener;
};

export const ask = async <T>(
  path: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' = 'GET',
  body?: unknown,
): Promise<T> => {
  const answer = await fetch(`/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(method === 'GET' ? {} : { 'x-csrf-token': me?.csrf ?? '' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Problem(AWAY, 'the server does not answer');
  });
  if (answer.ok) return (await answer.json()) as T;
  const told = (await answer.json().catch(() => ({}))) as { detail?: string };
  if (answer.status === 401 && path !== '/login') loggedOut();
  throw new Problem(answer.status, told.detail ?? `status ${answer.status}`);
};

/** `search`: what is undefined or empty is left out. */
export const pathOf = (path: string, search: Readonly<Record<string, string | number | undefined>>): string => {
  const set = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(set.map(([key, value]) => [key, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
};

export interface Asked<T> {
  readonly value: T | undefined;
  readonly problem: string | undefined;
  readonly again: () => void;
}

/** Asked when the path changes and when `again` is called; undefined asks nothing. */
export const useAsked = <T>(path: string | undefined): Asked<T> => {
  const [found, setFound] = useState<{ path: string; value?: T; problem?: string }>();
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  useEffect(() => {
    if (path === undefined) return undefined;
    let over = false;
    ask<T>(path)
      .then((value) => !over && setFound({ path, value }))
      .catch(
        (error: unknown) =>
          !over &&
          setFound((before) => ({
            path,
            // What was seen stays while the server is away; what is gone does not.
            ...(before?.path === path && error instanceof Problem && error.status === AWAY
              ? { value: before.value }
              : {}),
            problem: error instanceof Error ? error.message : String(error),
          })),
      );
    return () => {
      over = true;
    };
  }, [path, turn]);
  const mine = found?.path === path ? found : undefined;
  return { value: mine?.value, problem: mine?.problem, again };
};
