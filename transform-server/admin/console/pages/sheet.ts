/** One sheet of the page Mappings: its text with line numbers, what its golden pairs say, and, where it was changed here, its way back. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { ask, may, useAsked } from '../api.ts';
import { timeText } from '../format.ts';
import { useLive } from '../live.ts';
import { Facts, To, Told } from '../parts.ts';
import { addressOf } from '../router.ts';
import { Source, Table } from '../text.ts';

export interface SheetLine {
  readonly id: string;
  readonly path: string;
  readonly platform: string;
  readonly direction: string;
  readonly kind: string;
  readonly hash: string;
  readonly lines: number;
  readonly sinceMs: number;
  readonly changedHere?: { readonly by: string; readonly atMs: number; readonly outdated: boolean };
  readonly pairs: number;
  readonly failing: number;
  readonly judgedBy: readonly string[];
}
export interface WholeSheet extends SheetLine {
  readonly text: string;
  readonly golden: readonly { readonly name: string; readonly why?: string }[];
  readonly judgedMs: number;
}

const ChangedHere = ({ sheet, again }: { readonly sheet: WholeSheet; readonly again: () => void }): VNode | null => {
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const { changedHere: changed } = sheet;
  if (changed === undefined) return null;
  const withdraw = (): void => {
    setBusy(true);
    ask(`/sheets/${encodeURIComponent(sheet.id)}`, 'DELETE')
      .then(again, (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)))
      .finally(() => setBusy(false));
  };
  return html`<section class="panel" aria-label="Changed here">
    <p>
      Changed here by ${changed.by}, ${timeText(changed.atMs)}.
      ${changed.outdated ? html` <strong class="warn">The program has another one of its own since.</strong>` : ''}
    </p>
    <${Told} problem=${problem} />
    ${may('administrator') ? html`<button type="button" disabled=${busy} onClick=${withdraw}>Withdraw: as the program has it</button>` : ''}
  </section>` as unknown as VNode;
};

export const OneSheet = ({ id, line }: { readonly id: string; readonly line: number | undefined }): VNode => {
  const { value: sheet, problem, again } = useAsked<WholeSheet>(`/sheets/${encodeURIComponent(id)}`);
  useLive(['mapping'], again);
  const crumbs = html`<p class="crumbs"><a href="#/mappings">Mappings</a> / sheet</p>`;
  if (sheet === undefined) return html`${crumbs}<h1>Sheet ${id}</h1><${Told} problem=${problem} />` as unknown as VNode;
  return html`${crumbs}<h1>${sheet.path}</h1>
    <${Facts}
      of=${[
        ['Platform', html`<${To} words=${['mappings', sheet.platform]} />`],
        ['In use since', timeText(sheet.sinceMs)],
        ['SHA-256', html`<code>${sheet.hash.slice(0, 16)}</code>`],
        [
          'Golden pairs',
          sheet.failing === 0 ? `${sheet.pairs}, all come out` : `${sheet.failing} of ${sheet.pairs} fail`,
        ],
      ]}
    />
    <p><a href=${addressOf(['mappings', 'playground'], { sheet: sheet.id })}>Edit a copy in the playground</a></p>
    <${ChangedHere} sheet=${sheet} again=${again} />
    <${Source} label="Text of the sheet" text=${sheet.text} line=${line} />
    <h2>Golden pairs</h2>
    <p class="soft">Judged ${timeText(sheet.judgedMs)}.</p>
    <${Table} label="Golden pairs" heads=${['Pair', 'Result']}>
        ${sheet.golden.map(
          ({ name, why }) => html`<tr>
            <th scope="row">${name}</th>
            <td>${why === undefined ? html`<span class="good">comes out</span>` : html`<span class="bad">${why}</span>`}</td>
          </tr>`,
        )}
      </${Table}>` as unknown as VNode;
};
