/** The page Audit: who changed what, when, and how it ended. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { timeText } from '../format.ts';
import { useList } from '../list.ts';
import { asked, Filters, State, To, Told } from '../parts.ts';
import type { Place } from '../router.ts';
import { type Column, Rows } from '../rows.ts';

interface Line {
  readonly atMs: number;
  readonly user: string;
  readonly address: string;
  readonly front: string;
  readonly method: string;
  readonly verb: string;
  readonly target: string;
  readonly targetName: string;
  readonly job: string;
  readonly outcome: string;
  readonly exchange: string;
}

const COLUMNS: readonly Column<Line>[] = [
  { name: 'Time', width: '9rem', cell: ({ atMs }) => timeText(atMs) },
  { name: 'User', width: 'minmax(6rem, 0.5fr)', cell: ({ user }) => user },
  { name: 'From', width: 'minmax(7rem, 0.5fr)', cell: ({ address }) => address },
  { name: 'Front', width: 'minmax(7rem, 0.6fr)', cell: ({ front }) => front },
  {
    name: 'Method',
    width: 'minmax(9rem, 1.2fr)',
    cell: ({ method }) => html`<span title=${method}>${method}</span>` as VNode,
  },
  { name: 'Command', width: 'minmax(8rem, 0.7fr)', cell: ({ verb }) => verb },
  {
    name: 'On',
    width: 'minmax(7rem, 0.8fr)',
    cell: ({ target, targetName }) =>
      /^[a-z]+-\d+$/.test(target)
        ? (html`<${To} words=${['objects', target]}>${targetName || target}</${To}>` as VNode)
        : targetName || target,
  },
  { name: 'Outcome', width: '8rem', cell: ({ outcome }) => html`<${State} of=${outcome} />` as VNode },
  {
    name: 'Job',
    width: '6rem',
    cell: ({ job }) => (job === '' ? '' : (html`<${To} words=${['jobs', job]} />` as VNode)),
  },
  {
    name: 'Exchange',
    width: '6rem',
    cell: ({ exchange }) =>
      exchange === '' ? '' : (html`<${To} words=${['exchanges', exchange]}>show</${To}>` as VNode),
  },
];
const keyOf = (line: Line): string =>
  JSON.stringify([line.atMs, line.job, line.outcome, line.exchange, line.method, line.target]);
const FILTERS = ['q', 'user', 'front', 'verb', 'target', 'outcome'];

export const Audit = ({ place }: { readonly place: Place }): VNode => {
  const search = asked(place, FILTERS);
  const { items, problem, loading, more } = useList<Line>('/audit', search, keyOf, ['audit', 'job', 'session']);
  const isFiltered = FILTERS.some((name) => search[name]);
  return html`<h1>Audit</h1>
    <${Filters} place=${place} of=${[
      { kind: 'text', name: 'q', label: 'Anything' },
      { kind: 'text', name: 'user', label: 'User' },
      { kind: 'text', name: 'front', label: 'Front' },
      { kind: 'text', name: 'verb', label: 'Command' },
      { kind: 'text', name: 'target', label: 'On' },
    ]} />
    <${Told} problem=${problem} />
    <${Rows} label="Audit" columns=${COLUMNS} rows=${items} keyOf=${keyOf} onEnd=${more} empty=${loading ? 'loading' : isFiltered ? 'nothing like that' : 'nobody changed anything yet'} />` as unknown as VNode;
};
