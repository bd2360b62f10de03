/** Domains as native objects: bulk facts from the list calls, the documents of each domain, its snapshots. */
import type { NativeObject } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import type { Dom } from '../types.ts';
import { ask, askFound, askOr, inParallel } from './conversation.ts';

/** virConnectListAllDomainsFlags */
const LIST = { all: 0, active: 1, persistent: 4, managedSave: 256, autostart: 1024, hasSnapshot: 4096 } as const;
/** virDomainXMLFlags */
const XML_INACTIVE = 2;
/** virDomainStatsTypes: state only. */
const STATS_STATE = 1;

export interface DomainFacts {
  readonly name: string;
  readonly state: number;
  readonly reason: number;
  readonly id: number;
  readonly persistent: boolean;
  readonly autostart: boolean;
  readonly managedSave: boolean;
  readonly hasSnapshots: boolean;
}

const listed = async (send: DriverSend, flags: number): Promise<readonly Dom[]> => {
  const outcome = await ask(send, 'CONNECT_LIST_ALL_DOMAINS', { need_results: 1, flags });
  if (!outcome.ok) throw new Error(`domains cannot be listed: ${outcome.fault.text}`);
  return outcome.value.domains;
};

const uuids = async (send: DriverSend, flags: number): Promise<ReadonlySet<string>> =>
  new Set((await listed(send, flags)).map(({ uuid }) => uuid));

/** Every domain with what the list and statistics calls tell: a handful of calls however many domains there are. */
export const listDomains = async (send: DriverSend): Promise<Map<string, DomainFacts>> => {
  const [all, persistent, managedSave, autostart, hasSnapshot, stats] = await Promise.all([
    listed(send, LIST.all),
    uuids(send, LIST.persistent),
    uuids(send, LIST.managedSave),
    uuids(send, LIST.autostart),
    uuids(send, LIST.hasSnapshot),
    askOr(send, 'CONNECT_GET_ALL_DOMAIN_STATS', { doms: [], stats: STATS_STATE, flags: 0 }, { retStats: [] }),
  ]);
  const states = new Map<string, [number, number]>();
  for (const { dom, params } of stats.retStats) {
    const value = (field: string): number => Number(params.find((param) => param.field === field)?.value ?? 0);
    states.set(dom.uuid, [value('state.state'), value('state.reason')]);
  }
  const out = new Map<string, DomainFacts>();
  for (const { name, uuid, id } of all) {
    const [state, reason] = states.get(uuid) ?? (id >= 0 ? [1, 0] : [5, 0]);
    out.set(uuid, {
      name,
      state,
      reason,
      id,
      persistent: persistent.has(uuid),
      autostart: autostart.has(uuid),
      managedSave: managedSave.has(uuid),
      hasSnapshots: hasSnapshot.has(uuid),
    });
  }
  return out;
};

/** The same facts of one domain; undefined when it is gone. */
export const domainFacts = async (send: DriverSend, uuid: string): Promise<DomainFacts | undefined> => {
  const found = await askFound(send, 'DOMAIN_LOOKUP_BY_UUID', { uuid });
  if (!found) return undefined;
  const { dom } = found;
  const [state, persistent, autostart, managedSave, snapshots] = await Promise.all([
    askOr(send, 'DOMAIN_GET_STATE', { dom, flags: 0 }, { state: 0, reason: 0 }),
    askOr(send, 'DOMAIN_IS_PERSISTENT', { dom }, { persistent: 1 }),
    askOr(send, 'DOMAIN_GET_AUTOSTART', { dom }, { autostart: 0 }),
    askOr(send, 'DOMAIN_HAS_MANAGED_SAVE_IMAGE', { dom, flags: 0 }, { result: 0 }),
    askOr(send, 'DOMAIN_LIST_ALL_SNAPSHOTS', { dom, need_results: 0, flags: 0 }, { ret: 0 }),
  ]);
  return {
    name: dom.name,
    state: state.state,
    reason: state.reason,
    id: dom.id,
    persistent: persistent.persistent === 1,
    autostart: autostart.autostart === 1,
    managedSave: managedSave.result === 1,
    hasSnapshots: snapshots.ret > 0,
  };
};

const snapshotParts = async (
  send: DriverSend,
  dom: Dom,
): Promise<{ parts: Record<string, string>; current: string }> => {
  const { snapshots } = await askOr(
    send,
    'DOMAIN_LIST_ALL_SNAPSHOTS',
    { dom, need_results: 1, flags: 0 },
    { snapshots: [] },
  );
  const parts: Record<string, string> = {};
  const texts = await inParallel(snapshots, 4, (snap) =>
    askOr(send, 'DOMAIN_SNAPSHOT_GET_XML_DESC', { snap, flags: 0 }, undefined),
  );
  for (const [n, snap] of snapshots.entries()) {
    const text = texts[n];
    if (text) parts[`snapshot:${snap.name}`] = text.xml;
  }
  const current =
    snapshots.length > 0 ? await askOr(send, 'DOMAIN_SNAPSHOT_CURRENT', { dom, flags: 0 }, undefined) : undefined;
  return { parts, current: current?.snap.name ?? '' };
};

/** One domain whole: its stored definition, its live one while it runs, its snapshots. Undefined when it vanished meanwhile. */
export const readDomain = async (
  send: DriverSend,
  uuid: string,
  facts: DomainFacts,
): Promise<NativeObject | undefined> => {
  const dom: Dom = { name: facts.name, uuid, id: facts.id };
  const active = facts.id >= 0;
  const [stored, live, snapshots] = await Promise.all([
    askFound(send, 'DOMAIN_GET_XML_DESC', { dom, flags: XML_INACTIVE }),
    active ? askOr(send, 'DOMAIN_GET_XML_DESC', { dom, flags: 0 }, undefined) : undefined,
    facts.hasSnapshots ? snapshotParts(send, dom) : { parts: {}, current: '' },
  ]);
  if (!stored) return undefined;
  return {
    kind: 'vm',
    native: uuid,
    parts: { domain: stored.xml, ...(live ? { live: live.xml } : {}), ...snapshots.parts },
    facts: {
      state: facts.state,
      reason: facts.reason,
      id: facts.id,
      persistent: facts.persistent,
      autostart: facts.autostart,
      managedSave: facts.managedSave,
      hasSnapshots: facts.hasSnapshots,
      currentSnapshot: snapshots.current,
    },
  };
};
