/** One exchange: what it was in each form, side by side, where its time went, and which lines of sheets wrote what it names. */
import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { useAsked } from '../api.ts';
import { bytesText, durationText, markupText, timeText, valueText } from '../format.ts';
import { useLive } from '../live.ts';
import { Facts, Loading, State, To, Told } from '../parts.ts';
import type { ExchangeLine } from './exchanges.ts';
import { type Span, Waterfall } from './exchanges-waterfall.ts';

interface Hop {
  readonly shape: string;
  readonly by: string;
  readonly atMs: number;
  readonly durationMs?: number;
  readonly detail: Readonly<Record<string, unknown>>;
}
interface Line {
  readonly field: string;
  readonly sheet: string;
  readonly line: number;
  readonly text: string;
}
interface Whole extends ExchangeLine {
  readonly platform: string;
  readonly hops: readonly Hop[];
  readonly spans: readonly Span[];
  readonly fields: readonly (Line & { readonly from?: Line })[];
  readonly bounds: { readonly exchanges: number; readonly bodyBytes: number };
}

/** Which forms a hop belongs to, in the order in which a request goes through them. */
const FORMS: readonly (readonly [title: string, shapes: readonly string[]])[] = [
  ['Request', ['request', 'call', 'route', 'stream', 'pass']],
  ['Command', ['command', 'plan', 'queue', 'sheet', 'wait']],
  ['Native', ['native', 'ask', 'barrier']],
  ['Answer', ['outcome', 'error', 'link', 'encode', 'answer']],
];
const HUB_ID = /^(host|vm|template|storage|volume|network)-\d+$/;
/** Longer ones stand below their name. */
const SHORT = 60;

const ofHub = (value: unknown): VNode | undefined =>
  typeof value === 'string' && HUB_ID.test(value) ? (html`<${To} words=${['objects', value]} />` as VNode) : undefined;

const isDocument = (value: unknown): boolean =>
  typeof value === 'string' && (value.startsWith('<') || value.includes('\n'));

const shown = (value: unknown): ComponentChildren => {
  // A document among others is read as its lines, not as one escaped text.
  if (value !== null && typeof value === 'object' && Object.values(value).some(isDocument))
    return html`<div class="hop-parts"><${Details} of=${value} /></div>`;
  if (Array.isArray(value) && value.length > 0 && value.every((one) => ofHub(one) !== undefined))
    return value.map((one) => html`${ofHub(one)} `);
  const text = typeof value === 'string' ? markupText(value) : valueText(value);
  return ofHub(value) ?? (text.length <= SHORT && !text.includes('\n') ? text : html`<pre tabindex="0">${text}</pre>`);
};

const Ids = ({ of }: { readonly of: Readonly<Record<string, string>> }): VNode =>
  html`<ol class="ids">
    ${['client', 'hub', 'native'].map((name) => html`<li><small>${name}</small> ${ofHub(of[name]) ?? html`<code>${of[name] ?? ''}</code>`}</li>`)}
  </ol>` as VNode;

const Details = ({ of }: { readonly of: object }): VNode =>
  html`${Object.entries(of)
    .filter(([, value]) => value !== '')
    .map(
      ([name, value]) =>
        html`<div class="hop-fact"><span class="soft">${name}</span> ${name === 'ids' && !Array.isArray(value) ? html`<${Ids} of=${value} />` : shown(value)}</div>`,
    )}` as unknown as VNode;

const One = ({ hop, beganMs }: { readonly hop: Hop; readonly beganMs: number }): VNode =>
  html`<section class="panel hop" aria-label=${`${hop.shape}, ${hop.by}`}>
    <h4>${hop.shape} <small>${hop.by}, at ${durationText(Math.max(0, hop.atMs - beganMs))}${hop.durationMs === undefined ? '' : `, took ${durationText(hop.durationMs)}`}</small></h4>
    <${Details} of=${hop.detail} />
  </section>` as VNode;

const LineOfSheet = ({ of: { sheet, line } }: { readonly of: Line }): VNode =>
  html`<${To} words=${['mappings', 'sheet', sheet]} search=${{ line: String(line) }}>${sheet.replace(/^mappings\//, '')}:${line}</${To}>` as VNode;

