/** Probes of what an object is like, not only whether it is there: each reads the host's own document or state and compares. */
import { createHash } from 'node:crypto';
import { done, type Outcome, refused } from '../../generic/faults.ts';
import type { ProbeAnswer } from '../../generic/plan.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { readXml, type XmlElement } from '../../wire/xml.ts';
import { disksOf, nicsOf } from '../devices.ts';
import { attribute, child, children, parseSpans, path, type Span, textOf } from '../spans.ts';
import type { Net, Pool } from '../types.ts';
import { bytesOf } from '../units.ts';
import { domain, snapshot } from './arguments.ts';
import { ask } from './conversation.ts';

type Args = Readonly<Record<string, unknown>>;
export type Question = (send: DriverSend, args: Args) => Promise<Outcome<ProbeAnswer>>;

const text = (args: Args, name: string): string => {
  const value = args[name];
  if (typeof value !== 'string') throw new Error(`a probe without ${name}`);
  return value;
};
const sha256 = (value: string): string => createHash('sha256').update(value).digest('hex');

/** A question answered by one call and a look at what it told. */
const look =
  <T>(
    asked: (send: DriverSend, args: Args) => Promise<Outcome<T>>,
    isDone: (told: T, args: Args) => boolean,
  ): Question =>
  async (send, args) => {
    const outcome = await asked(send, args);
    return outcome.ok ? done(isDone(outcome.value, args) ? 'done' : 'not-done') : refused(outcome.fault);
  };

/** virDomainXMLFlags */
const INACTIVE = 2;
const LIVE = 0;

const definition = (flags: number) => (send: DriverSend, args: Args) =>
  ask(send, 'DOMAIN_GET_XML_DESC', { dom: domain(text(args, 'uuid')), flags });
const state = (send: DriverSend, args: Args) =>
  ask(send, 'DOMAIN_GET_STATE', { dom: domain(text(args, 'uuid')), flags: 0 });

/** virDomainState */
const STATE = { running: [1, 2], paused: [3], inactive: [5, 6] } as const;
const inState = (states: readonly number[]): Question => look(state, (told) => states.includes(told.state));

/** The device of the running domain that a plan speaks of. */
const deviceOf = (xml: string, args: Args): Span | undefined => {
  const root = parseSpans(xml);
  const key = text(args, 'key');
  switch (args['element']) {
    case 'disk':
      return disksOf(xml, root).find(({ dev }) => dev === key)?.span;
    case 'interface':
      return nicsOf(xml, root).find(({ mac }) => mac.toLowerCase() === key.toLowerCase())?.span;
    case 'controller':
      return children(child(root, 'devices'), 'controller').find(
        (span) => `${attribute(xml, span, 'type')}:${attribute(xml, span, 'index')}` === key,
      );
    default:
      throw new Error(`a probe of a device without its element`);
  }
};

const deviceIs = (xml: string, args: Args): boolean => {
  const span = deviceOf(xml, args);
  if (!span) return false;
  return Object.entries(args['is'] as Readonly<Record<string, string>>).every(([where, wanted]) => {
    const [name = '', attributeName = ''] = where.split('@');
    const found = child(span, name);
    const value = (found && attribute(xml, found, attributeName)) ?? '';
    return value === wanted || (where === 'link@state' && wanted === '' && value === 'up');
  });
};

const kibAt = (xml: string): number => {
  const span = child(parseSpans(xml), 'currentMemory');
  return span ? bytesOf(textOf(xml, span), attribute(xml, span, 'unit'), 'KiB') / 1024 : 0;
};

const cpusOf = (xml: string): number => {
  const span = child(parseSpans(xml), 'vcpu');
  return Number((span && attribute(xml, span, 'current')) ?? textOf(xml, span).trim());
};

/** Equal but for namespaces and white space: libvirt writes an element of ours in its own way. */
const sameElement = (a: XmlElement, b: XmlElement): boolean =>
  a.name === b.name &&
  a.text.trim() === b.text.trim() &&
  a.attributes.length === b.attributes.length &&
  a.attributes.every((one) => b.attributes.some((other) => other.name === one.name && other.value === one.value)) &&
  a.children.length === b.children.length &&
  a.children.every((one, at) => sameElement(one, b.children[at] as XmlElement));

