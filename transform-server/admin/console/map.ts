/** The overview's data and a width in; places of nodes and lines of the map out: clients, fronts, hosts under their agents, machines. Many hosts become groups. */
import { countOf, countText, durationText } from './format.ts';
import { addressOf } from './router.ts';

export interface OverviewData {
  readonly atMs: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly traffic: { readonly sinceMs: number };
  readonly hosts: readonly {
    readonly id: string;
    readonly name: string;
    readonly platform: string;
    readonly agent: string;
    readonly state: string;
    readonly vms: number;
  }[];
  readonly fronts: readonly {
    readonly name: string;
    readonly platform: string;
    readonly host: string;
    readonly port: number;
    readonly sessions: number;
    readonly calls: number;
    readonly faults: number;
    readonly meanMs: number;
  }[];
  readonly clients: readonly {
    readonly address: string;
    readonly user: string;
    readonly program: string;
    readonly calls: number;
    readonly faults: number;
    readonly fronts: readonly { readonly front: string; readonly calls: number; readonly faults: number }[];
  }[];
  readonly unwell: readonly {
    readonly what: string;
    readonly text: string;
    readonly href: string;
    readonly sinceMs?: number;
  }[];
}
type Host = OverviewData['hosts'][number];
type Front = OverviewData['fronts'][number];

