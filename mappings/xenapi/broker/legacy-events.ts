/** event.register, unregister, next and get_current_id of clients from before event.from: one subscription a session, read on from where it was. */
import type { Call } from '../../generic/call.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { NULL_REF } from '../ids.ts';
import { encodingOf, refuse, value, write } from './answers.ts';
import type { Happening } from './changes.ts';
import {
  encodeHappening,
  isShareable,
  LONGEST_MS,
  namesSomething,
  PIECE,
  sessionEnded,
  subscription,
  WAIT_KEY,
} from './events.ts';
import { type Scope, sync } from './sync.ts';
import { refreshVolatile } from './volatile.ts';
import type { World } from './world.ts';

const KEY = 'event.register';
/** Characters of what a session is subscribed to: it adds to that as long as it lives. */
const LONGEST = 256 * 1024;

interface Subscription {
  readonly classes: readonly string[];
  /** Of the store, with its epoch: what came after is still to be told. */
  readonly version: number;
  readonly epoch: string;
}

const subscriptionOf = ({ locals }: BrokerContext): Subscription | undefined =>
  locals.get(KEY) as Subscription | undefined;

const classesOf = (call: Call): readonly string[] => (call.args['classes'] ?? []) as readonly string[];

export function* eventRegister(scope: Scope, call: Call): Brokered {
  const { context } = scope;
  const { version } = yield* sync(scope);
  const known = subscriptionOf(context);
  const classes = [...new Set([...(known?.classes ?? []), ...classesOf(call).filter(namesSomething)])];
  if (classes.reduce((sum, text) => sum + text.length, 0) > LONGEST)
    return refuse('VALUE_NOT_SUPPORTED', 'classes', String(classes.length), 'these are too many for one session');
  const { epoch } = context.store;
  context.locals.put(KEY, { version, epoch, ...known, classes } satisfies Subscription);
  return value(undefined);
}

export function* eventUnregister({ context }: Scope, call: Call): Brokered {
  const known = subscriptionOf(context);
  const gone = classesOf(call);
  const classes = (known?.classes ?? []).filter((name) => !gone.includes(name));
  if (known === undefined || classes.length === 0) context.locals.delete(KEY);
  else context.locals.put(KEY, { ...known, classes } satisfies Subscription);
  return value(undefined);
}

function* answer(scope: Scope, world: World, happenings: readonly Happening[], call: Call): Brokered {
  const encoding = encodingOf(call);
  let text = encoding === 'xml' ? '<value><array><data>' : '[';
  for (const [at, happening] of happenings.entries()) {
    if (encoding === 'json' && at > 0) text += ',';
    text += encodeHappening(world, happening, isShareable(happenings), encoding, scope);
    if (text.length < PIECE) continue;
    yield { effect: 'write', text };
    text = '';
  }
  return yield* write(text + (encoding === 'xml' ? '</data></array></value>' : ']'));
}

/** Waits until something happens, however long that takes. */
export function* eventNext(scope: Scope, call: Call): Brokered {
  const { context } = scope;
  const untilMs = context.now() + LONGEST_MS;
  for (;;) {
    const known = subscriptionOf(context);
    // The reference of the session is the agent's to know.
    if (known === undefined) return refuse('SESSION_NOT_REGISTERED', NULL_REF);
    const world = yield* sync(scope);
    const isOurs = known.epoch === context.store.epoch && known.version <= world.version;
    const found = isOurs ? world.changes.since(known.version, subscription(known.classes)) : undefined;
    // Clients unregister, read everything and register anew.
    if (found === undefined) return refuse('EVENTS_LOST');
    if (found.some(({ cls }) => cls === 'host_metrics')) refreshVolatile(world, 'host_metrics', context);
    if (found.length > 0 || context.now() >= untilMs) {
      context.locals.put(KEY, { ...known, version: world.version } satisfies Subscription);
      return yield* answer(scope, world, found, call);
    }
    const woken = yield { effect: 'wait', since: world.version, untilMs, cancel: WAIT_KEY };
    if (woken === 'cancelled') return sessionEnded;
  }
}

export function* eventCurrentId(scope: Scope): Brokered {
  return value((yield* sync(scope)).version);
}
