/** The playground of the page Mappings: a document or a request in, every hop of it out; a copy of a sheet that may be edited, its effect, its golden pairs, and its acceptance. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, may, useAsked } from '../api.ts';
import { linesOf } from '../difference.ts';
import { Told } from '../parts.ts';
import { type Place, setSearch } from '../router.ts';
import { Editor } from '../text.ts';
import { requestText } from './exchanges-one.ts';
import type { PlatformLine } from './mappings.ts';
import { type Played, Result } from './played.ts';
import type { SheetLine, WholeSheet } from './sheet.ts';

const KINDS = [
  ['golden', 'a golden pair'],
  ['native', 'a host’s document'],
  ['object', 'an object of a host'],
  ['request', 'a client’s request'],
] as const;
type Kind = (typeof KINDS)[number][0];

const problemText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const Choice = (given: {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly (readonly [value: string, text: string])[];
  readonly onChoice: (value: string) => void;
}): VNode =>
  html`<label
    >${given.label}
    <select value=${given.value} onChange=${(event: Event) => given.onChoice((event.target as HTMLSelectElement).value)}>
      ${given.choices.map(([value, text]) => html`<option value=${value} selected=${value === given.value}>${text}</option>`)}
    </select></label
  >` as VNode;

/** The copy of a sheet: loaded when another sheet is chosen. */
const useCopy = (
  id: string,
): {
  readonly sheet: WholeSheet | undefined;
  readonly text: string;
  readonly edit: (text: string) => void;
  readonly problem: string | undefined;
  readonly again: () => void;
} => {
  const { value, problem, again } = useAsked<WholeSheet>(id === '' ? undefined : `/sheets/${encodeURIComponent(id)}`);
  const [edited, setEdited] = useState<{ readonly id: string; readonly text: string }>();
  const text = edited?.id === id ? edited.text : (value?.text ?? '');
  return { sheet: value, text, edit: (next) => setEdited({ id, text: next }), problem, again };
};

/** Taken into use by those who may, if its golden pairs come out; what became of it stays to be read. */
const Accept = ({
  sheet,
  text,
  accepted,
}: {
  readonly sheet: WholeSheet;
  readonly text: string;
  readonly accepted: () => void;
}): VNode | null => {
  const [told, setTold] = useState<{ readonly problem?: string; readonly done?: string; readonly busy?: boolean }>({});
  const isEdited = text !== sheet.text;
  if (!may('administrator') && !isEdited) return null;
  if (!may('administrator')) return html`<p class="soft">An administrator can take it into use.</p>` as VNode;
  const act = (): void => {
    setTold({ busy: true });
    ask<{ pairs: number }>(`/sheets/${encodeURIComponent(sheet.id)}`, 'PUT', { text }).then(
      ({ pairs }) => {
        setTold({ done: `In use now: ${pairs} golden pairs came out.` });
        accepted();
      },
      (error: unknown) => setTold({ problem: `Refused: ${problemText(error)}` }),
    );
  };
  return html`<section aria-label="Accept">
    ${isEdited ? html`<button type="button" disabled=${told.busy === true} onClick=${act}>Accept: take it into use</button>` : ''}
    <p role="status" class="good">${told.done ?? ''}</p>
    <${Told} problem=${told.problem} />
  </section>` as unknown as VNode;
};

