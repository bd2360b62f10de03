/** The list of objects in, page after page until all are here; what is told of objects changes lines where they are. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask, pathOf } from './api.ts';
import { follow } from './live.ts';

export interface ObjectLine {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly host: string;
  readonly hostName: string;
  readonly native: string;
  readonly uuid: string;
  readonly version: number;
  readonly stale: boolean;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly machine?: {
    readonly powerState: string;
    readonly cpuCount: number;
    readonly memoryBytes: number;
    readonly address: string;
  };
}
interface ObjectPage {
  readonly items: readonly ObjectLine[];
  readonly next: string | null;
  readonly total: number;
}

export interface Objects {
  readonly items: readonly ObjectLine[];
  readonly total: number;
  readonly isLoading: boolean;
  readonly problem: string | undefined;
}

/** The first page is small, so that something is seen at once. */
const FIRST = 60;
const LIMIT = 500;
const PATCH_MS = 500;
const RESET_MS = 5000;
const IDS = 200;

export const useObjects = (search: Readonly<Record<string, string | undefined>>): Objects => {
  const key = pathOf('/objects', search);
  const [state, setState] = useState<{
    key: string;
    items: readonly ObjectLine[];
    next: string | null;
    total: number;
    problem?: string;
  }>();
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    let isOver = false;
    const load = async (): Promise<void> => {
      let items: readonly ObjectLine[] = [];
      let cursor: string | undefined;
      do {
        const path = pathOf('/objects', { ...search, limit: cursor === undefined ? FIRST : LIMIT, cursor });
        const page: ObjectPage = await ask<ObjectPage>(path);
        if (isOver) return;
        items = [...items, ...page.items];
        cursor = page.next ?? undefined;
        // When a list is read again, what is shown stays until all is here.
        setState((before) =>
          before?.key === key && before.items.length > items.length && page.next !== null
            ? before
            : { key, items, next: page.next, total: page.total },
        );
        // Between two pages the browser paints.
        await new Promise((resume) => setTimeout(resume, 20));
      } while (cursor !== undefined && !isOver);
    };
    load().catch((error: unknown) => {
      const problem = error instanceof Error ? error.message : String(error);
      if (!isOver) setState({ key, items: [], next: null, total: 0, problem });
    });
    return () => {
      isOver = true;
    };
  }, [key, turn]);

  const patch = useCallback(
    (ids: readonly string[]): void => {
      ask<ObjectPage>(pathOf('/objects', { ...search, limit: LIMIT, ids: ids.join(',') }))
        .then(({ items: fresh }) =>
          setState((before) => {
            if (before?.key !== key) return before;
            const told = new Set(ids);
            const now = new Map(fresh.map((one) => [one.id, one]));
            const known = new Set(before.items.map(({ id }) => id));
            const kept = before.items.flatMap((one) => (told.has(one.id) ? (now.get(one.id) ?? []) : one));
            const added = before.next === null ? fresh.filter(({ id }) => !known.has(id)) : [];
            return {
              ...before,
              items: [...kept, ...added],
              total: before.total + kept.length + added.length - before.items.length,
            };
          }),
        )
        .catch(() => undefined); // what is told next is asked for again
    },
    [key],
  );
  useEffect(() => {
    const told = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let resetTimer: ReturnType<typeof setTimeout> | undefined;
    const reset = (): void => {
      resetTimer ??= setTimeout(() => {
        resetTimer = undefined;
        setTurn((before) => before + 1);
      }, RESET_MS);
    };
    const ends = [
      follow('object', ({ id }) => {
        if (id !== undefined) told.add(id);
        timer ??= setTimeout(() => {
          timer = undefined;
          const ids = [...told];
          told.clear();
          if (ids.length > IDS) reset();
          else patch(ids);
        }, PATCH_MS);
      }),
      follow('reset', reset),
    ];
    return () => {
      clearTimeout(timer);
      clearTimeout(resetTimer);
      for (const end of ends) end();
    };
  }, [patch]);

  const mine = state?.key === key ? state : undefined;
  return {
    items: mine?.items ?? [],
    total: mine?.total ?? 0,
    isLoading: mine === undefined || mine.next !== null,
    problem: mine?.problem,
  };
};
