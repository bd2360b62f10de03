/** Texts of many lines as people read and write them: with line numbers, with differences, in an editor that Tab leaves as it leaves any field. */
import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { difference, linesOf } from './difference.ts';

/** `line`: marked, and shown. */
export const Source = ({
  label,
  text,
  line,
}: {
  readonly label: string;
  readonly text: string;
  readonly line?: number | undefined;
}): VNode => {
  const marked = useRef<HTMLLIElement>(null);
  useEffect(() => marked.current?.scrollIntoView({ block: 'center' }), [line, text]);
  return html`<div class="source" tabindex="0" role="region" aria-label=${label}><ol>
    ${text.split('\n').map(
      (one, at) =>
        html`<li
          class=${at + 1 === line ? 'marked' : ''}
          ref=${at + 1 === line ? marked : undefined}
          aria-current=${at + 1 === line ? 'location' : undefined}
        ><code>${one === '' ? ' ' : one}</code></li>`,
    )}
  </ol></div>` as VNode;
};

const SIGNS = { ' ': 'same', '-': 'less', '+': 'more' } as const;

/** Two XML texts, with the lines that differ; said by signs as well as by colour. */
export const Difference = ({
  label,
  before,
  after,
}: {
  readonly label: string;
  readonly before: string;
  readonly after: string;
}): VNode => {
  const lines = difference(linesOf(before), linesOf(after));
  const changes = lines.filter(({ sign }) => sign !== ' ').length;
  return html`<p class=${changes === 0 ? 'soft' : 'warn'}>${changes === 0 ? 'the same as before' : `${changes} lines differ`}</p>
    <pre class="difference" tabindex="0" role="region" aria-label=${label}>${lines.map(
      ({ sign, text }) => html`<span class=${SIGNS[sign]}>${sign} ${text}${'\n'}</span>`,
    )}</pre>` as unknown as VNode;
};

export const Xml = ({ label, text }: { readonly label: string; readonly text: string }): VNode =>
  html`<pre tabindex="0" role="region" aria-label=${label}>${linesOf(text).join('\n')}</pre>` as VNode;

export const Editor = ({
  label,
  text,
  onText,
  rows = 20,
}: {
  readonly label: string;
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly rows?: number;
}): VNode => {
  const numbers = useRef<HTMLPreElement>(null);
  const count = text.split('\n').length;
  return html`<label class="editor"
    ><span>${label}</span>
    <span class="editor-box">
      <pre ref=${numbers} aria-hidden="true">${Array.from({ length: count }, (_, at) => at + 1).join('\n')}</pre>
      <textarea
        rows=${rows}
        wrap="off"
        spellcheck=${false}
        autocomplete="off"
        value=${text}
        onInput=${(event: Event) => onText((event.target as HTMLTextAreaElement).value)}
        onScroll=${(event: Event) => {
          if (numbers.current !== null) numbers.current.scrollTop = (event.target as HTMLTextAreaElement).scrollTop;
        }}
      ></textarea></span
  ></label>` as VNode;
};

/** Rows of few kinds, which may be wider than the window. */
export const Table = ({
  label,
  heads,
  children,
}: {
  readonly label: string;
  readonly heads: readonly string[];
  readonly children?: ComponentChildren;
}): VNode =>
  html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table>
      <thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
      <tbody>${children}</tbody>
    </table>
  </div>` as VNode;
