/** Points over time in, a small plot with its axes and what they come to in words out. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { useWidth } from './width.ts';

export type Points = readonly (readonly [atMs: number, value: number])[];
export interface Series {
  readonly name: string;
  readonly points: Points;
}

const HEIGHT = 150;
const LEFT = 58;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 20;
/** So much longer than usual between two points is a gap: the server was away. */
const GAP = 4;

/** A round number not below: 1, 2 or 5 times a power of ten. */
export const roundUp = (value: number): number => {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((one) => one * power >= value) ?? 10) * power;
};

/** Per second, of a counter that only grows; it begins anew with its program. */
export const rateOf = (points: Points): Points =>
  points.slice(1).map(([atMs, value], at) => {
    const [beforeMs, before] = points[at] ?? [atMs, value];
    const seconds = Math.max(0.001, (atMs - beforeMs) / 1000);
    return [atMs, Math.max(0, value - before) / seconds];
  });

const pathOf = (points: Points, x: (ms: number) => number, y: (value: number) => number): string => {
  const steps = points.slice(1).map(([ms], at) => ms - (points[at]?.[0] ?? ms));
  const usual = steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? 0;
  return points
    .map(([ms, value], at) => {
      const isGap = at === 0 || (steps[at - 1] ?? 0) > GAP * usual;
      return `${isGap ? 'M' : 'L'}${x(ms).toFixed(1)} ${y(value).toFixed(1)}`;
    })
    .join('');
};

const SHORT_MS = 600_000;
const clockText = (ms: number, spanMs: number): string => {
  const at = new Date(ms);
  return at.toTimeString().slice(0, spanMs < SHORT_MS ? 8 : 5);
};

export const Plot = ({
  title,
  series,
  fromMs,
  toMs,
  text,
  isBinary = false,
}: {
  readonly title: string;
  readonly series: readonly Series[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly text: (value: number) => string;
  /** Sizes go by powers of two. */
  readonly isBinary?: boolean;
}): VNode => {
  const [box, width] = useWidth(480);
  const [pointed, setPointed] = useState<number>();
  const top = series.reduce((most, { points }) => points.reduce((n, [, value]) => Math.max(n, value), most), 0);
  const most = isBinary ? 2 ** Math.ceil(Math.log2(Math.max(1, top))) : roundUp(top);
  const x = (ms: number): number => LEFT + ((width - LEFT - RIGHT) * (ms - fromMs)) / Math.max(1, toMs - fromMs);
  const y = (value: number): number => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * value) / most;
  const last = (points: Points): string => (points.length === 0 ? 'nothing yet' : text(points.at(-1)?.[1] ?? 0));
  const at = (points: Points): string => {
    if (pointed === undefined) return last(points);
    let best: readonly [number, number] | undefined;
    for (const point of points)
      if (best === undefined || Math.abs(point[0] - pointed) < Math.abs(best[0] - pointed)) best = point;
    return best === undefined ? 'nothing yet' : text(best[1]);
  };
  const summary = series
    .map(({ name, points }) => {
      const values = points.map(([, value]) => value);
      const [least, greatest] = values.reduce(([a, b], n) => [Math.min(a, n), Math.max(b, n)], [Infinity, 0]);
      return values.length === 0
        ? `${name}: nothing yet`
        : `${name}: now ${last(points)}, least ${text(least ?? 0)}, most ${text(greatest ?? 0)}`;
    })
    .join('; ');
  const onMove = (event: PointerEvent): void => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    const part = (event.clientX - left - LEFT) / Math.max(1, width - LEFT - RIGHT);
    setPointed(part < 0 || part > 1 ? undefined : fromMs + part * (toMs - fromMs));
  };
  return html`<figure class="plot">
    <figcaption>
      <strong>${title}</strong>
      <span class="plot-legend">${series.map(({ name, points }, n) => html`<span class=${`key key-${n}`}>${series.length > 1 ? `${name} ` : ''}<b>${at(points)}</b></span> `)}
      ${pointed === undefined ? '' : html`<small>${clockText(pointed, 0)}</small>`}</span>
    </figcaption>
    <div ref=${box} onPointerMove=${onMove} onPointerLeave=${() => setPointed(undefined)}>
      <svg role="img" aria-label=${`${title}. ${summary}`} width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`}>
        ${[0, 0.5, 1].map(
          (part) => html`<g>
            <line class="plot-grid" x1=${LEFT} x2=${width - RIGHT} y1=${y(part * most)} y2=${y(part * most)} />
            <text class="plot-label" x=${LEFT - 6} y=${y(part * most) + 4} text-anchor="end">${text(part * most)}</text>
          </g>`,
        )}
        ${[0, 0.5, 1].map(
          (part) =>
            html`<text class="plot-label" x=${LEFT + part * (width - LEFT - RIGHT)} y=${HEIGHT - 4} text-anchor=${part === 0 ? 'start' : part === 1 ? 'end' : 'middle'}>${clockText(fromMs + part * (toMs - fromMs), toMs - fromMs)}</text>`,
        )}
        ${series.map(({ points }, n) => html`<path class=${`plot-line line-${n}`} d=${pathOf(points, x, y)} />`)}
        ${pointed === undefined ? '' : html`<line class="plot-pointed" x1=${x(pointed)} x2=${x(pointed)} y1=${TOP} y2=${HEIGHT - BOTTOM} />`}
      </svg>
    </div>
  </figure>` as VNode;
};
