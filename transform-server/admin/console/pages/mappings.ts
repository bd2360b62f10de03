/** The page Mappings: the APIs that are translated, what each covers, its commands and its sheets; a sheet and the playground are views of their own. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useAsked } from '../api.ts';
import { timeText } from '../format.ts';
import { useList } from '../list.ts';
import { useLive } from '../live.ts';
import { asked, Filters, State, Tabs, To, Told } from '../parts.ts';
import { addressOf, type Place } from '../router.ts';
import { type Column, Rows } from '../rows.ts';
import { Table } from '../text.ts';
import { Playground } from './playground.ts';
import { OneSheet, type SheetLine } from './sheet.ts';

const ROUTES = ['session', 'direct', 'central', 'broker', 'stream', 'pass', 'refuse'] as const;
type Counts = Partial<Record<(typeof ROUTES)[number], number>>;

export interface PlatformLine {
  readonly name: string;
  readonly title: string;
  readonly front: boolean;
  readonly host: boolean;
  readonly version: string;
  readonly methods: number;
  readonly routes: Counts;
  readonly sheets: number;
  readonly pairs: number;
  readonly changedHere: number;
}
interface Row {
  readonly method: string;
  readonly on: string;
  readonly route: string;
  readonly access: string;
  readonly verb: string;
  readonly centralIf: readonly string[];
  readonly because: string;
}
interface Coverage {
  readonly routes: Counts;
  readonly types: readonly { readonly type: string; readonly routes: Counts }[];
  readonly verbs: readonly {
    readonly verb: string;
    readonly methods: readonly string[];
    readonly routes: readonly string[];
  }[];
  readonly refused: readonly { readonly because: string; readonly methods: number }[];
}

const countsText = (counts: Counts): string =>
  ROUTES.flatMap((route) => (counts[route] === undefined ? [] : [`${counts[route]} ${route}`])).join(', ');

const COLUMNS: readonly Column<Row>[] = [
  { name: 'Type', width: '12rem', cell: ({ on }) => on },
  { name: 'Method', width: 'minmax(14rem, 1fr)', cell: ({ method }) => method },
  { name: 'Route', width: '6rem', cell: ({ route }) => route },
  { name: 'Access', width: '6rem', cell: ({ access }) => access },
  { name: 'Command', width: '11rem', cell: ({ verb }) => verb },
  {
    name: 'Conditions',
    width: 'minmax(14rem, 1fr)',
    cell: ({ centralIf, because }) => (centralIf.length > 0 ? `central with ${centralIf.join(', ')}` : because),
  },
];
const keyOf = ({ on, method }: Row): string => `${on}.${method}`;

const Commands = ({ place, platform }: { readonly place: Place; readonly platform: string }): VNode => {
  const search = asked(place, ['q', 'route', 'verb']);
  const { items, problem, more } = useList<Row>(`/mappings/${platform}/commands`, search, keyOf, ['mapping']);
  return html`<${Filters} place=${place} of=${[
    { kind: 'text', name: 'q', label: 'Search' },
    { kind: 'choice', name: 'route', label: 'Route', choices: ROUTES },
  ]} />
    <${Told} problem=${problem} />
    <${Rows} label="Commands" columns=${COLUMNS} rows=${items} keyOf=${keyOf} onEnd=${more}
      empty="no client speaks this API, or nothing of that kind" />` as unknown as VNode;
};

const CoverageOf = ({ platform }: { readonly platform: string }): VNode => {
  const { value, problem } = useAsked<Coverage>(`/mappings/${platform}/coverage`);
  if (value === undefined) return html`<${Told} problem=${problem} />` as VNode;
  const filtered = (search: Record<string, string>): string =>
    addressOf(['mappings', platform], { tab: 'commands', ...search });
  return html`<p>${countsText(value.routes) || 'No client speaks this API.'}</p>
    <h2>By command</h2>
    <${Table} label="Commands that are covered" heads=${['Command', 'Methods', 'Routes']}>
        ${value.verbs.map(
          ({ verb, methods, routes }) => html`<tr>
            <th scope="row"><a href=${filtered({ verb })}>${verb}</a></th>
            <td>${methods.join(', ')}</td><td>${routes.join(', ')}</td>
          </tr>`,
        )}
      </${Table}>
    <h2>Refused</h2>
    <${Table} label="Why methods are refused" heads=${['Why', 'Methods']}>${value.refused.map(({ because, methods }) => html`<tr><td>${because}</td><td>${methods}</td></tr>`)}</${Table}>
    <h2>By type</h2>
    <${Table} label="Types" heads=${['Type', 'Methods']}>
        ${value.types.map(
          ({ type, routes }) =>
            html`<tr><th scope="row"><a href=${filtered({ q: `${type}.` })}>${type}</a></th><td>${countsText(routes)}</td></tr>`,
        )}
      </${Table}>` as unknown as VNode;
};

const SheetsOf = ({ platform }: { readonly platform: string }): VNode => {
  const { value, problem, again } = useAsked<{ readonly items: readonly SheetLine[] }>(`/mappings/${platform}/sheets`);
  useLive(['mapping'], again);
  return html`<${Told} problem=${problem} />
    <${Table} label="Sheets" heads=${['Sheet', 'Lines', 'In use since', 'Golden pairs', 'Changed']}>
        ${(value?.items ?? []).map(
          (one) => html`<tr>
            <th scope="row"><${To} words=${['mappings', 'sheet', one.id]}>${one.path}</${To}></th>
            <td>${one.lines}</td>
            <td>${timeText(one.sinceMs)}</td>
            <td>${one.failing === 0 ? `${one.pairs}, all come out` : html`<span class="bad">${one.failing} of ${one.pairs} fail</span>`}</td>
            <td>${one.changedHere === undefined ? '' : `here, by ${one.changedHere.by}${one.changedHere.outdated ? '; the program has a newer one' : ''}`}</td>
          </tr>`,
        )}
      </${Table}>` as unknown as VNode;
};

const TABS = [
  ['commands', 'Commands'],
  ['coverage', 'Coverage'],
  ['sheets', 'Sheets'],
] as const;

const OnePlatform = ({ place, platform }: { readonly place: Place; readonly platform: string }): VNode => {
  const tab = place.search.get('tab') ?? 'commands';
  return html`<p class="crumbs"><a href="#/mappings">Mappings</a> / ${platform}</p>
    <h1>Mappings of ${platform}</h1>
    <${Tabs} place=${place} tabs=${TABS}>
      ${
        tab === 'coverage'
          ? html`<${CoverageOf} platform=${platform} />`
          : tab === 'sheets'
            ? html`<${SheetsOf} platform=${platform} />`
            : html`<${Commands} place=${place} platform=${platform} />`
      }
    </${Tabs}>` as unknown as VNode;
};

const All = (): VNode => {
  const { value, problem, again } = useAsked<{ readonly items: readonly PlatformLine[] }>('/mappings');
  useLive(['mapping'], again);
  return html`<h1>Mappings</h1>
    <p><a href="#/mappings/playground">Playground</a>: paste a document or a request, and see every hop; edit a copy of a sheet and see its effect.</p>
    <${Told} problem=${problem} />
    <${Table} label="APIs" heads=${['API', 'Title', 'Clients', 'Hosts', 'Methods', 'Sheets', 'Version']}>
        ${(value?.items ?? []).map(
          (one) => html`<tr>
            <th scope="row"><${To} words=${['mappings', one.name]} /></th>
            <td>${one.title}</td>
            <td><${State} of=${one.front ? 'yes' : '-'} /></td>
            <td><${State} of=${one.host ? 'yes' : '-'} /></td>
            <td>${one.methods === 0 ? '' : `${one.methods}: ${countsText(one.routes)}`}</td>
            <td><a href=${addressOf(['mappings', one.name], { tab: 'sheets' })}>${one.sheets}</a>, ${one.pairs} golden pairs${one.changedHere === 0 ? '' : `, ${one.changedHere} changed here`}</td>
            <td><code>${one.version}</code></td>
          </tr>`,
        )}
      </${Table}>` as unknown as VNode;
};

export const Mappings = ({ place }: { readonly place: Place }): VNode => {
  const [, first, ...rest] = place.words;
  if (first === undefined) return html`<${All} />` as VNode;
  if (first === 'playground') return html`<${Playground} place=${place} />` as VNode;
  // A path holds slashes: it may stand as one word or as several.
  if (first === 'sheet') {
    const id = rest.join('/');
    return html`<${OneSheet} key=${id} id=${id} line=${Number(place.search.get('line')) || undefined} />` as VNode;
  }
  return html`<${OnePlatform} key=${first} place=${place} platform=${first} />` as VNode;
};
