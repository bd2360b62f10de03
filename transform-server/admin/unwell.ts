/** The parts of a server in; what is not as it should be, in words, since when, and where to look, out. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Parts } from './parts.ts';
import type { Traffic } from './traffic.ts';

export interface Unwell {
  /** One word: `server`, `host`, `agent`, `document`, `sheet`, `job`, `faults`. */
  readonly what: string;
  readonly text: string;
  /** A page of the console, after `#`. */
  readonly href: string;
  readonly sinceMs?: number;
}

const MOST = 100;
const SLOW_JOB_MS = 10 * 60_000;
/** Of a front's calls, from so many on. */
const FAULT_PART = 0.25;
const FAULT_CALLS = 8;

/** Hosts that are here, and those whose agent is away: their fronts and objects are still known. */
export const hostsKnown = ({ hosts, store }: Parts) => {
  const names = new Map<HubId, string>();
  for (const { host, name } of store.view('').list('host')) names.set(host, name);
  for (const { instance } of hosts.fronts()) names.set(instance.host, instance.hostName);
  for (const { id, name } of hosts.list()) names.set(id, name);
  return [...names].map(([id, name]) => ({ id, name, record: hosts.get(id) }));
};

const awaySince = ({ events }: Parts, host: HubId): { readonly sinceMs?: number } => {
  const [event] = events.newest(1, ({ kind, host: of }) => kind === 'host.disconnected' && of === host);
  return event === undefined ? {} : { sinceMs: event.atMs };
};

function* unwellHosts(parts: Parts): Generator<Unwell> {
  for (const { id, name, record } of hostsKnown(parts)) {
    const href = `/hosts/${id}`;
    if (record === undefined)
      yield { what: 'agent', text: `${name}: the agent that holds it is away`, href, ...awaySince(parts, id) };
    else if (!record.connected) yield { what: 'host', text: `${name} does not answer`, href, ...awaySince(parts, id) };
    else if (!parts.store.listed(id)) yield { what: 'host', text: `${name} is being listed`, href };
  }
}

function* unwellDocuments({ hosts, unreadable }: Parts): Generator<Unwell> {
  for (const { id, name } of hosts.list())
    for (const { kind, native } of unreadable.list(id))
      yield { what: 'document', text: `${name}: ${kind} ${native} cannot be read`, href: `/hosts/${id}` };
}

function* unwellJobs({ jobs }: Parts, nowMs: number): Generator<Unwell> {
  for (const job of jobs.list({ sinceMs: Number.POSITIVE_INFINITY })) {
    const sinceMs = job.startedMs ?? job.queuedMs;
    if (nowMs - sinceMs > SLOW_JOB_MS)
      yield {
        what: 'job',
        text: `${job.verb} on ${job.targetName || job.target} takes long`,
        href: `/jobs/${job.id}`,
        sinceMs,
      };
  }
}

function* unwellSheets({ renderer }: Parts): Generator<Unwell> {
  for (const { id, front, text } of renderer.failures)
    yield {
      what: 'sheet',
      text: `${id} has no document${front === '' ? '' : ` for ${front}`}: ${text.slice(0, 200)}`,
      href: `/objects/${id}`,
    };
}

function* unwellFronts({ fronts }: Traffic): Generator<Unwell> {
  for (const [name, { calls, faults }] of fronts)
    if (faults >= FAULT_CALLS && faults > calls * FAULT_PART)
      yield {
        what: 'faults',
        text: `${faults} of ${calls} calls at ${name} ended with a fault in the last minute`,
        href: `/exchanges?front=${encodeURIComponent(name)}`,
      };
}

export const unwellOf = (all: readonly Parts[], traffic: Traffic, nowMs: number): readonly Unwell[] =>
  [
    ...all.flatMap((parts) => [
      ...(parts.isOpen()
        ? []
        : [{ what: 'server', text: 'no agent is attached: clients get no answer', href: '/hosts' }]),
      ...unwellHosts(parts),
      ...unwellDocuments(parts),
      ...unwellJobs(parts, nowMs),
      ...unwellSheets(parts),
    ]),
    ...unwellFronts(traffic),
  ].slice(0, MOST);