export const Playground = ({ place }: { readonly place: Place }): VNode => {
  const at = (name: string): string => place.search.get(name) ?? '';
  const kind = (at('kind') || 'golden') as Kind;
  const sheetId = at('sheet');
  const { value: platforms, problem } = useAsked<{ readonly items: readonly PlatformLine[] }>('/mappings');
  const named = platforms?.items ?? [];
  const fitting = named.filter(({ front }) => kind !== 'request' || front);
  const wanted = at('platform') || sheetId.split('.')[0] || '';
  const platform = fitting.find(({ name }) => name === wanted)?.name ?? fitting[0]?.name ?? '';
  const { value: sheets } = useAsked<{ readonly items: readonly SheetLine[] }>(
    platform === '' ? undefined : `/mappings/${platform}/sheets`,
  );
  const copy = useCopy(sheetId);
  const pairs =
    sheetId !== '' && copy.sheet !== undefined
      ? copy.sheet.golden.map(({ name }) => name)
      : (sheets?.items ?? []).flatMap(({ judgedBy }) => judgedBy);
  const golden = pairs.includes(at('golden')) ? at('golden') : (pairs[0] ?? '');
  const fronts = named.filter(({ front }) => front).map(({ name }) => name);
  const front = at('front') || (fronts.includes(platform) ? platform : (fronts[0] ?? ''));
  const [pasted, setPasted] = useState('');
  const { value: sent, problem: unsent } = useAsked<Parameters<typeof requestText>[0]>(
    at('exchange') === '' ? undefined : `/exchanges/${encodeURIComponent(at('exchange'))}`,
  );
  useEffect(() => {
    if (sent !== undefined) setPasted(requestText(sent));
  }, [sent]);
  const [after, setAfter] = useState('');
  const [busy, setBusy] = useState(false);
  const [played, setPlayed] = useState<Played>();
  const [failed, setFailed] = useState<string>();
  const choose = (name: string) => (value: string) => setSearch(place, { [name]: value });
  // A choice that is not this kind's may still come in after the answer.
  const isRequest = kind === 'request';
  useEffect(
    () => setPlayed(undefined),
    [kind, platform, sheetId, kind === 'golden' ? golden : '', isRequest ? '' : front],
  );

  const document = kind === 'golden' ? golden : kind === 'object' ? at('object') : pasted;
  const generic = played?.hops.find(({ shape }) => shape === 'generic')?.made.text;
  const isEdited = copy.sheet !== undefined && copy.text !== copy.sheet.text;
  const run = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    setFailed(undefined);
    const asked = isRequest
      ? {}
      : {
          front,
          ...(after === '' ? {} : { after }),
          ...(isEdited ? { sheet: { id: sheetId, text: copy.text } } : {}),
        };
    ask<Played>('/playground', 'POST', { platform, kind, document, ...asked })
      .then(setPlayed, (error: unknown) => setFailed(problemText(error)))
      .finally(() => setBusy(false));
  };

  return html`<p class="crumbs"><a href="#/mappings">Mappings</a> / playground</p>
    <h1>Playground</h1>
    <p class="soft">Nothing is changed until a sheet is accepted, and nothing is sent to a host.</p>
    <${Told} problem=${problem ?? copy.problem ?? unsent} />
    <form onSubmit=${run}>
      <div class="filters">
        <${Choice} label="Of" value=${kind} choices=${KINDS} onChoice=${choose('kind')} />
        <${Choice} label=${kind === 'request' ? 'The client’s API' : 'API'} value=${platform} choices=${fitting.map(({ name, title }) => [name, title])} onChoice=${(value: string) => setSearch(place, { platform: value, sheet: undefined, golden: undefined, front: undefined })} />
        ${kind === 'golden' ? html`<${Choice} label="Pair" value=${golden} choices=${pairs.map((name) => [name, name])} onChoice=${choose('golden')} />` : ''}
        ${
          kind === 'object'
            ? html`<label>Object <input value=${at('object')} placeholder="vm-1" onInput=${(event: Event) => choose('object')((event.target as HTMLInputElement).value)} /></label>`
            : ''
        }
        ${kind === 'request' ? '' : html`<${Choice} label="Shown as" value=${front} choices=${fronts.map((name) => [name, name])} onChoice=${choose('front')} />`}
        ${
          kind === 'request'
            ? ''
            : html`<${Choice} label="With a copy of" value=${sheetId} onChoice=${choose('sheet')}
                choices=${[['', 'no sheet'], ...(sheets?.items ?? []).map(({ id }) => [id, id])]} />`
        }
        <button type="submit" class="primary" disabled=${busy || document === '' || platform === ''}>${busy ? 'Running' : 'Run'}</button>
      </div>
      ${kind === 'native' || kind === 'request' ? html`<${Editor} label=${kind === 'native' ? 'The host’s document' : 'The request: its body, or the whole of it with its head'} text=${pasted} onText=${setPasted} rows=${12} />` : ''}
      ${
        kind === 'native' || kind === 'object'
          ? html`<details><summary>A change</summary>
              <button type="button" disabled=${generic === undefined} onClick=${() => setAfter(linesOf(generic ?? '').join('\n'))}>Begin with the generic document</button>
              <${Editor} label="The generic document as it shall be" text=${after} onText=${setAfter} rows=${12} /></details>`
          : ''
      }
      ${copy.sheet === undefined || kind === 'request' ? '' : html`<${Editor} label=${`Copy of ${sheetId}`} text=${copy.text} onText=${copy.edit} />`}
    </form>
    <${Told} problem=${failed} />
    ${played === undefined ? '' : html`<${Result} played=${played} />`}
    ${copy.sheet === undefined || kind === 'request' ? '' : html`<${Accept} key=${sheetId} sheet=${copy.sheet} text=${copy.text} accepted=${copy.again} />`}` as unknown as VNode;
};
