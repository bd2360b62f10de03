/** A table of thousands of rows: columns and a way to get rows in, only the rows that are seen in the document out. Keys and screen readers reach all of them. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

export interface Column<T> {
  readonly name: string;
  /** A CSS grid width. */
  readonly width: string;
  /** Stands at the right. */
  readonly isNumber?: boolean;
  readonly cell: (row: T) => VNode | string | number;
}

const ROW_PX = 30;
const AHEAD = 8;

/** A row that is in the document: the same again costs nothing, so that while scrolling only those that come are made. */
interface Seen<T> {
  readonly key: string;
  readonly row: T;
  readonly index: number;
  readonly marks: string;
  readonly columns: readonly Column<T>[];
  readonly vnode: VNode;
}

export const Rows = <T>(given: {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly selected?: string | undefined;
  readonly onOpen?: (row: T) => void;
  /** The end is near: more may be asked for. */
  readonly onEnd?: () => void;
  readonly empty?: string;
}): VNode => {
  const { label, columns, rows, keyOf, selected, onOpen, onEnd } = given;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [current, setCurrent] = useState(0);
  const kept = useRef<ReadonlyMap<string, Seen<T>>>(new Map());
  /** For rows that were made before. */
  const latest = useRef({ rows, onOpen });
  latest.current = { rows, onOpen };

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    measure();
    element.addEventListener('scroll', measure, { passive: true });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', measure);
      observer.disconnect();
    };
  }, []);

  const first = Math.max(0, Math.floor(view.top / ROW_PX) - AHEAD);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW_PX) + AHEAD);
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - AHEAD) onEnd?.();
  }, [last, rows.length, onEnd]);

  const move = (to: number): void => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setCurrent(next);
    const element = box.current;
    if (element === null) return;
    const top = next * ROW_PX;
    if (top < element.scrollTop) element.scrollTop = top;
    if (top + 2 * ROW_PX > element.scrollTop + element.clientHeight)
      element.scrollTop = top + 2 * ROW_PX - element.clientHeight;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const pageRows = Math.max(1, Math.floor(view.height / ROW_PX) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + pageRows,
      PageUp: current - pageRows,
      Home: 0,
      End: rows.length - 1,
    };
    const to = steps[event.key];
    const row = rows[current];
    if (to !== undefined) move(to);
    else if (event.key === 'Enter' && row !== undefined) onOpen?.(row);
    else return;
    event.preventDefault();
  };

  // As wide as the least of all columns: rows of their own width would not stand under their headings.
  const leastRem = columns.reduce((sum, { width }) => sum + Number(/[\d.]+(?=rem)/.exec(width)?.[0] ?? 0), 0);
  const least = { minWidth: `${leastRem + columns.length + 1}rem` };
  const grid = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') };
  const id = (at: number): string => `${label.replace(/\W/g, '-')}-${at}`;
  const open = (index: number): void => {
    setCurrent(index);
    const row = latest.current.rows[index];
    if (row !== undefined) latest.current.onOpen?.(row);
  };
  const vnodeOf = (row: T, index: number, marks: string): VNode =>
    html`<div
      key=${keyOf(row)}
      id=${id(index)}
      class=${`row${marks}`}
      role="row"
      aria-rowindex=${index + 2}
      aria-selected=${marks.includes('selected')}
      style=${{ ...grid, transform: `translateY(${index * ROW_PX}px)` }}
      onClick=${() => open(index)}
    >
      ${columns.map(({ cell, isNumber }) => html`<div role="gridcell" class=${isNumber ? 'number' : ''}>${cell(row)}</div>`)}
    </div>` as VNode;
  const seen = rows.slice(first, last).map((row, at): Seen<T> => {
    const index = first + at;
    const key = keyOf(row);
    const marks = `${index === current ? ' current' : ''}${key === selected ? ' selected' : ''}`;
    const before = kept.current.get(key);
    const isSame =
      before?.row === row && before.index === index && before.marks === marks && before.columns === columns;
    return isSame ? before : { key, row, index, marks, columns, vnode: vnodeOf(row, index, marks) };
  });
  kept.current = new Map(seen.map((one) => [one.key, one]));
  return html`<div
    class="rows"
    role="grid"
    aria-label=${label}
    aria-rowcount=${rows.length + 1}
    aria-activedescendant=${current >= first && current < last ? id(current) : undefined}
    tabindex="0"
    ref=${box}
    onKeyDown=${onKeyDown}
  >
    <div class="row head" role="row" aria-rowindex="1" style=${{ ...grid, ...least }}>
      ${columns.map(({ name, isNumber }) => html`<div role="columnheader" class=${isNumber ? 'number' : ''}>${name}</div>`)}
    </div>
    <div class="rows-all" role="rowgroup" style=${{ ...least, height: `${Math.max(rows.length, 1) * ROW_PX}px` }}>
      ${rows.length === 0 && html`<div role="row" class="row none"><div role="gridcell">${given.empty ?? 'nothing here'}</div></div>`}
      ${seen.map(({ vnode }) => vnode)}
    </div>
  </div>` as VNode;
};
