/** Spans of one exchange in, a table of them with bars on one scale out. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { durationText } from '../format.ts';

export interface Span {
  readonly name: string;
  readonly startMs: number;
  readonly durationMs: number;
}

/** Narrower could not be seen. */
const LEAST_PERCENT = 0.4;

export const Waterfall = ({ spans }: { readonly spans: readonly Span[] }): VNode => {
  const wholeMs = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs)) || 1;
  const percent = (ms: number): number => (ms / wholeMs) * 100;
  return html`<table class="waterfall">
    <thead><tr><th scope="col">What</th><th scope="col" class="number">Began</th><th scope="col" class="number">Took</th><td aria-hidden="true"></td></tr></thead>
    <tbody>
      ${spans.map(({ name, startMs, durationMs }) => {
        const left = Math.min(percent(startMs), 100 - LEAST_PERCENT);
        const width = Math.max(LEAST_PERCENT, Math.min(percent(durationMs), 100 - left));
        return html`<tr>
          <th scope="row">${name}</th>
          <td class="number">${durationText(startMs)}</td>
          <td class="number">${durationText(durationMs)}</td>
          <td class="bar" aria-hidden="true"><span style=${{ left: `${left}%`, width: `${width}%` }}></span></td>
        </tr>`;
      })}
    </tbody>
  </table>` as unknown as VNode;
};
