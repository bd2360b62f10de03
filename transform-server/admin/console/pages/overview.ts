/** The page Overview: counts, what is unwell, and the map of who calls whom, as a picture or as tables. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { useAsked } from '../api.ts';
import { agoText, countOf, countText, durationText, figureText } from '../format.ts';
import { useLive } from '../live.ts';
import { clientName, type Line, mapOf, type Node, type OverviewData } from '../map.ts';
import { Loading, Stat, State, Tabs, To, Told } from '../parts.ts';
import { addressOf, type Place } from '../router.ts';
import { useWidth } from '../width.ts';

const AGAIN_MS = 5000;
const NARROW = 720;
/** Of a title in a node, before it is cut: letters are as wide as this at most. */
const LETTER = 7.4;

const cut = (text: string, width: number): string => {
  const most = Math.floor(width / LETTER);
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
};

const NodeBox = ({ node }: { readonly node: Node }): VNode => {
  const { x, y, width, height, title, note, tone, href, kind } = node;
  const shownTitle = cut(title, width - 24);
  const shownNote = cut(note, width - 12);
  const isCut = shownTitle !== title || shownNote !== note;
  return html`<a href=${href} class=${`node ${kind} ${tone}`}>
    ${isCut ? html`<title>${title} ${note}</title>` : ''}
    <rect class="node-box" x=${x} y=${y} width=${width} height=${height} rx="7" />
    ${kind === 'vms' ? '' : html`<rect class="node-mark" x=${x + 7} y=${y + 9} width="4" height=${height - 18} rx="2" />`}
    <text class="node-title" x=${x + 18} y=${y + 17}>${shownTitle} </text>
    <text class="node-note" x=${x + 18} y=${y + 32}>${shownNote}</text>
  </a>` as VNode;
};

const LinePath = ({ line }: { readonly line: Line }): VNode => {
  const [fromX, fromY] = line.from;
  const [toX, toY] = line.to;
  const bend = (toX - fromX) / 2;
  const width = line.calls === 0 ? 1 : Math.min(6, 1.5 + Math.log10(line.calls) * 1.4);
  const kind = line.calls === 0 ? 'idle' : line.faults > 0 ? 'faulty' : 'busy';
  return html`<path
    class=${`line ${kind}`}
    stroke-width=${width}
    d=${`M${fromX} ${fromY}C${fromX + bend} ${fromY} ${toX - bend} ${toY} ${toX} ${toY}`}
  />` as VNode;
};

const MapView = ({ data }: { readonly data: OverviewData }): VNode => {
  const [box, width] = useWidth(0);
  const shown = Math.max(width - 2, NARROW);
  const map = width === 0 ? undefined : mapOf(data, shown);
  return html`<div class="map" ref=${box}>
    ${
      map &&
      html`<svg
        role="group"
        aria-label="Map of clients, fronts, hosts and machines"
        width=${shown}
        height=${map.height}
        viewBox=${`-1 0 ${shown + 2} ${map.height}`}
      >
        ${map.columns.map(([x, title]) => html`<text class="map-column" x=${x} y="14">${title}</text>`)}
        ${map.frames.map(
          (frame) => html`<g key=${`frame ${frame.key}`}>
            <rect class="frame" x=${frame.x} y=${frame.y} width=${frame.width} height=${frame.height} rx="10" />
            <text class="frame-title" x=${frame.x + 10} y=${frame.y + 17}>${frame.title}</text>
          </g>`,
        )}
        ${data.clients.length === 0 ? html`<text class="map-none" x="0" y="46">nobody in the last minute</text>` : ''}
        <g aria-hidden="true">${map.lines.map((line) => html`<${LinePath} key=${line.key} line=${line} />`)}</g>
        ${map.nodes.map((node) => html`<${NodeBox} key=${node.key} node=${node} />`)}
      </svg>`
    }
  </div>` as VNode;
};

