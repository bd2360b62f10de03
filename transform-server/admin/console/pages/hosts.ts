/** The page Hosts: hosts with their agents and fronts, and one host with where clients reach it. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useAsked } from '../api.ts';
import { countText } from '../format.ts';
import { useList } from '../list.ts';
import { useLive } from '../live.ts';
import { Facts, Loading, State, To, Told } from '../parts.ts';
import { addressOf, type Place } from '../router.ts';
import { type Column, Rows } from '../rows.ts';
import { History } from './object.ts';

interface Host {
  readonly id: string;
  readonly name: string;
  readonly platform: string;
  readonly agent: string;
  readonly epoch: number;
  readonly connected: boolean;
  readonly listed: boolean;
  readonly objects: Readonly<Record<string, number>>;
  readonly fronts: readonly string[];
}
interface Front {
  readonly name: string;
  readonly platform: string;
  readonly host: string;
  readonly hostName: string;
  readonly port: number;
  readonly uuid: string;
  readonly tls: boolean;
  readonly sessions: number;
  readonly options: Readonly<Record<string, string>>;
}

const NAMES: Readonly<Record<string, string>> = {
  vm: 'Machines',
  storage: 'Storages',
  volume: 'Volumes',
  network: 'Networks',
};
const stateOf = ({ connected, listed }: Host): string => (!connected ? 'away' : listed ? 'connected' : 'listing');
const keyOf = ({ id }: Host): string => id;
const counted = (kind: string, name: string): Column<Host> => ({
  name,
  width: '6rem',
  isNumber: true,
  cell: ({ id, objects }) =>
    html`<a href=${addressOf(['objects'], { kind, host: id })}>${countText(objects[kind] ?? 0)}</a>` as VNode,
});

const COLUMNS: readonly Column<Host>[] = [
  {
    name: 'Host',
    width: 'minmax(9rem, 1fr)',
    cell: ({ id, name }) => html`<${To} words=${['hosts', id]}>${name}</${To}>` as VNode,
  },
  { name: 'Speaks', width: '6rem', cell: ({ platform }) => platform },
  { name: 'State', width: '8rem', cell: (host) => html`<${State} of=${stateOf(host)} />` as VNode },
  { name: 'Agent', width: 'minmax(7rem, 0.7fr)', cell: ({ agent }) => agent || 'away' },
  counted('vm', 'Machines'),
  counted('volume', 'Volumes'),
  counted('storage', 'Storages'),
  counted('network', 'Networks'),
  {
    name: 'Fronts',
    width: 'minmax(12rem, 1.5fr)',
    cell: ({ fronts }) =>
      html`${fronts.map((front) => html`<a href=${addressOf(['exchanges'], { front })}>${front}</a> `)}` as VNode,
  },
];

const One = ({ id }: { readonly id: string }): VNode => {
  const { value: host, problem, again } = useAsked<Host>(`/hosts/${encodeURIComponent(id)}`);
  const { value: all, again: frontsAgain } = useAsked<{ items: readonly Front[] }>('/fronts?limit=500');
  useLive(['host', 'agent'], again, 1000);
  useLive(['session'], frontsAgain, 1000);
  if (host === undefined)
    return html`<h1>${id}</h1>${problem === undefined ? html`<${Loading} what="the host" />` : html`<${Told} problem=${problem} />`}` as unknown as VNode;
  const fronts = all?.items.filter((front) => front.host === host.id) ?? [];
  return html`<p class="crumbs"><a href="#/hosts">Hosts</a></p>
    <h1>${host.name} <small><${State} of=${stateOf(host)} /></small></h1>
    <${Facts}
      of=${[
        ['Speaks', host.platform],
        ['Agent', host.agent || html`<${State} of="away" />`],
        ['Epoch', host.epoch],
        ...Object.entries(host.objects).map(([kind, count]) => [
          NAMES[kind] ?? kind,
          html`<a href=${addressOf(['objects'], { kind, host: host.id })}>${countText(count)}</a>`,
        ]),
        ['As an object', html`<${To} words=${['objects', host.id]} />`],
        ['Jobs', html`<a href=${addressOf(['jobs'], { host: host.id })}>on it</a>`],
      ]}
    />
    <h2>Fronts</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Fronts">
      <table class="wide">
        <thead><tr><th scope="col">Front</th><th scope="col">API</th><th scope="col" class="number">Port</th><th scope="col">TLS</th><th scope="col" class="number">Sessions</th><th scope="col">UUID</th><th scope="col">Options</th></tr></thead>
        <tbody>
          ${fronts.map(
            (front) => html`<tr>
              <th scope="row"><a href=${addressOf(['exchanges'], { front: front.name })}>${front.name}</a></th>
              <td>${front.platform}</td><td class="number">${front.port}</td><td><${State} of=${front.tls ? 'yes' : 'no'} /></td>
              <td class="number"><a href=${addressOf(['sessions'], { front: front.name })}>${front.sessions}</a></td>
              <td><code>${front.uuid}</code></td>
              <td>${Object.entries(front.options).map(([key, value]) => html`<code>${key}=${value}</code> `)}</td>
            </tr>`,
          )}
          ${fronts.length === 0 ? html`<tr><td colspan="7" class="soft">clients cannot reach it: it has no front</td></tr>` : ''}
        </tbody>
      </table>
    </div>
    <h2>History</h2>
    <${History} path=${`/objects/${encodeURIComponent(host.id)}`} />` as unknown as VNode;
};

const All = (): VNode => {
  const { items, problem, loading, more } = useList<Host>('/hosts', {}, keyOf, ['host', 'agent', 'object']);
  const agents = Map.groupBy(items, ({ agent }) => agent);
  return html`<h1>Hosts</h1>
    <p class="agents">${[...agents].map(([agent, of]) => html`<span class="chip"><strong>${agent === '' ? 'agent away' : agent}</strong> ${of.length === 1 ? 'one host' : `${of.length} hosts`}${of.every(({ connected }) => connected) ? '' : html`, <${State} of="away" /> ${of.filter(({ connected }) => !connected).length}`}</span> `)}</p>
    <${Told} problem=${problem} />
    <${Rows} label="Hosts" columns=${COLUMNS} rows=${items} keyOf=${keyOf} onEnd=${more}
      empty=${loading ? 'loading' : 'no agent is attached: none has announced a host'}
      onOpen=${(host: Host) => {
        location.hash = addressOf(['hosts', host.id]);
      }} />` as unknown as VNode;
};

export const Hosts = ({ place }: { readonly place: Place }): VNode => {
  const id = place.words[1];
  return (id === undefined ? html`<${All} />` : html`<${One} key=${id} id=${id} />`) as VNode;
};
