/** The page Audit: who changed what, when, and how it ended. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { timeText } from '../format.ts';
import { useList } from '../list.ts';
import { State, To, Told } from '../parts.ts';
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
  { name: 'User', width: '8rem', cell: ({ user }) => user },
  { name: 'From', width: '9rem', cell: ({ address }) => address },
  { name: 'Front', width: '9rem', cell: ({ front }) => front },
  { name: 'Method', width: 'minmax(10rem, 1fr)', cell: ({ method }) => method },
  { name: 'Command', width: '10rem', cell: ({ verb }) => verb },
  {
    name: 'On',
    width: 'minmax(8rem, 1fr)',
    cell: ({ target, targetName }) =>
      /^[a-z]+-\d+$/.test(target)
        ? (html`<${To} words=${['objects', target]}>${targetName || target}</${To}>` as VNode)
        : targetName || target,
  },
  { name: 'Outcome', width: '9rem', cell: ({ outcome }) => html`<${State} of=${outcome} />` as VNode },
  {
    name: 'Job',
    width: '7rem',
    cell: ({ job }) => (job === '' ? '' : (html`<${To} words=${['jobs', job]} />` as VNode)),
  },
  {
    name: 'Exchange',
    width: '6rem',
    cell: ({ exchange }) =>
      exchange === '' ? '' : (html`<${To} words=${['exchanges', exchange]}>show</${To}>` as VNode),
  },
];
const keyOf = (line: Line): string => JSON.stringify([line.atMs, line.job, line.outcome, line.exchange]);

export const Audit = (): VNode => {
  const { items, problem, more } = useList<Line>('/audit', {}, keyOf, ['audit', 'job', 'session']);
  return html`<h1>Audit</h1>
    <${Told} problem=${problem} />
    <${Rows} label="Audit" columns=${COLUMNS} rows=${items} keyOf=${keyOf} onEnd=${more} empty="nobody changed anything yet" />` as unknown as VNode;
};
