/** One object as each vendor sees it: a row a field, a column for the host, the hub and each front; what is translated and what is lost is marked. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useAsked } from '../api.ts';
import { countOf } from '../format.ts';
import { Loading, Told } from '../parts.ts';

interface PlaceOf {
  readonly path: string;
  readonly value: string;
}
interface Comparison {
  readonly platform: string;
  readonly fronts: readonly { readonly front: string; readonly platform: string }[];
  readonly fields: readonly {
    readonly field: string;
    readonly value: string;
    readonly native: readonly PlaceOf[];
    readonly fronts: Readonly<Record<string, readonly PlaceOf[]>>;
  }[];
  readonly unread: readonly PlaceOf[];
  readonly cut: boolean;
}

/** The place whose value is most like the hub's comes first. */
const nearest = (places: readonly PlaceOf[], value: string): readonly PlaceOf[] =>
  places.toSorted(
    (a, b) => Number(b.value === value) - Number(a.value === value) || Number(b.value !== '') - Number(a.value !== ''),
  );

/** Long paths go on in the next line after a dot. */
const breakable = (path: string): string => path.replaceAll('.', '.\u200b').replaceAll('[', '\u200b[');

const PlaceText = ({ of, value }: { readonly of: PlaceOf; readonly value: string }): VNode =>
  html`<span class=${`place ${of.value === value ? 'same' : 'other'}`}
    ><code class="place-path">${breakable(of.path)}</code> <span class="place-value">${of.value === value ? '=' : of.value === '' ? '' : `→ ${of.value}`}</span></span
  >` as VNode;

const Cell = ({
  places,
  value,
  lost,
}: {
  readonly places: readonly PlaceOf[];
  readonly value: string;
  readonly lost: string;
}): VNode => {
  if (places.length === 0) return html`<td class="lost"><span class="mark">∅</span> ${lost}</td>` as VNode;
  const [first, ...others] = nearest(places, value);
  if (first === undefined || first.path === '')
    return html`<td class="soft">looked at; no other value is allowed</td>` as VNode;
  return html`<td>
    <${PlaceText} of=${first} value=${value} />
    ${
      others.length === 0
        ? ''
        : html`<details><summary>${others.length} more</summary>${others.map((one) => html`<${PlaceText} of=${one} value=${value} />`)}</details>`
    }
  </td>` as VNode;
};

const isPart = (field: string): boolean => /[.[]/.test(field);
const SHOW = ['all fields', 'lost in some front', 'of the hub alone'] as const;

export const SideBySide = ({ path, version }: { readonly path: string; readonly version: number }): VNode => {
  const { value: all, problem, again } = useAsked<Comparison>(`${path}/compare`);
  useEffect(again, [version]);
  const [show, setShow] = useState<(typeof SHOW)[number]>(SHOW[0]);
  const [text, setText] = useState('');
  if (all === undefined)
    return (
      problem === undefined
        ? html`<${Loading} what="the comparison: every value is tried" />`
        : html`<${Told} problem=${problem} />`
    ) as VNode;
  const fronts = all.fronts.filter(({ front }) => all.fields.some((one) => one.fronts[front] !== undefined));
  const isLost = (one: Comparison['fields'][number]): boolean =>
    fronts.some(({ front }) => one.fronts[front]?.length === 0);
  const wanted = text.toLowerCase();
  // What the object itself is comes before its parts.
  const ordered = all.fields.toSorted((a, b) => Number(isPart(a.field)) - Number(isPart(b.field)));
  const rows = ordered.filter(
    (one) =>
      (show === SHOW[0] || (show === SHOW[1] ? isLost(one) : one.native.length === 0)) &&
      (wanted === '' || JSON.stringify(one).toLowerCase().includes(wanted)),
  );
  const lost = (front: string): number => all.fields.filter((one) => one.fronts[front]?.length === 0).length;
  return html`<form class="filters" role="search" onSubmit=${(event: Event) => event.preventDefault()}>
      <label>Show <select value=${show} onChange=${(event: Event) => setShow((event.target as HTMLSelectElement).value as (typeof SHOW)[number])}>
        ${SHOW.map((one) => html`<option value=${one}>${one}</option>`)}
      </select></label>
      <label>Field, path or value <input type="search" value=${text} onInput=${(event: Event) => setText((event.target as HTMLInputElement).value)} /></label>
      <span class="filters-note">${countOf(rows.length, 'field')}${all.cut ? ', of a document too large to compare whole' : ''}</span>
    </form>
    <p class="legend"><span class="place same">= the same value</span> <span class="place other">→ written otherwise</span> <span class="lost"><span class="mark">∅</span> not there</span></p>
    <div class="scroll" tabindex="0" role="region" aria-label="Side by side">
      <table class="compare">
        <thead><tr>
          <th scope="col">Field</th>
          <th scope="col">Hub</th>
          <th scope="col">Host <small>${all.platform}</small></th>
          ${fronts.map(({ front }) => html`<th scope="col">${front} <small>${lost(front) === 0 ? 'nothing lost' : `${lost(front)} lost`}</small></th>`)}
        </tr></thead>
        <tbody>
          ${rows.map(
            (one) => html`<tr key=${one.field}>
              <th scope="row">${one.field}</th>
              <td class="hub">${one.value === '' ? html`<span class="soft">empty</span>` : one.value}</td>
              <${Cell} places=${one.native} value=${one.value} lost="made by the hub" />
              ${fronts.map(({ front }) => html`<${Cell} places=${one.fronts[front] ?? []} value=${one.value} lost="lost" />`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      all.unread.length === 0
        ? ''
        : html`<details class="unread"><summary>${countOf(all.unread.length, 'value')} of the host’s document that nobody else sees</summary>
            <p class="soft">No field of the hub depends on them. They stay with the host as they are, whatever clients change.</p>
            <ul>${all.unread.map(({ path: at, value }) => html`<li><code>${at}</code> ${value}</li>`)}</ul>
          </details>`
    }` as unknown as VNode;
};
