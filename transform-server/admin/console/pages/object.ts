/** One object: what everybody calls it, what belongs to it, its documents side by side or by themselves, and its history. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useAsked } from '../api.ts';
import { bytesText, countOf, markupText, timeText } from '../format.ts';
import { useLive } from '../live.ts';
import type { ObjectLine } from '../objects.ts';
import { Copy, Document, Facts, Loading, State, Tabs, To, Told } from '../parts.ts';
import { addressOf, type Place } from '../router.ts';
import { SideBySide } from './side-by-side.ts';

interface Whole extends ObjectLine {
  readonly platform: string;
  readonly fronts: readonly {
    readonly front: string;
    readonly platform: string;
    readonly ids: readonly {
      readonly type: string;
      readonly id: string;
      readonly names: readonly { readonly what: string; readonly text: string }[];
    }[];
  }[];
  readonly relations: Readonly<Record<string, readonly { readonly id: string; readonly name: string }[]>>;
}

const RELATED = 12;
const MEMBERS = 3;

const Names = ({ of }: { readonly of: Whole }): VNode => {
  const row = (front: string, type: string, what: string, text: string): VNode =>
    html`<tr><th scope="row">${front}</th><td>${type}</td><td>${what}</td><td><code>${text}</code></td><td><${Copy} text=${text} what=${`${what} at ${front}`} /></td></tr>` as VNode;
  const all = of.fronts.flatMap(({ front, ids }) =>
    ids.map(({ type, id, names }, at) => ({
      at,
      rows: (names.length === 0 ? [{ what: 'id', text: id }] : names).map(({ what, text }) =>
        row(front, type, what, text),
      ),
    })),
  );
  const few = all.filter(({ at }) => at === 0).flatMap(({ rows }) => rows);
  const more = all.filter(({ at }) => at > 0).flatMap(({ rows }) => rows);
  const head = html`<thead><tr><th scope="col">Where</th><th scope="col">Type</th><th scope="col">Name</th><th scope="col">As it is written there</th><th scope="col"><span class="unseen">Copy</span></th></tr></thead>`;
  return html`<div class="sideways" tabindex="0" role="region" aria-label="Names"><table class="names">
      ${head}
      <tbody>
        ${row('the hub', of.kind, 'id', of.id)}
        ${row(`host ${of.hostName}`, of.platform, 'native name', of.native)}
        ${few}
      </tbody>
    </table>
    ${
      more.length === 0
        ? ''
        : html`<details><summary>${countOf(more.length, 'more name')} of its parts</summary><table class="names">${head}<tbody>${more}</tbody></table></details>`
    }</div>` as unknown as VNode;
};

const Relations = ({ of }: { readonly of: Whole['relations'] }): VNode =>
  html`<dl class="facts">
    ${Object.entries(of)
      .filter(([, list]) => list.length > 0)
      .map(
        ([
          kind,
          list,
        ]) => html`<div><dt>${kind} <small>${list.length > 1 ? list.length : ''}</small></dt><dd class="related">
          ${list.slice(0, RELATED).map(({ id, name }) => html`<${To} words=${[kind === 'host' ? 'hosts' : 'objects', id]}>${name || id}</${To}> `)}
          ${list.length > RELATED ? html`<small>and ${list.length - RELATED} more</small>` : ''}
        </dd></div>`,
      )}
  </dl>` as VNode;

const Native = ({ path }: { readonly path: string }): VNode => {
  const { value, problem } = useAsked<{ parts: Record<string, string>; facts: Record<string, unknown> }>(
    `${path}/native`,
  );
  return html`<${Told} problem=${problem} />
    ${value === undefined ? html`<${Loading} what="the document" />` : Object.entries(value.parts).map(([name, text]) => html`<h3>${name}</h3><${Document} label=${name} value=${markupText(text)} />`)}
    ${value && Object.keys(value.facts).length > 0 ? html`<h3>Facts of the bulk calls</h3><${Document} label="Facts" value=${value.facts} />` : ''}` as unknown as VNode;
};

const Generic = ({ path }: { readonly path: string }): VNode => {
  const { value, problem } = useAsked<{ platform: string; document: unknown }>(`${path}/generic`);
  return html`<${Told} problem=${problem} />
    ${value === undefined ? html`<${Loading} what="the document" />` : html`<${Document} label="Generic document" value=${value.document} />`}` as unknown as VNode;
};

const Rendered = ({ path, front }: { readonly path: string; readonly front: string }): VNode => {
  const { value, problem } = useAsked<{ members: readonly { type: string; id: string; text: string }[] }>(
    `${path}/rendered/${encodeURIComponent(front)}`,
  );
  const member = ({ type, id, text }: { type: string; id: string; text: string }): VNode =>
    html`<${Document} label=${`${type} ${id}`} value=${markupText(text)} />` as VNode;
  return html`<${Told} problem=${problem} />
    ${
      value === undefined
        ? html`<${Loading} what="the documents" />`
        : value.members.length === 0
          ? html`<p class="soft">This front shows no object of its own for it.</p>`
          : value.members.map((one, at) =>
              at < MEMBERS
                ? html`<h3>${one.type} <code>${one.id}</code></h3>${member(one)}`
                : html`<details><summary>${one.type} <code>${one.id}</code></summary>${member(one)}</details>`,
            )
    }` as unknown as VNode;
};

interface Happening {
  readonly atMs: number;
  readonly source: 'event' | 'job';
  readonly what: string;
  readonly by: string;
  readonly id: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export const History = ({ path }: { readonly path: string }): VNode => {
  const { value, problem, again } = useAsked<{ items: readonly Happening[] }>(`${path}/history`);
  useLive(['job', 'object', 'host'], again, 1000);
  const detail = ({ source, detail: of }: Happening): VNode =>
    (source === 'job'
      ? html`<${State} of=${String(of['state'])} /> ${of['method']} ${of['exchange'] ? html`<${To} words=${['exchanges', String(of['exchange'])]}>exchange</${To}>` : ''}`
      : html`${of['text'] ?? ''}`) as VNode;
  return html`<${Told} problem=${problem} />
    ${
      value === undefined
        ? html`<${Loading} what="the history" />`
        : html`<table class="wide">
            <thead><tr><th scope="col">Time</th><th scope="col">What</th><th scope="col">By</th><th scope="col">Detail</th></tr></thead>
            <tbody>
              ${value.items.map(
                (one) => html`<tr>
                  <td>${timeText(one.atMs)}</td>
                  <td>${one.source === 'job' ? html`<${To} words=${['jobs', one.id]}>${one.what}</${To}>` : one.what}</td>
                  <td>${one.by}</td><td>${detail(one)}</td>
                </tr>`,
              )}
              ${value.items.length === 0 ? html`<tr><td colspan="4" class="soft">nothing happened to it yet</td></tr>` : ''}
            </tbody>
          </table>`
    }` as unknown as VNode;
};

interface Machine {
  readonly document: {
    readonly powerState?: string;
    readonly cpuCount?: number;
    readonly memoryBytes?: number;
    readonly guest?: { readonly hostName?: string; readonly addresses?: readonly { readonly address: string }[] };
    readonly capacityBytes?: number;
  };
}

export const OneObject = ({ id, place }: { readonly id: string; readonly place: Place }): VNode => {
  const path = `/objects/${encodeURIComponent(id)}`;
  const { value: one, problem, again } = useAsked<Whole>(path);
  const { value: generic, again: genericAgain } = useAsked<Machine>(one === undefined ? undefined : `${path}/generic`);
  useLive(['object', 'job'], again, 1000);
  useLive(['object', 'job'], genericAgain, 1000);
  if (one === undefined)
    return html`<h1>${id}</h1><${Told} problem=${problem} />${problem === undefined ? html`<${Loading} what="the object" />` : ''}` as unknown as VNode;
  const document = generic?.document;
  const tab = place.search.get('tab') ?? 'side-by-side';
  const front = one.fronts.find((of) => `front-${of.front}` === tab);
  return html`<p class="crumbs"><a href=${addressOf(['objects'], { kind: one.kind })}>Objects</a> / ${one.kind}</p>
    <h1>${one.name || one.id} ${document?.powerState === undefined ? '' : html`<small><${State} of=${document.powerState} /></small>`}</h1>
    <${Facts}
      of=${[
        ['Host', html`<${To} words=${['hosts', one.host]}>${one.hostName || one.host}</${To}>`],
        [
          'State',
          one.stale
            ? html`<${State} of="stale" tone="warn" />`
            : html`<${State} of="as the host last told" tone="good" />`,
        ],
        ...(document?.cpuCount === undefined ? [] : [['CPUs', document.cpuCount]]),
        ...(document?.memoryBytes === undefined ? [] : [['Memory', bytesText(document.memoryBytes)]]),
        ...(document?.capacityBytes === undefined ? [] : [['Capacity', bytesText(document.capacityBytes)]]),
        ...(document?.guest?.addresses?.[0] === undefined
          ? []
          : [
              [
                'Guest',
                `${document.guest.hostName ?? ''} ${document.guest.addresses.map(({ address }) => address).join(', ')}`,
              ],
            ]),
        ['Version', one.version],
        [
          'See also',
          html`<a href=${addressOf(['exchanges'], { object: one.id })}>exchanges</a>, <a href=${addressOf(['jobs'], { target: one.id })}>jobs</a>, <a href=${addressOf(['mappings', 'playground'], { kind: 'object', platform: one.platform, object: one.id })}>playground</a>`,
        ],
      ]}
    />
    <div class="columns">
      <section class="panel"><h2>Names</h2><${Names} of=${one} /></section>
      <section class="panel"><h2>Belongs with</h2><${Relations} of=${one.relations} /></section>
    </div>
    <h2>Documents</h2>
    <${Tabs} place=${place} tabs=${[
      ['side-by-side', 'Side by side'],
      ['native', `Native (${one.platform})`],
      ['generic', 'Generic'],
      ...one.fronts.map((of) => [`front-${of.front}`, of.front]),
      ['history', 'History'],
    ]}>
      ${
        tab === 'native'
          ? html`<${Native} path=${path} />`
          : tab === 'generic'
            ? html`<${Generic} path=${path} />`
            : tab === 'history'
              ? html`<${History} path=${path} />`
              : front !== undefined
                ? html`<${Rendered} path=${path} front=${front.front} />`
                : html`<${SideBySide} path=${path} version=${one.version} />`
      }
    </${Tabs}>` as unknown as VNode;
};
