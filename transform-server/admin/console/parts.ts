/** Small pieces that many pages show: links to things, states, names with values, documents, tabs, filters, counts. */
import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { valueText } from './format.ts';
import { addressOf, type Place, setSearch } from './router.ts';

export const To = ({
  words,
  search,
  children,
}: {
  readonly words: readonly string[];
  readonly search?: Readonly<Record<string, string | undefined>>;
  readonly children?: ComponentChildren;
}): VNode => html`<a href=${addressOf(words, search)}>${children ?? words.at(-1)}</a>` as VNode;

const GOOD = new Set(['success', 'connected', 'yes', 'done', 'answer', 'running', 'value', 'started', 'live']);
const BAD = new Set(['error', 'failed', 'stuck', 'in-doubt', 'away', 'no']);
const QUIET = new Set(['queued', 'stopped', 'pending', 'skipped', 'none', 'listing', '-', 'paused', 'suspended', '']);

export type Tone = 'good' | 'bad' | 'warn' | 'soft';

/** Words that are none of the known ones are kinds of faults. */
export const toneOf = (word: string): Tone =>
  GOOD.has(word) ? 'good' : QUIET.has(word) ? 'soft' : BAD.has(word) ? 'bad' : 'warn';

/** Never by colour alone: the word stands there. */
export const State = ({ of, tone }: { readonly of: string; readonly tone?: Tone }): VNode =>
  html`<span class=${`state ${tone ?? toneOf(of)}`}>${of}</span>` as VNode;

export const Facts = ({ of }: { readonly of: readonly (readonly [name: string, value: ComponentChildren])[] }): VNode =>
  html`<dl class="facts">
    ${of.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value === '' ? html`<span class="soft">none</span>` : value}</dd></div>`)}
  </dl>` as VNode;

export const Document = ({ label, value }: { readonly label: string; readonly value: unknown }): VNode =>
  html`<pre tabindex="0" role="region" aria-label=${label}>${valueText(value)}</pre>` as VNode;

export const Told = ({ problem }: { readonly problem: string | undefined }): VNode | null =>
  problem === undefined ? null : (html`<p role="alert" class="problem">${problem}</p>` as VNode);

/** What is asked for is on its way: told only when it takes a while, so that nothing flickers. */
export const Loading = ({ what }: { readonly what: string }): VNode | null => {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return isLate ? (html`<p class="loading" role="status">Loading ${what}</p>` as VNode) : null;
};

/** A figure that leads to what it counts. */
export const Stat = ({
  name,
  value,
  href,
  tone,
  note,
}: {
  readonly name: string;
  readonly value: string;
  readonly href: string;
  readonly tone?: Tone;
  readonly note?: string;
}): VNode =>
  html`<a class="stat" href=${href}>
    <span class=${`stat-value ${tone ?? ''}`}>${value}</span>
    <span class="stat-name">${name}</span>
    ${note === undefined ? '' : html`<span class="stat-note">${note}</span>`}
  </a>` as VNode;

export const Copy = ({ text, what }: { readonly text: string; readonly what: string }): VNode => {
  const [isDone, setDone] = useState(false);
  const copy = (): void => {
    navigator.clipboard?.writeText(text).then(
      () => setDone(true),
      () => setDone(false),
    );
  };
  useEffect(() => {
    if (!isDone) return undefined;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [isDone]);
  return html`<button type="button" class="small quiet" aria-label=${`Copy ${what}`} onClick=${copy}>${isDone ? 'copied' : 'copy'}</button>` as VNode;
};

/** Tabs whose choice stands in the address; the panel of the chosen one is given as children. */
export const Tabs = ({
  place,
  tabs,
  children,
}: {
  readonly place: Place;
  readonly tabs: readonly (readonly [name: string, title: string])[];
  readonly children?: ComponentChildren;
}): VNode => {
  const list = useRef<HTMLDivElement>(null);
  const wanted = place.search.get('tab');
  const at = Math.max(
    0,
    tabs.findIndex(([name]) => name === wanted),
  );
  const choose = (next: number): void => {
    const index = (next + tabs.length) % tabs.length;
    setSearch(place, { tab: tabs[index]?.[0] });
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[index]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: tabs.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(next);
  };
  return html`<div class="tabs" role="tablist" ref=${list} onKeyDown=${onKeyDown}>
      ${tabs.map(
        ([name, title], index) =>
          html`<button
            type="button"
            role="tab"
            id=${`tab-${name}`}
            aria-selected=${index === at}
            aria-controls=${children === undefined ? undefined : 'tab-panel'}
            tabindex=${index === at ? 0 : -1}
            onClick=${() => choose(index)}
          >${title}</button>`,
      )}
    </div>
    ${children === undefined ? '' : html`<div class="tab-panel" role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${tabs[at]?.[0]}`}>${children}</div>`}` as unknown as VNode;
};

export type Filter =
  | { readonly kind: 'text'; readonly name: string; readonly label: string }
  | {
      readonly kind: 'choice';
      readonly name: string;
      readonly label: string;
      readonly choices: readonly (string | readonly [value: string, text: string])[];
    };

/** What is asked stands in the address, so that a filtered list can be sent to others. `children`: what is said of the list. */
export const Filters = ({
  place,
  of,
  children,
}: {
  readonly place: Place;
  readonly of: readonly Filter[];
  readonly children?: ComponentChildren;
}): VNode => {
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
              ${one.choices
                .map((choice) => (typeof choice === 'string' ? [choice, choice] : choice))
                .map(([value, text]) => html`<option value=${value}>${text}</option>`)}
            </select></label
          >`,
    )}
    ${children === undefined ? '' : html`<span class="filters-note">${children}</span>`}
  </form>` as VNode;
};

/** What the filters of a page say, for the API. */
export const asked = ({ search }: Place, names: readonly string[]): Record<string, string | undefined> =>
  Object.fromEntries(names.map((name) => [name, search.get(name) ?? undefined]));
