/** event.from and event.inject: a token and the classes asked for in; what changed since, or a wait until something does; each record is encoded once, however many wait. */
import type { Call, Reply } from '../../generic/call.ts';
import { fault } from '../../generic/faults.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { classNameOf, classNames, classOf } from '../types.ts';
import { type Encoding, encodeRecord, encodingOf, refuse, value, write } from './answers.ts';
import type { Happening } from './changes.ts';
import type { Item } from './item.ts';
import { type Scope, sync } from './sync.ts';
import { refreshVolatile } from './volatile.ts';
import type { World } from './world.ts';

const DIGITS = 20;

/** Versions of another epoch must not be taken for ours: the second number tells. */
const epochNumber = (epoch: string): number => {
  let hash = 7;
  for (let at = 0; at < epoch.length; at++) hash = (hash * 31 + epoch.charCodeAt(at)) % 1_000_000_007;
  return hash;
};

const formatToken = (version: number, { store }: BrokerContext): string =>
  `${String(version).padStart(DIGITS, '0')},${String(epochNumber(store.epoch)).padStart(DIGITS, '0')}`;

const TOKEN = /^(\d{1,20}),(\d{1,20})$/;

/** Before everything. */
const BEGINNING = -1;

/** undefined: no token at all; 'lost': of another time. */
const parseToken = (text: string, { store }: BrokerContext): number | 'lost' | undefined => {
  if (text === '') return BEGINNING;
  const found = TOKEN.exec(text);
  if (!found) return undefined;
  const version = Number(found[1]);
  if (Number(found[2]) !== epochNumber(store.epoch) || version > store.version) return 'lost';
  return version;
};

/** Which objects a client asked for. */
export type Wanted = (cls: string, ref: string) => boolean;

/** undefined: it names nothing. The text may go on with a reference. */
const classIn = (text: string): string | undefined => {
  const slash = text.indexOf('/');
  return classNameOf(slash < 0 ? text : text.slice(0, slash));
};
export const namesSomething = (text: string): boolean => text === '*' || classIn(text) !== undefined;

export const subscription = (classes: readonly string[]): Wanted => {
  const all = classes.includes('*');
  const names = new Set<string>();
  const refs = new Set<string>();
  for (const text of classes) {
    const slash = text.indexOf('/');
    const name = classIn(text);
    if (name === undefined) continue;
    if (slash < 0) names.add(name);
    else refs.add(text.slice(slash + 1));
  }
  return (cls, ref) => classOf(cls)?.hasEvents === true && (all || names.has(cls) || refs.has(ref));
};

/** Everything there is, as if it had just come. */
const beginning = (world: World, wanted: Wanted): Happening[] => {
  const found: Happening[] = [];
  for (const cls of classNames)
    for (const item of world.all(cls))
      if (wanted(cls, item.ref)) found.push({ operation: 'add', cls, ref: item.ref, version: item.version, item });
  return found;
};

/** More at once are the answer to one client alone. */
const SNAPSHOTS = 2000;
/** Characters of snapshots that are kept: a host that names thousands of machines is a large one. */
const MOST_SNAPSHOTS = 16 * 1024 * 1024;

/** Many wait for the same event: its record is encoded for the first of them. */
const snapshotOf = (world: World, item: Item, encoding: Encoding, { caches: { snapshots } }: Scope): string => {
  const key = `${encoding} ${item.version} ${item.ref}`;
  let text = snapshots.texts.get(key);
  if (text === undefined) {
    text = encodeRecord(world, item, encoding);
    if (snapshots.length + text.length > MOST_SNAPSHOTS || snapshots.texts.size >= SNAPSHOTS) {
      snapshots.texts.clear();
      snapshots.length = 0;
    }
    snapshots.texts.set(key, text);
    snapshots.length += text.length;
  }
  return text;
};

const xmlMember = (name: string, inner: string): string => `<member><name>${name}</name>${inner}</member>`;
const xmlText = (text: string | number): string => `<value>${text}</value>`;

const eventText = ({ operation, cls, ref, version, item }: Happening, encoding: Encoding, snapshot: string): string =>
  encoding === 'xml'
    ? `<value><struct>${xmlMember('id', xmlText(version))}${xmlMember('timestamp', xmlText('0.0'))}` +
      `${xmlMember('class', xmlText(cls.toLowerCase()))}${xmlMember('operation', xmlText(operation))}` +
      `${xmlMember('ref', xmlText(ref))}${item === undefined ? '' : xmlMember('snapshot', snapshot)}</struct></value>`
    : `{"id":"${version}","timestamp":"0.0","class":"${cls.toLowerCase()}","operation":"${operation}","ref":"${ref}"` +
      `${item === undefined ? '' : `,"snapshot":${snapshot}`}}`;

