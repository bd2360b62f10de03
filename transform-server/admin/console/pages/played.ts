/** What the playground was told in; each hop with its text, what an edited sheet would change, what its golden pairs say, and a request as it was read, out. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { Document, Facts, To, Told } from '../parts.ts';
import { Difference, Table, Xml } from '../text.ts';

interface Made {
  readonly text?: string;
  readonly problem?: string;
}
interface Hop {
  readonly shape: string;
  readonly sheet?: string;
  readonly made: Made;
  readonly changed?: Made;
}
interface Verdict {
  readonly problem?: string;
  readonly pairs: readonly { readonly name: string; readonly before?: string; readonly why?: string }[];
}
interface Request {
  readonly path: string;
  readonly call: {
    readonly method: string;
    readonly target: { readonly type: string; readonly id: string };
    readonly args: unknown;
  };
  readonly row?: unknown;
  readonly route: string;
  readonly command?: unknown;
  readonly instead?: string;
}
export interface Played {
  readonly hops: readonly Hop[];
  readonly verdict?: Verdict;
  readonly request?: Request;
}

const TITLES: Readonly<Record<string, string>> = {
  native: 'The host’s document',
  generic: 'Generic',
  rendered: 'As the client is shown it',
  after: 'Generic, as it shall be',
  changed: 'The host’s document, changed',
};

const One = ({ hop }: { readonly hop: Hop }): VNode => {
  const { shape, sheet, made, changed } = hop;
  const title = TITLES[shape] ?? shape;
  const hasBoth = made.text !== undefined && changed?.text !== undefined && sheet !== undefined;
  return html`<section class="panel" aria-label=${title}>
    <h2>${title}</h2>
    ${sheet === undefined ? '' : html`<p>by <${To} words=${['mappings', 'sheet', sheet]} /></p>`}
    <${Told} problem=${made.problem} />
    <${Told} problem=${changed?.problem && `with the copy: ${changed.problem}`} />
    ${
      hasBoth
        ? html`<${Difference} label=${`${title}: before and after`} before=${made.text} after=${changed?.text} />`
        : html`<${Xml} label=${title} text=${made.text ?? ''} />`
    }
  </section>` as unknown as VNode;
};

const Judged = ({ verdict }: { readonly verdict: Verdict }): VNode => {
  const failing = verdict.pairs.filter(({ why }) => why !== undefined).length;
  return html`<section aria-label="Golden pairs">
    <h2>Golden pairs</h2>
    <${Told} problem=${verdict.problem} />
    ${
      verdict.problem !== undefined
        ? ''
        : html`<p role="status" class=${failing === 0 ? 'good' : 'bad'}>
            ${failing === 0 ? `All ${verdict.pairs.length} come out.` : `${failing} of ${verdict.pairs.length} do not come out: it would be refused.`}
          </p>`
    }
    <${Table} label="Golden pairs" heads=${['Pair', 'With the copy', 'In use']}>
        ${verdict.pairs.map(
          ({ name, before, why }) => html`<tr>
            <th scope="row">${name}</th>
            <td><span class=${why === undefined ? 'good' : 'bad'}>${why ?? 'comes out'}</span></td>
            <td><span class=${before === undefined ? 'good' : 'bad'}>${before ?? 'comes out'}</span></td>
          </tr>`,
        )}
      </${Table}>
  </section>` as unknown as VNode;
};

const Asked = ({ request }: { readonly request: Request }): VNode => {
  const { call, route, command, instead, path, row } = request;
  return html`<section class="panel" aria-label="The request">
    <h2>${call.method}</h2>
    <${Facts} of=${[['Path', path], ['On', `${call.target.type} ${call.target.id}`], ['Route', route || 'none']]} />
    <h3>Arguments</h3>
    <${Document} label="Arguments" value=${call.args} />
    <h3>Row of the command table</h3>
    <${Document} label="Row" value=${row ?? 'none'} />
    <h3>Command</h3>
    ${command === undefined ? html`<p>${instead}</p>` : html`<${Document} label="Command" value=${command} />`}
  </section>` as unknown as VNode;
};

export const Result = ({ played: { hops, verdict, request } }: { readonly played: Played }): VNode =>
  html`${request === undefined ? '' : html`<${Asked} request=${request} />`}
    ${verdict === undefined ? '' : html`<${Judged} verdict=${verdict} />`}
    <div class="played">${hops.map((hop) => html`<${One} hop=${hop} />`)}</div>` as unknown as VNode;
