/** The page Exchanges: what clients asked, live, newest first, filtered by what stands in the address; one of them with all its hops. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { durationText, timeText } from '../format.ts';
import { useList } from '../list.ts';
import { asked, Filters, State, To, Told } from '../parts.ts';
import { addressOf, type Place, setSearch } from '../router.ts';
import { type Column, Rows } from '../rows.ts';
import { OneExchange } from './exchanges-one.ts';

export interface ExchangeLine {
  readonly exchange: string;
  readonly atMs: number;
  readonly client: string;
  readonly program: string;
  readonly user: string;
  readonly front: string;
  readonly method: string;
  readonly route: string;
  readonly verb: string;
  readonly object: string;
  readonly name: string;
  readonly job: string;
  readonly outcome: string;
  readonly durationMs?: number;
}

const keyOf = ({ exchange }: ExchangeLine): string => exchange;
const FILTERS = ['client', 'front', 'method', 'route', 'object', 'outcome', 'user', 'q', 'sinceMs'];
const LIVE: readonly string[] = ['exchange'];

const COLUMNS: readonly Column<ExchangeLine>[] = [
  {
    name: 'Time',
    width: '8rem',
    cell: ({ exchange, atMs }) => html`<${To} words=${['exchanges', exchange]}>${timeText(atMs)}</${To}>` as VNode,
  },
  {
    name: 'Client',
    width: 'minmax(9rem, 0.7fr)',
    cell: ({ client, program }) =>
      html`<span title=${client}>${program === '' ? '' : html`${program} `}<span class=${program === '' ? '' : 'soft'}>${client}</span></span>` as VNode,
  },
  { name: 'User', width: '6rem', cell: ({ user }) => user },
  { name: 'Front', width: 'minmax(8rem, 0.6fr)', cell: ({ front }) => front },
  {
    name: 'Method',
    width: 'minmax(13rem, 1.2fr)',
    cell: ({ method }) => html`<span title=${method}>${method}</span>` as VNode,
  },
  { name: 'Route', width: '5rem', cell: ({ route }) => route },
  {
    name: 'Object',
    width: 'minmax(8rem, 0.8fr)',
    cell: ({ object, name }) =>
      object === '' ? '' : (html`<${To} words=${['objects', object]}>${name || object}</${To}>` as VNode),
  },
  { name: 'Took', width: '5.5rem', isNumber: true, cell: ({ durationMs }) => durationText(durationMs) },
  { name: 'Outcome', width: '9rem', cell: ({ outcome }) => html`<${State} of=${outcome} />` as VNode },
];

const All = ({ place }: { readonly place: Place }): VNode => {
  const isPaused = place.search.get('paused') === 'yes';
  const { items, problem, loading, more } = useList<ExchangeLine>(
    '/exchanges',
    asked(place, FILTERS),
    keyOf,
    isPaused ? [] : LIVE,
  );
  // What agents tell comes a moment after what the server knows itself.
  const rows = useMemo(() => items.toSorted((a, b) => b.atMs - a.atMs), [items]);
  const set = FILTERS.filter((name) => place.search.get(name));
  return html`<h1>Exchanges</h1>
    <${Filters} place=${place} of=${[
      { kind: 'text', name: 'q', label: 'Anything' },
      { kind: 'text', name: 'client', label: 'Client' },
      { kind: 'text', name: 'user', label: 'User' },
      { kind: 'text', name: 'front', label: 'Front' },
      { kind: 'text', name: 'method', label: 'Method' },
      { kind: 'text', name: 'object', label: 'Object' },
      {
        kind: 'choice',
        name: 'route',
        label: 'Route',
        choices: ['session', 'direct', 'central', 'broker', 'stream', 'pass', 'refuse'],
      },
      { kind: 'choice', name: 'outcome', label: 'Outcome', choices: ['value', 'fault', 'running'] },
    ]}>
      <button type="button" aria-pressed=${isPaused} onClick=${() => setSearch(place, { paused: isPaused ? '' : 'yes' })}>
        ${isPaused ? 'Resume' : 'Pause'}
      </button>
      ${set.length > 0 && html` <button type="button" onClick=${() => setSearch(place, Object.fromEntries(set.map((name) => [name, ''])))}>Clear</button>`}
    </${Filters}>
    <${Told} problem=${problem} />
    <${Rows} label="Exchanges" columns=${COLUMNS} rows=${rows} keyOf=${keyOf} onEnd=${more}
      empty=${loading ? 'loading' : set.length > 0 ? 'none of those that are kept is like that' : 'no client asked anything yet'}
      onOpen=${(line: ExchangeLine) => {
        location.hash = addressOf(['exchanges', line.exchange]);
      }} />` as unknown as VNode;
};

export const Exchanges = ({ place }: { readonly place: Place }): VNode => {
  const id = place.words[1];
  return (id === undefined ? html`<${All} place=${place} />` : html`<${OneExchange} id=${id} />`) as VNode;
};
