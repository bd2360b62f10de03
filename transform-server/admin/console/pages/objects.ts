/** The page Objects: a list of thousands, and one object with its names, its relations and its documents. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useAsked } from '../api.ts';
import { bytesText, countOf, countText } from '../format.ts';
import { type ObjectLine, useObjects } from '../objects.ts';
import { asked, Filters, State, To, Told } from '../parts.ts';
import { addressOf, type Place } from '../router.ts';
import { type Column, Rows } from '../rows.ts';
import { OneObject } from './object.ts';

const KINDS = ['vm', 'host', 'storage', 'volume', 'network'];
const keyOf = ({ id }: ObjectLine): string => id;

const COLUMNS: readonly Column<ObjectLine>[] = [
  {
    name: 'Name',
    width: 'minmax(10rem, 1.5fr)',
    cell: ({ id, name }) => html`<${To} words=${['objects', id]}>${name || id}</${To}>` as VNode,
  },
  { name: 'Kind', width: '5rem', cell: ({ kind }) => kind },
  {
    name: 'State',
    width: '7rem',
    cell: ({ machine, stale }) =>
      stale
        ? (html`<${State} of="stale" tone="warn" />` as VNode)
        : machine === undefined
          ? ''
          : (html`<${State} of=${machine.powerState} />` as VNode),
  },
  {
    name: 'CPUs',
    width: '4rem',
    isNumber: true,
    cell: ({ machine }) => machine?.cpuCount ?? '',
  },
  {
    name: 'Memory',
    width: '6rem',
    isNumber: true,
    cell: ({ machine }) => (machine === undefined ? '' : bytesText(machine.memoryBytes)),
  },
  { name: 'Address', width: '9rem', cell: ({ machine }) => machine?.address ?? '' },
  {
    name: 'Host',
    width: 'minmax(7rem, 0.7fr)',
    cell: ({ host, hostName }) => html`<${To} words=${['hosts', host]}>${hostName || host}</${To}>` as VNode,
  },
  { name: 'Hub id', width: '8rem', cell: ({ id }) => html`<span class="mono">${id}</span>` as VNode },
  {
    name: 'Native name',
    width: 'minmax(10rem, 1.3fr)',
    cell: ({ native }) => html`<span class="mono" title=${native}>${native}</span>` as VNode,
  },
];

interface Found {
  readonly items: readonly { readonly id: string; readonly name: string; readonly front?: string }[];
}

/** What a client's script or a host calls an object leads to it. */
const ByName = ({ text }: { readonly text: string }): VNode | null => {
  const isLong = text.trim().length >= 2;
  const { value } = useAsked<Found>(isLong ? `/ids?client=${encodeURIComponent(text.trim())}` : undefined);
  const found = new Map(value?.items.map((one) => [one.id, one]));
  if (!isLong || found.size === 0) return null;
  return html`<p class="found">A client writes “${text.trim()}” for
    ${[...found.values()].map(({ id, name, front }) => html` <${To} words=${['objects', id]}>${name || id}</${To}> <small>at ${front}</small>`)}</p>` as VNode;
};

const All = ({ place }: { readonly place: Place }): VNode => {
  const search = asked(place, ['kind', 'host', 'q', 'front']);
  const { items, total, isLoading, problem } = useObjects(search);
  const { value: hosts } = useAsked<{ readonly items: readonly { readonly name: string; readonly id: string }[] }>(
    '/hosts?limit=500',
  );
  return html`<h1>Objects</h1>
    <${Filters} place=${place} of=${[
      { kind: 'choice', name: 'kind', label: 'Kind', choices: KINDS },
      {
        kind: 'choice',
        name: 'host',
        label: 'Host',
        choices: hosts?.items.map(({ id, name }) => [id, name]) ?? [],
      },
      { kind: 'text', name: 'q', label: 'Name or id' },
    ]}>
      ${isLoading && items.length < total ? `${countText(items.length)} of ${countOf(total, 'object')}` : countOf(total, 'object')}
    </${Filters}>
    <${ByName} text=${search['q'] ?? ''} />
    <${Told} problem=${problem} />
    <${Rows} label="Objects" columns=${COLUMNS} rows=${items} keyOf=${keyOf}
      empty=${isLoading ? 'loading' : 'no object is like that'}
      onOpen=${(one: ObjectLine) => {
        location.hash = addressOf(['objects', one.id]);
      }} />` as unknown as VNode;
};

export const Objects = ({ place }: { readonly place: Place }): VNode => {
  const id = place.words[1];
  return (
    id === undefined ? html`<${All} place=${place} />` : html`<${OneObject} key=${id} id=${id} place=${place} />`
  ) as VNode;
};