/** VIR_ERR_NO_DOMAIN_METADATA */
const NO_METADATA = '80';
const ELEMENT = 2;

const metadataIs: Question = async (send, args) => {
  const wanted = args['text'] as string | null;
  const type = Number(args['type']);
  const flags = args['live'] === true ? 1 : 2;
  const outcome = await ask(send, 'DOMAIN_GET_METADATA', {
    dom: domain(text(args, 'uuid')),
    type,
    uri: (args['uri'] as string | undefined) ?? null,
    flags,
  });
  if (!outcome.ok)
    return outcome.fault.native?.code === NO_METADATA
      ? done(wanted === null ? 'done' : 'not-done')
      : refused(outcome.fault);
  const found = outcome.value.metadata;
  if (wanted === null) return done(found === '' ? 'done' : 'not-done');
  if (type !== ELEMENT) return done(found === wanted ? 'done' : 'not-done');
  const [a, b] = [readXml(found), readXml(wanted)];
  return done(a.ok && b.ok && sameElement(a.root, b.root) ? 'done' : 'not-done');
};

const ABSENT = new Set(['object-not-found', 'not-found']);

const isThere =
  (wanted: boolean, asked: (send: DriverSend, args: Args) => Promise<Outcome<unknown>>): Question =>
  async (send, args) => {
    const outcome = await asked(send, args);
    if (!outcome.ok && !ABSENT.has(outcome.fault.kind)) return refused(outcome.fault);
    return done(outcome.ok === wanted ? 'done' : 'not-done');
  };

const poolFound = (send: DriverSend, args: Args) =>
  ask(send, 'STORAGE_POOL_LOOKUP_BY_UUID', { uuid: text(args, 'uuid') });
const networkFound = (send: DriverSend, args: Args) =>
  ask(send, 'NETWORK_LOOKUP_BY_UUID', { uuid: text(args, 'uuid') });
/** Asked with the object that the host itself gave: the test driver finds some by name alone. */
const ofPool =
  <T>(asked: (send: DriverSend, pool: Pool) => Promise<Outcome<T>>) =>
  async (send: DriverSend, args: Args): Promise<Outcome<T>> => {
    const found = await poolFound(send, args);
    return found.ok ? asked(send, found.value.pool) : refused(found.fault);
  };
const ofNetwork =
  <T>(asked: (send: DriverSend, net: Net) => Promise<Outcome<T>>) =>
  async (send: DriverSend, args: Args): Promise<Outcome<T>> => {
    const found = await networkFound(send, args);
    return found.ok ? asked(send, found.value.net) : refused(found.fault);
  };
const poolActive = ofPool((send, pool) => ask(send, 'STORAGE_POOL_IS_ACTIVE', { pool }));
const networkActive = ofNetwork((send, net) => ask(send, 'NETWORK_IS_ACTIVE', { net }));
const networkText = ofNetwork((send, net) => ask(send, 'NETWORK_GET_XML_DESC', { net, flags: 0 }));

const hasPortgroup = (xml: string, args: Args): boolean =>
  children(parseSpans(xml), 'portgroup').some((span) => attribute(xml, span, 'name') === text(args, 'name'));

/** Large enough, which no other volume of that name was before the step. */
const volumeCapacity: Question = async (send, args) => {
  const found = await ask(send, 'STORAGE_VOL_LOOKUP_BY_NAME', {
    pool: { name: text(args, 'pool'), uuid: text(args, 'poolUuid') },
    name: text(args, 'name'),
  });
  if (!found.ok) return ABSENT.has(found.fault.kind) ? done('not-done') : refused(found.fault);
  const info = await ask(send, 'STORAGE_VOL_GET_INFO', { vol: found.value.vol });
  if (!info.ok) return refused(info.fault);
  return done(Number(info.value.capacity) >= Number(args['capacityBytes']) ? 'done' : 'not-done');
};

const snapshotCurrent: Question = async (send, args) => {
  const outcome = await ask(send, 'DOMAIN_SNAPSHOT_CURRENT', { dom: domain(text(args, 'uuid')), flags: 0 });
  if (!outcome.ok) return ABSENT.has(outcome.fault.kind) ? done('not-done') : refused(outcome.fault);
  return done(outcome.value.snap.name === text(args, 'name') ? 'done' : 'not-done');
};