const Fields = ({ of }: { readonly of: Whole['fields'] }): VNode =>
  html`<h2>Fields and their lines in the sheets</h2>
    <p class="soft">Elements of the sheets that the request or the answer names; found by name.</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Fields"><table>
      <thead><tr><th scope="col">Field</th><th scope="col">Written by</th><th scope="col">Made of</th></tr></thead>
      <tbody>
        ${of.map(
          (field) =>
            html`<tr><th scope="row">${field.field}</th><td><${LineOfSheet} of=${field} /><br /><code>${field.text}</code></td>
              <td>${field.from === undefined ? '' : html`<${LineOfSheet} of=${field.from} /><br /><code>${field.from.text}</code>`}</td></tr>`,
        )}
      </tbody>
    </table></div>` as unknown as VNode;

/** In place of what is not kept. */
const NOT_KEPT = /^\(not kept: [^)]*\)$/;

/** What the client sent; '': the log does not have it. */
export const requestText = ({ hops }: { readonly hops: readonly Pick<Hop, 'shape' | 'detail'>[] }): string => {
  const { method, path, fields, body } = hops.find(({ shape }) => shape === 'request')?.detail ?? {};
  if (typeof body !== 'string' || NOT_KEPT.test(body)) return '';
  const head = Object.entries(fields ?? {}).map(([name, value]) => `${name}: ${String(value)}\n`);
  return `${String(method)} ${String(path)} HTTP/1.1\n${head.join('')}\n${markupText(body)}`;
};

export const OneExchange = ({ id }: { readonly id: string }): VNode => {
  const { value: whole, problem, again } = useAsked<Whole>(`/exchanges/${encodeURIComponent(id)}`);
  // Jobs go on when their client has its answer.
  useLive(whole?.outcome === 'running' || whole?.job ? ['exchange', 'job'] : [], again);
  if (whole === undefined)
    return html`<h1>Exchange</h1><${Told} problem=${problem} />${problem === undefined && html`<${Loading} what="the exchange" />`}` as unknown as VNode;
  const beganMs = Math.min(...whole.hops.map(({ atMs, durationMs = 0 }) => atMs - durationMs));
  const known = new Set(FORMS.flatMap(([, shapes]) => shapes));
  return html`<p class="crumbs"><a href="#/exchanges">Exchanges</a></p>
    <h1>${whole.method} <${State} of=${whole.outcome} /></h1>
    <${Facts}
      of=${[
        ['Time', timeText(whole.atMs)],
        ['Took', durationText(whole.durationMs)],
        [
          'Client',
          html`<${To} words=${['exchanges']} search=${{ client: whole.client }}>${whole.client}</${To}>${whole.program === '' ? '' : `, ${whole.program}`}`,
        ],
        [
          'User',
          whole.user === ''
            ? ''
            : html`<${To} words=${['sessions']} search=${{ user: whole.user }}>${whole.user}</${To}>`,
        ],
        ['Front', html`<${To} words=${['exchanges']} search=${{ front: whole.front }}>${whole.front}</${To}>`],
        ['Route', whole.route],
        ['Command', whole.verb],
        [
          'Object',
          whole.object === ''
            ? ''
            : html`<${To} words=${['objects', whole.object]}>${whole.name || whole.object}</${To}>`,
        ],
        ['Job', whole.job === '' ? '' : html`<${To} words=${['jobs', whole.job]} />`],
        ['Exchange', html`<code>${whole.exchange}</code>`],
        ...(whole.platform === '' || requestText(whole) === ''
          ? []
          : [
              [
                'See also',
                html`<${To} words=${['mappings', 'playground']} search=${{ kind: 'request', platform: whole.platform, exchange: whole.exchange }}>its request in the playground</${To}>`,
              ] as const,
            ]),
      ]}
    />
    ${whole.hops.length === 0 && html`<p class="soft">Too many came at once: of this one only its line was kept.</p>`}
    ${whole.spans.length > 0 && html`<h2>Where the time went</h2><${Waterfall} spans=${whole.spans} />`}
    ${
      whole.hops.length > 0 &&
      html`<h2>Hops</h2>
        <p class="soft">Bodies are cut at ${bytesText(whole.bounds.bodyBytes)} and hold no secrets; the newest ${whole.bounds.exchanges} exchanges are kept.</p>
        <div class="hops">
          ${FORMS.map(
            ([title, shapes], at) =>
              html`<section aria-label=${title}>
                <h3 class="hops-title">${title}</h3>
                ${whole.hops
                  .filter(({ shape }) => shapes.includes(shape) || (at === FORMS.length - 1 && !known.has(shape)))
                  .map((hop) => html`<${One} hop=${hop} beganMs=${beganMs} />`)}
              </section>`,
          )}
        </div>`
    }
    ${whole.fields.length > 0 && html`<${Fields} of=${whole.fields} />`}` as unknown as VNode;
};
