/** Small pieces that many pages show: links to things, states, names with values, documents, filters. */
import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { valueText } from './format.ts';
import { addressOf, type Place, setSearch } from './router.ts';

export const To = ({
  words,
  children,
}: {
  readonly words: readonly string[];
  readonly children?: ComponentChildren;
}): VNode => html`<a href=${addressOf(words)}>${children ?? words.at(-1)}</a>` as VNode;

const GOOD = new Set(['success', 'connected', 'yes', 'done', 'answer', 'running']);
const BAD = new Set(['error', 'fault', 'failed', 'stuck', 'in-doubt', 'away', 'no']);

/** Never by colour alone: the word stands there. */
export const State = ({ of }: { readonly of: string }): VNode =>
  html`<span class=${GOOD.has(of) ? 'good' : BAD.has(of) ? 'bad' : 'soft'}>${of}</span>` as VNode;

export const Facts = ({ of }: { readonly of: readonly (readonly [name: string, value: ComponentChildren])[] }): VNode =>
  html`<dl class="facts">
    ${of.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>` as VNode;

export const Document = ({ label, value }: { readonly label: string; readonly value: unknown }): VNode =>
  html`<pre tabindex="0" role="region" aria-label=${label}>${valueText(value)}</pre>` as VNode;

export const Told = ({ problem }: { readonly problem: string | undefined }): VNode | null =>
  problem === undefined ? null : (html`<p role="alert" class="problem">${problem}</p>` as VNode);

/** Tabs whose choice stands in the address. */
export const Tabs = ({
  place,
  tabs,
}: {
  readonly place: Place;
  readonly tabs: readonly (readonly [name: string, title: string])[];
}): VNode => {
  const chosen = place.search.get('tab') ?? tabs[0]?.[0];
  return html`<div class="tabs" role="tablist">
    ${tabs.map(
      ([name, title]) =>
        html`<button
          type="button"
          role="tab"
          aria-selected=${name === chosen}
          onClick=${() => setSearch(place, { tab: name })}
        >${title}</button>`,
    )}
  </div>` as VNode;
};

export type Filter =
  | { readonly kind: 'text'; readonly name: string; readonly label: string }
  | { readonly kind: 'choice'; readonly name: string; readonly label: string; readonly choices: readonly string[] };

/** What is asked stands in the address, so that a filtered list can be sent to others. */
export const Filters = ({ place, of }: { readonly place: Place; readonly of: readonly Filter[] }): VNode => {
  const set = (name: string) => (event: Event) =>
    setSearch(place, { [name]: (event.target as HTMLInputElement | HTMLSelectElement).value });
  return html`<form class="filters" role="search" onSubmit=${(event: Event) => event.preventDefault()}>
    ${of.map((one) =>
      one.kind === 'text'
        ? html`<label>${one.label} <input type="search" value=${place.search.get(one.name) ?? ''} onInput=${set(one.name)} /></label>`
        : html`<label
            >${one.label}
            <select value=${place.search.get(one.name) ?? ''} onChange=${set(one.name)}>
              <option value="">all</option>
              ${one.choices.map((choice) => html`<option value=${choice}>${choice}</option>`)}
            </select></label
          >`,
    )}
  </form>` as VNode;
};

/** What the filters of a page say, for the API. */
export const asked = ({ search }: Place, names: readonly string[]): Record<string, string | undefined> =>
  Object.fromEntries(names.map((name) => [name, search.get(name) ?? undefined]));