const Tables = ({ data }: { readonly data: OverviewData }): VNode => {
  const hostName = new Map(data.hosts.map(({ id, name }) => [id, name]));
  return html`<div class="tables">
    <table>
      <caption>Clients of the last minute</caption>
      <thead><tr><th scope="col">Client</th><th scope="col">User</th><th scope="col">From</th><th scope="col">Calls at</th><th scope="col" class="number">Calls</th><th scope="col" class="number">Faults</th></tr></thead>
      <tbody>
        ${data.clients.map(
          (one) => html`<tr>
            <th scope="row"><a href=${addressOf(['exchanges'], { client: one.address, user: one.user })}>${clientName(one)}</a></th>
            <td>${one.user}</td><td>${one.address}</td>
            <td>${one.fronts.map(({ front }) => front).join(', ')}</td>
            <td class="number">${countText(one.calls)}</td><td class="number">${countText(one.faults)}</td>
          </tr>`,
        )}
        ${data.clients.length === 0 ? html`<tr><td colspan="6" class="soft">nobody called in the last minute</td></tr>` : ''}
      </tbody>
    </table>
    <table>
      <caption>Fronts</caption>
      <thead><tr><th scope="col">Front</th><th scope="col">API</th><th scope="col">Host</th><th scope="col" class="number">Port</th><th scope="col" class="number">Sessions</th><th scope="col" class="number">Calls</th><th scope="col" class="number">Faults</th><th scope="col" class="number">Mean</th></tr></thead>
      <tbody>
        ${data.fronts.map(
          (one) => html`<tr>
            <th scope="row"><a href=${addressOf(['exchanges'], { front: one.name })}>${one.name}</a></th>
            <td>${one.platform}</td><td><${To} words=${['hosts', one.host]}>${hostName.get(one.host) ?? one.host}</${To}></td>
            <td class="number">${one.port}</td><td class="number">${one.sessions}</td>
            <td class="number">${countText(one.calls)}</td><td class="number">${countText(one.faults)}</td>
            <td class="number">${one.calls === 0 ? '' : durationText(one.meanMs)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
    <table>
      <caption>Hosts</caption>
      <thead><tr><th scope="col">Host</th><th scope="col">Speaks</th><th scope="col">Agent</th><th scope="col">State</th><th scope="col" class="number">Machines</th></tr></thead>
      <tbody>
        ${data.hosts.map(
          (one) => html`<tr>
            <th scope="row"><${To} words=${['hosts', one.id]}>${one.name}</${To}></th>
            <td>${one.platform}</td><td>${one.agent || 'away'}</td><td><${State} of=${one.state} /></td>
            <td class="number"><a href=${addressOf(['objects'], { kind: 'vm', host: one.id })}>${countText(one.vms)}</a></td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>` as VNode;
};

const Unwell = ({ data }: { readonly data: OverviewData }): VNode =>
  html`<section class=${`panel unwell ${data.unwell.length === 0 ? 'well' : ''}`} aria-label="What is unwell">
    ${
      data.unwell.length === 0
        ? html`<p><${State} of="all is well" tone="good" /></p>`
        : html`<ul>
            ${data.unwell.map(
              ({ what, text, href, sinceMs }) => html`<li>
                <${State} of=${what} tone="bad" /> <a href=${`#${href}`}>${text}</a>
                ${sinceMs === undefined ? '' : html`<small>since ${agoText(sinceMs, data.atMs)}</small>`}
              </li>`,
            )}
          </ul>`
    }
  </section>` as VNode;

const Counts = ({ data }: { readonly data: OverviewData }): VNode => {
  const { counts } = data;
  const seconds = Math.max(1, (data.atMs - data.traffic.sinceMs) / 1000);
  const away = data.hosts.filter(({ state }) => state === 'away').length;
  const of = (name: string): number => counts[name] ?? 0;
  return html`<div class="stats">
    <${Stat} name="exchanges a second" value=${figureText(of('calls') / seconds)} note=${`${countOf(of('calls'), 'call')} in ${durationText(seconds * 1000)}`} href=${addressOf(['exchanges'])} />
    <${Stat} name="faults" value=${countText(of('faults'))} tone=${of('faults') > 0 ? 'warn' : undefined} note=${of('calls') === 0 ? '' : `${figureText((100 * of('faults')) / of('calls'))} % of calls`} href=${addressOf(['exchanges'], { outcome: 'fault' })} />
    <${Stat} name="clients" value=${countText(of('clients'))} note=${countOf(of('sessions'), 'session')} href=${addressOf(['sessions'])} />
    <${Stat} name="hosts" value=${countText(of('hosts'))} tone=${away > 0 ? 'bad' : undefined} note=${away > 0 ? `${away} away` : countOf(of('agents'), 'agent')} href=${addressOf(['hosts'])} />
    <${Stat} name="machines" value=${countText(of('vms'))} note=${countOf(of('objects'), 'object')} href=${addressOf(['objects'], { kind: 'vm' })} />
    <${Stat} name="jobs under way" value=${countText(of('jobs'))} note="" href=${addressOf(['jobs'])} />
  </div>` as VNode;
};

export const Overview = ({ place }: { readonly place: Place }): VNode => {
  const { value: data, problem, again } = useAsked<OverviewData>('/overview');
  useLive(['exchange', 'host', 'agent', 'session', 'job', 'object'], again, 1500);
  // What was called a minute ago goes away without anything being told.
  useEffect(() => {
    const timer = setInterval(again, AGAIN_MS);
    return () => clearInterval(timer);
  }, [again]);
  const isTable = place.search.get('tab') === 'table';
  return html`<h1>Overview</h1>
    <${Told} problem=${problem} />
    ${
      data === undefined
        ? problem === undefined && html`<${Loading} what="the overview" />`
        : html`<${Counts} data=${data} />
            <${Unwell} data=${data} />
            <h2>Who calls whom <small>in the last ${durationText(data.atMs - data.traffic.sinceMs)}</small></h2>
            <${Tabs} place=${place} tabs=${[['map', 'Map'], ['table', 'Table']]}>
              ${isTable ? html`<${Tables} data=${data} />` : html`<${MapView} data=${data} />`}
            </${Tabs}>`
    }` as unknown as VNode;
};