/** Both images hold the same: libvirt says so of no copy that still catches up. One that failed, was aborted, or whose machine is off, has left nothing. */
const copyReady: Question = async (send, args) => {
  const outcome = await ask(send, 'DOMAIN_GET_BLOCK_JOB_INFO', {
    dom: domain(text(args, 'uuid')),
    path: text(args, 'device'),
    flags: 0,
  });
  if (!outcome.ok) {
    const off = await inState(STATE.inactive)(send, args);
    const isOff = off.ok ? off.value === 'done' : ABSENT.has(off.fault.kind);
    return isOff ? done('gone') : refused(outcome.fault);
  }
  const { found, cur, end } = outcome.value;
  if (found !== 1) return done('gone');
  return done(String(cur) === String(end) ? 'done' : 'running');
};

export const STATE_QUESTIONS: Readonly<Record<string, Question>> = {
  always: async () => done('done'),
  'domain-running': inState(STATE.running),
  'domain-paused': inState(STATE.paused),
  'domain-inactive': inState(STATE.inactive),
  'saved-state-absent': look(
    (send, args) => ask(send, 'DOMAIN_HAS_MANAGED_SAVE_IMAGE', { dom: domain(text(args, 'uuid')), flags: 0 }),
    (told) => told.result === 0,
  ),
  'name-is': look(
    definition(INACTIVE),
    ({ xml }, args) => textOf(xml, path(parseSpans(xml), 'name')) === text(args, 'name'),
  ),
  'autostart-is': look(
    (send, args) => ask(send, 'DOMAIN_GET_AUTOSTART', { dom: domain(text(args, 'uuid')) }),
    (told, args) => (told.autostart === 1) === args['autostart'],
  ),
  'config-differs': look(definition(INACTIVE), ({ xml }, args) => sha256(xml) !== text(args, 'sha256')),
  'memory-is': look(definition(LIVE), ({ xml }, args) => kibAt(xml) === args['kib']),
  'vcpus-is': look(definition(LIVE), ({ xml }, args) => cpusOf(xml) === args['count']),
  'metadata-is': metadataIs,
  'device-present': look(definition(LIVE), ({ xml }, args) => deviceOf(xml, args) !== undefined),
  'device-absent': look(definition(LIVE), ({ xml }, args) => deviceOf(xml, args) === undefined),
  'device-is': look(definition(LIVE), ({ xml }, args) => deviceIs(xml, args)),
  'copy-ready': copyReady,
  'snapshot-current': snapshotCurrent,
  'snapshot-differs': look(
    (send, args) =>
      ask(send, 'DOMAIN_SNAPSHOT_GET_XML_DESC', { snap: snapshot(text(args, 'uuid'), text(args, 'name')), flags: 0 }),
    ({ xml }, args) => sha256(xml) !== text(args, 'sha256'),
  ),
  'volume-capacity': volumeCapacity,
  'pool-exists': isThere(true, poolFound),
  'pool-absent': isThere(false, poolFound),
  'pool-active': look(poolActive, (told) => told.active === 1),
  'pool-inactive': look(poolActive, (told) => told.active === 0),
  'pool-autostart-is': look(
    ofPool((send, pool) => ask(send, 'STORAGE_POOL_GET_AUTOSTART', { pool })),
    (told, args) => (told.autostart === 1) === args['autostart'],
  ),
  'network-exists': isThere(true, networkFound),
  'network-absent': isThere(false, networkFound),
  'network-active': look(networkActive, (told) => told.active === 1),
  'network-inactive': look(networkActive, (told) => told.active === 0),
  'network-autostart-is': look(
    ofNetwork((send, net) => ask(send, 'NETWORK_GET_AUTOSTART', { net })),
    (told, args) => (told.autostart === 1) === args['autostart'],
  ),
  'portgroup-exists': look(networkText, ({ xml }, args) => hasPortgroup(xml, args)),
  'portgroup-absent': look(networkText, ({ xml }, args) => !hasPortgroup(xml, args)),
};
