/** The page Metrics: what the server did in the last hour or day, and how long each method takes. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useAsked } from '../api.ts';
import { bytesText, countText, durationText, figureText } from '../format.ts';
import { useLive } from '../live.ts';
import { Loading, Tabs, Told } from '../parts.ts';
import { Plot, type Points, rateOf, type Series } from '../plot.ts';
import { addressOf, type Place } from '../router.ts';

interface Figures {
  readonly items: readonly { readonly name: string; readonly help: string; readonly points: Points }[];
}
interface Method {
  readonly method: string;
  readonly front: string;
  readonly route: string;
  readonly calls: number;
  readonly faults: number;
  readonly medianMs: number;
  readonly slowMs: number;
  readonly longestMs: number;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const SPANS: Readonly<Record<string, number>> = { hour: HOUR_MS, day: 24 * HOUR_MS };

interface Graph {
  readonly title: string;
  readonly series: readonly (readonly [name: string, figure: string])[];
  /** Of counters what they grow by a second is shown. */
  readonly isRate?: true;
  readonly text?: (value: number) => string;
  readonly isBinary?: true;
}

const GRAPHS: readonly Graph[] = [
  {
    title: 'Exchanges a second',
    series: [
      ['calls', 'calls_dispatched'],
      ['host asked', 'calls_asking'],
    ],
    isRate: true,
  },
  {
    title: 'Commands a second',
    series: [
      ['direct', 'commands_direct'],
      ['planned', 'commands_planned'],
    ],
    isRate: true,
  },
  {
    title: 'Sheets a second',
    series: [
      ['applied', 'transforms'],
      ['failed', 'transforms_failed'],
    ],
    isRate: true,
  },
  { title: 'Behind the hosts', series: [['furthest', 'sync_lag_ms']], text: durationText },
  {
    title: 'Clients',
    series: [
      ['sessions', 'sessions'],
      ['waiting', 'waits'],
    ],
  },
  {
    title: 'Kept documents',
    series: [
      ['rendered', 'documents_rendered'],
      ['generic', 'documents_generic'],
    ],
  },
  { title: 'Objects', series: [['objects', 'objects']] },
  { title: 'Memory', series: [['of the program', 'memory_bytes']], text: bytesText, isBinary: true },
];

/** Of the documents that were read those that had been made before. */
const hitsOf = (read: Points, made: Points): Points => {
  const madeAt = new Map(rateOf(made));
  return rateOf(read)
    .filter(([, rate]) => rate > 0)
    .map(([atMs, rate]) => [atMs, Math.max(0, 100 * (1 - (madeAt.get(atMs) ?? 0) / rate))]);
};

const Methods = ({ sinceMs }: { readonly sinceMs: number }): VNode => {
  // To the minute, so that the same is not asked for at each rendering.
  const { value, problem, again } = useAsked<{ items: readonly Method[] }>(
    `/metrics/methods?sinceMs=${Math.floor(sinceMs / MINUTE_MS) * MINUTE_MS}`,
  );
  useLive(['exchange'], again, 5000);
  const longest = Math.max(1, ...(value?.items.map(({ slowMs }) => slowMs) ?? []));
  return html`<h2>Latency by method <small>of the exchanges in the log, without the time of the network</small></h2>
    <${Told} problem=${problem} />
    ${
      value === undefined
        ? ''
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Latency by method"><table class="wide">
            <thead><tr>
              <th scope="col">Method</th><th scope="col">Front</th><th scope="col">Route</th>
              <th scope="col" class="number">Calls</th><th scope="col" class="number">Faults</th>
              <th scope="col" class="number">Half within</th><th scope="col" class="number">95 % within</th><th scope="col" class="number">Longest</th>
              <th scope="col"><span class="unseen">As bars</span></th>
            </tr></thead>
            <tbody>
              ${value.items.map(
                (one) => html`<tr>
                  <th scope="row"><a href=${addressOf(['exchanges'], { method: one.method, front: one.front })}>${one.method}</a></th>
                  <td>${one.front}</td><td>${one.route}</td>
                  <td class="number">${countText(one.calls)}</td><td class=${`number ${one.faults > 0 ? 'warn' : ''}`}>${countText(one.faults)}</td>
                  <td class="number">${durationText(one.medianMs)}</td><td class="number">${durationText(one.slowMs)}</td><td class="number">${durationText(one.longestMs)}</td>
                  <td aria-hidden="true"><svg width="120" height="12"><rect class="bar soft-bar" width=${Math.max(1, (120 * one.slowMs) / longest)} height="12" rx="2" /><rect class="bar" width=${Math.max(1, (120 * one.medianMs) / longest)} height="12" rx="2" /></svg></td>
                </tr>`,
              )}
              ${value.items.length === 0 ? html`<tr><td colspan="9" class="soft">nobody called yet</td></tr>` : ''}
            </tbody>
          </table></div>`
    }` as unknown as VNode;
};

export const Metrics = ({ place }: { readonly place: Place }): VNode => {
  const span = place.search.get('tab') === 'day' ? 'day' : 'hour';
  const toMs = Date.now();
  const fromMs = toMs - (SPANS[span] ?? HOUR_MS);
  const { value, problem, again } = useAsked<Figures>(
    `/metrics/history?sinceMs=${Math.floor(fromMs / MINUTE_MS) * MINUTE_MS}`,
  );
  useLive(['metric'], again, 5000);
  const points = new Map(value?.items.map((one) => [one.name, one.points]));
  // Of a server that is not that old its whole life is shown.
  const firstMs = Math.min(toMs - MINUTE_MS, ...(value?.items.map((one) => one.points[0]?.[0] ?? toMs) ?? []));
  const of = (name: string): Points => points.get(name) ?? [];
  const seriesOf = ({ series, isRate }: Graph): readonly Series[] =>
    series
      .filter(([, figure]) => points.has(figure))
      .map(([name, figure]) => ({ name, points: isRate ? rateOf(of(figure)) : of(figure) }));
  const graphs = GRAPHS.map((graph) => ({ ...graph, shown: seriesOf(graph) })).filter(({ shown }) => shown.length > 0);
  return html`<h1>Metrics</h1>
    <${Told} problem=${problem} />
    <${Tabs} place=${place} tabs=${[['hour', 'Last hour'], ['day', 'Last day']]}>
      ${
        value === undefined
          ? problem === undefined && html`<${Loading} what="the figures" />`
          : html`<div class="plots">
              ${graphs.map(({ title, shown, text = figureText, isBinary }) => html`<${Plot} key=${title} title=${title} series=${shown} fromMs=${Math.max(fromMs, firstMs)} toMs=${toMs} text=${text} isBinary=${isBinary} />`)}
              <${Plot} title="Cache hits" series=${[{ name: 'of documents read', points: hitsOf(of('documents_read'), of('documents_made')) }]}
                fromMs=${Math.max(fromMs, firstMs)} toMs=${toMs} text=${(n: number) => `${Math.round(n)} %`} />
            </div>`
      }
      <${Methods} sinceMs=${fromMs} />
    </${Tabs}>
    <p class="soft">The same for Prometheus is at <code>/metrics</code>, with the admin token.</p>` as unknown as VNode;
};