/** Counts of all tables, whatever was asked for: one client reads `task` without looking whether it is there. */
const counts = (world: World, encoding: Encoding): string => {
  const rows = classNames
    .filter((cls) => classOf(cls)?.hasEvents === true)
    .map((cls) => [cls.toLowerCase(), world.count(cls)] as const);
  return encoding === 'xml'
    ? `<value><struct>${rows.map(([name, count]) => xmlMember(name, `<value><i4>${count}</i4></value>`)).join('')}</struct></value>`
    : `{${rows.map(([name, count]) => `"${name}":${count}`).join(',')}}`;
};

/** A happening as every client of that encoding gets it; more than a few thousand at once are encoded for one client alone. */
export const encodeHappening = (
  world: World,
  happening: Happening,
  isShared: boolean,
  encoding: Encoding,
  scope: Scope,
): string => {
  const { item } = happening;
  // An object that went meanwhile has its own event to come; its last record is still here.
  if (item === undefined) return eventText(happening, encoding, '');
  const snapshot = isShared ? snapshotOf(world, item, encoding, scope) : encodeRecord(world, item, encoding);
  return eventText(happening, encoding, snapshot);
};

/** Too many for their records to be shared. */
export const isShareable = (happenings: readonly Happening[]): boolean => happenings.length <= SNAPSHOTS;

export const PIECE = 64 * 1024;

/** Clients that wait alike are answered alike: what fits in one piece is put together for the first of them. */
const sharedAnswers = ({ caches }: Scope, world: World): Map<string, string> => {
  if (caches.answers.version !== world.version) caches.answers = { version: world.version, texts: new Map() };
  return caches.answers.texts;
};
const MOST_SHARED = 200;

function* answer(scope: Scope, world: World, happenings: readonly Happening[], from: number, call: Call): Brokered {
  const encoding = encodingOf(call);
  const shared = sharedAnswers(scope, world);
  const key = `${encoding} ${from} ${(call.args['classes'] as readonly string[]).join(' ')}`;
  const known = shared.get(key);
  if (known !== undefined) return yield* write(known);
  let isWhole = true;
  // Fixed before the first piece is written: what changes while a slow client reads is told at the next call.
  const token = formatToken(world.version, scope.context);
  const valid = counts(world, encoding);
  let text = encoding === 'xml' ? '<value><struct><member><name>events</name><value><array><data>' : '{"events":[';
  for (const [at, happening] of happenings.entries()) {
    if (encoding === 'json' && at > 0) text += ',';
    text += encodeHappening(world, happening, isShareable(happenings), encoding, scope);
    if (text.length < PIECE) continue;
    isWhole = false;
    yield { effect: 'write', text };
    text = '';
  }
  text +=
    encoding === 'xml'
      ? `</data></array></value></member>${xmlMember('valid_ref_counts', valid)}${xmlMember('token', xmlText(token))}</struct></value>`
      : `],"valid_ref_counts":${valid},"token":"${token}"}`;
  if (isWhole && shared.size < MOST_SHARED) shared.set(key, text);
  return yield* write(text);
}

export const LONGEST_MS = 3600_000;

/** One of many waits of the session; nothing but its end cancels it. */
export const WAIT_KEY = 'event.from';
export const sessionEnded: Reply = {
  kind: 'fault',
  fault: fault('not-authenticated', { privilege: 'read' }, 'The session has ended.'),
};

export function* eventFrom(scope: Scope, call: Call): Brokered {
  const { context } = scope;
  const text = String(call.args['token'] ?? '');
  const since = parseToken(text, context);
  if (since === undefined) return refuse('EVENT_FROM_TOKEN_PARSE_FAILURE', text);
  if (since === 'lost') return refuse('EVENTS_LOST');
  const seconds = Number(call.args['timeout'] ?? 0);
  const untilMs = context.now() + Math.min(LONGEST_MS, Math.max(0, Number.isFinite(seconds) ? seconds * 1000 : 0));
  const wanted = subscription((call.args['classes'] ?? []) as readonly string[]);
  let from = since;
  for (;;) {
    const world = yield* sync(scope);
    const found = from === BEGINNING ? beginning(world, wanted) : world.changes.since(from, wanted);
    if (found === undefined) return refuse('EVENTS_LOST');
    if (found.some(({ cls }) => cls === 'host_metrics')) refreshVolatile(world, 'host_metrics', context);
    if (found.length > 0 || context.now() >= untilMs) return yield* answer(scope, world, found, from, call);
    // Up to here there is nothing for this client.
    from = world.version;
    const woken = yield { effect: 'wait', since: world.version, untilMs, cancel: WAIT_KEY };
    if (woken === 'cancelled') return sessionEnded;
  }
}

export function* eventInject(scope: Scope, call: Call): Brokered {
  const cls = String(call.args['class'] ?? '');
  const ref = String(call.args['ref'] ?? '');
  const world = yield* sync(scope);
  const item = world.get(cls, ref);
  if (item === undefined) return refuse('HANDLE_INVALID', cls, ref);
  const token = formatToken(world.version, scope.context);
  world.inject(item, scope.context.nextVersion());
  return value(token);
}
