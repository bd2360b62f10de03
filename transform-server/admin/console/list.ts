/** A list of the API in, all its items page by page out, asked anew when something of its kind is told. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ask, type Page, pathOf } from './api.ts';
import { useLive } from './live.ts';

export interface List<T> {
  readonly items: readonly T[];
  readonly problem: string | undefined;
  readonly loading: boolean;
  /** Asks for the next page, if there is one. */
  readonly more: () => void;
}

const LIMIT = 200;

/** `kinds`: of what is told live, those after which the first page is asked again. */
export const useList = <T>(
  path: string,
  search: Readonly<Record<string, string | undefined>>,
  keyOf: (item: T) => string,
  kinds: readonly string[],
): List<T> => {
  const whole = pathOf(path, { ...search, limit: LIMIT });
  const [state, setState] = useState<{ path: string; items: readonly T[]; next: string | null; problem?: string }>();
  const busy = useRef(false);
  const mine = state?.path === whole ? state : undefined;

  const refresh = useCallback((): void => {
    ask<Page<T>>(whole)
      .then(({ items, next }) =>
        setState((before) => {
          if (before?.path !== whole || before.items.length <= items.length) return { path: whole, items, next };
          // What was loaded further down stays; what is new comes before it.
          const fresh = new Set(items.map(keyOf));
          // More came than a page holds: what lies between is not there.
          if (next !== null && !before.items.some((item) => fresh.has(keyOf(item))))
            return { path: whole, items, next };
          return { ...before, items: [...items, ...before.items.filter((item) => !fresh.has(keyOf(item)))] };
        }),
      )
      .catch((error: unknown) =>
        setState((before) => ({
          path: whole,
          // What was seen stays while the server is away.
          items: before?.path === whole ? before.items : [],
          next: null,
          problem: error instanceof Error ? error.message : String(error),
        })),
      );
  }, [whole, keyOf]);
  const isLive = kinds.length > 0;
  useEffect(() => {
    // What came while nothing was followed is asked for as soon as it is again.
    if (isLive || mine === undefined) refresh();
  }, [refresh, isLive]);
  useLive(kinds, refresh);

  const next = mine?.next ?? null;
  const more = useCallback((): void => {
    if (next === null || busy.current) return;
    busy.current = true;
    ask<Page<T>>(pathOf(path, { ...search, limit: LIMIT, cursor: next }))
      .then((page) =>
        setState((before) =>
          before?.path === whole ? { ...before, items: [...before.items, ...page.items], next: page.next } : before,
        ),
      )
      // What the cursor pointed to is gone: the list begins again.
      .catch(refresh)
      .finally(() => {
        busy.current = false;
      });
  }, [next, whole, refresh]);
  return { items: mine?.items ?? [], problem: mine?.problem, loading: mine === undefined, more };
};