export interface Node {
  readonly key: string;
  readonly kind: 'client' | 'front' | 'host' | 'vms';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly note: string;
  readonly tone: 'good' | 'bad' | 'soft' | '';
  readonly href: string;
}
export interface Line {
  readonly key: string;
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  /** 0: nobody called. */
  readonly calls: number;
  readonly faults: number;
}
export interface Frame {
  readonly key: string;
  readonly title: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export interface MapText {
  readonly height: number;
  readonly nodes: readonly Node[];
  readonly lines: readonly Line[];
  readonly frames: readonly Frame[];
  readonly columns: readonly (readonly [x: number, title: string])[];
}

const NODE = 40;
const GAP = 8;
const HEAD = 26;
/** Hosts that are shown one by one: those that are unwell or busy; all others are one node. */
const HOSTS = 12;
const CLIENTS = 12;

export const clientName = ({ program, user, address }: OverviewData['clients'][number]): string =>
  program || user || address;

interface Group {
  readonly key: string;
  readonly hosts: readonly Host[];
  readonly fronts: readonly Front[];
}

const callsOf = (fronts: readonly Front[]): number => fronts.reduce((sum, { calls }) => sum + calls, 0);
const faultsOf = (fronts: readonly Front[]): number => fronts.reduce((sum, { faults }) => sum + faults, 0);

/** Frames of hosts by themselves, one an agent, and one last frame with a group of all others. */
const framesOf = ({ hosts, fronts }: OverviewData): readonly (readonly [title: string, groups: readonly Group[]])[] => {
  const ofHost = Map.groupBy(fronts, ({ host }) => host);
  const frontsOf = ({ id }: Host): readonly Front[] => ofHost.get(id) ?? [];
  const isQuiet = (host: Host): boolean => host.state === 'connected' && callsOf(frontsOf(host)) === 0;
  const byNeed = hosts.toSorted(
    (a, b) =>
      Number(a.state === 'connected') - Number(b.state === 'connected') ||
      callsOf(frontsOf(b)) - callsOf(frontsOf(a)) ||
      a.name.localeCompare(b.name),
  );
  const single = hosts.length <= HOSTS ? byNeed : byNeed.filter((host) => !isQuiet(host)).slice(0, HOSTS);
  const shown = single.toSorted((a, b) => a.name.localeCompare(b.name));
  const rest = byNeed.slice(shown.length);
  const frames = [...Map.groupBy(shown, (one) => one.agent)].map(([agent, of]): [string, Group[]] => [
    titleOf(agent),
    of.map((host) => ({ key: host.id, hosts: [host], fronts: frontsOf(host) })),
  ]);
  if (rest.length === 0) return frames;
  const agents = new Set(rest.map(({ agent }) => agent)).size;
  return [
    ...frames,
    [`of ${countOf(agents, 'agent')}`, [{ key: 'rest', hosts: rest, fronts: rest.flatMap(frontsOf) }]],
  ];
};

const titleOf = (agent: string): string => (agent === '' ? 'agent away' : agent === 'agent' ? agent : `agent ${agent}`);

const frontNote = ({ calls, faults, meanMs, sessions }: Front): string =>
  calls === 0
    ? countOf(sessions, 'session')
    : `${countOf(calls, 'call')}${faults > 0 ? `, ${countOf(faults, 'fault')}` : ''}${meanMs > 0 ? `, ${durationText(meanMs)}` : ''}`;

const frontNodes = ({ key, hosts, fronts }: Group): Pick<Node, 'key' | 'title' | 'note' | 'tone' | 'href'>[] => {
  const [front] = fronts;
  if (hosts.length === 1)
    return fronts.map((one) => ({
      key: one.name,
      title: one.name.replace(/@.*/, ''),
      note: frontNote(one),
      tone: one.faults > 0 ? 'bad' : one.calls > 0 ? 'good' : 'soft',
      href: addressOf(['exchanges'], { front: one.name }),
    }));
  if (front === undefined) return [];
  const calls = callsOf(fronts);
  const faults = faultsOf(fronts);
  return [
    {
      key: `fronts ${key}`,
      title: countOf(fronts.length, 'front'),
      note: calls === 0 ? 'quiet' : `${countOf(calls, 'call')}${faults > 0 ? `, ${countOf(faults, 'fault')}` : ''}`,
      tone: faults > 0 ? 'bad' : calls > 0 ? 'good' : 'soft',
      href: addressOf(['hosts']),
    },
  ];
};

const hostNode = ({ key, hosts }: Group): Pick<Node, 'key' | 'title' | 'note' | 'tone' | 'href'> => {
  const [host] = hosts;
  if (hosts.length === 1 && host !== undefined)
    return {
      key,
      title: host.name,
      note: `${host.platform}, ${host.state}`,
      tone: host.state === 'connected' ? 'good' : host.state === 'away' ? 'bad' : 'soft',
      href: addressOf(['hosts', host.id]),
    };
  const away = hosts.filter(({ state }) => state === 'away').length;
  return {
    key,
    title: `${countOf(hosts.length, 'more host')}`,
    note: away > 0 ? `${away} away` : 'all connected',
    tone: away > 0 ? 'bad' : 'good',
    href: addressOf(['hosts']),
  };
};

export const mapOf = (data: OverviewData, width: number): MapText => {
  const nodes: Node[] = [];
  const lines: Line[] = [];
  const frames: Frame[] = [];
  const space = Math.max(28, Math.min(110, width * 0.07));
  const vmsWidth = Math.max(76, Math.min(120, width * 0.11));
  const each = (width - vmsWidth - 3 * space - 2 * GAP) / 3;
  const [clientX, frontX, hostX, vmsX] = [
    0,
    each + space + GAP,
    2 * (each + space) + GAP,
    3 * each + 3 * space + 2 * GAP,
  ];
  /** Of each front, and of the front node that stands for it. */
  const frontAt = new Map<string, { readonly y: number; readonly key: string }>();

  let y = HEAD;
  for (const [title, groups] of framesOf(data)) {
    const top = y;
    y += HEAD;
    for (const group of groups) {
      const fronts = frontNodes(group);
      const height = Math.max(1, fronts.length) * (NODE + GAP) - GAP;
      const middle = y + height / 2;
      for (const [at, front] of fronts.entries()) {
        const frontY = y + at * (NODE + GAP);
        nodes.push({ ...front, kind: 'front', x: frontX, y: frontY, width: each, height: NODE });
        const of = group.hosts.length === 1 ? group.fronts.filter(({ name }) => name === front.key) : group.fronts;
        for (const { name } of of) frontAt.set(name, { y: frontY + NODE / 2, key: front.key });
        lines.push({
          key: `${front.key} host`,
          from: [frontX + each, frontY + NODE / 2],
          to: [hostX, middle],
          calls: callsOf(of),
          faults: faultsOf(of),
        });
      }
      nodes.push({ ...hostNode(group), kind: 'host', x: hostX, y: middle - NODE / 2, width: each, height: NODE });
      const vms = group.hosts.reduce((sum, host) => sum + host.vms, 0);
      lines.push({ key: `${group.key} vms`, from: [hostX + each, middle], to: [vmsX, middle], calls: 0, faults: 0 });
      nodes.push({
        key: `vms ${group.key}`,
        kind: 'vms',
        x: vmsX,
        y: middle - NODE / 2,
        width: vmsWidth,
        height: NODE,
        title: countText(vms),
        note: vms === 1 ? 'machine' : 'machines',
        tone: '',
        href: addressOf(['objects'], { kind: 'vm', ...(group.hosts.length === 1 ? { host: group.hosts[0]?.id } : {}) }),
      });
      y += height + GAP;
    }
    frames.push({
      key: title,
      title,
      x: frontX - GAP,
      y: top,
      width: hostX + each - frontX + 2 * GAP,
      height: y - top,
    });
    y += GAP;
  }

  const clients = data.clients.slice(0, CLIENTS);
  const step = NODE + GAP;
  const more = data.clients.length - clients.length;
  const used = (clients.length + (more > 0 ? 1 : 0)) * step;
  let clientY = HEAD + Math.max(0, (y - HEAD - used) / 2);
  for (const [at, client] of clients.entries()) {
    const key = `client ${at}`;
    nodes.push({
      key,
      kind: 'client',
      x: clientX,
      y: clientY,
      width: each,
      height: NODE,
      title: clientName(client),
      note: `${client.user === '' ? '' : `${client.user}@`}${client.address}`,
      tone: client.faults > 0 ? 'bad' : 'good',
      href: addressOf(['exchanges'], { client: client.address, user: client.user }),
    });
    const toNode = new Map<string, { y: number; calls: number; faults: number }>();
    for (const { front, calls, faults } of client.fronts) {
      const target = frontAt.get(front);
      if (target === undefined) continue;
      const line = toNode.get(target.key) ?? { y: target.y, calls: 0, faults: 0 };
      toNode.set(target.key, { y: target.y, calls: line.calls + calls, faults: line.faults + faults });
    }
    for (const [to, line] of toNode)
      lines.push({
        key: `${key} ${to}`,
        from: [clientX + each, clientY + NODE / 2],
        to: [frontX, line.y],
        calls: line.calls,
        faults: line.faults,
      });
    clientY += step;
  }
  if (more > 0) {
    nodes.push({
      key: 'more clients',
      kind: 'client',
      x: clientX,
      y: clientY,
      width: each,
      height: NODE,
      title: countOf(more, 'more client'),
      note: 'in the last minute',
      tone: 'soft',
      href: addressOf(['exchanges']),
    });
    clientY += step;
  }
  return {
    height: Math.max(y, clientY) + GAP,
    nodes,
    lines,
    frames,
    columns: [
      [clientX, 'Clients'],
      [frontX, 'Fronts'],
      [hostX, 'Hosts'],
      [vmsX, 'Machines'],
    ],
  };
};
