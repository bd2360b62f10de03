/** A session on a XenServer host: log-in, calls (long ones as tasks that are waited for), events to objects of the hub, log-out. Sans-io. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { Credentials, Endpoint, HostEvent, HttpAsk, HttpConversation, HttpTalk } from '../../generic/platform.ts';
import { xenFault } from '../faults.ts';
import { classNameOf, messageOf, NULL_REF, resolveCall } from '../types.ts';
import { HEARD, type KeptClass } from './kept-fields.ts';
import { isRecord, type Plain, type PlainRecord, textIn } from './plain.ts';
import { createRefIndex, type Marked } from './ref-index.ts';
import { createCounters, rrdAsk } from './round-robin.ts';
import { askHost, paramsOf, taskResult, type Wire } from './rpc.ts';
import { transferAsk } from './transfers.ts';
import { parseUri } from './uri.ts';

const ORIGINATOR = 'transvisor';
/** How long the host holds a question for events, and how much longer an answer may take. */
const POLL_SECONDS = 30;
const POLL_LIMIT_MS = 60_000;
const QUIET_MS = 100;
/** Pause between two looks at a task, growing. */
const TASK_FIRST_MS = 50;
const TASK_MOST_MS = 2_000;
/** A refusal comes at once: a task that lasts so long is under way. */
const BEGUN_MS = 1_500;

/** `Async.X` is waited for to its end, `Begin.X` only until it is under way. */
const TASK = /^(Async|Begin)\./;

const codeOf = (outcome: Outcome): string | undefined => (outcome.ok ? undefined : outcome.fault.native?.code);

const textOf = (value: Plain | undefined): string => (typeof value === 'string' ? value : '');

export const openConversation = (endpoint: Endpoint): HttpConversation => {
  let wire: Wire = 'json';
  let session = '';
  let credentials: Credentials | undefined;
  let token = '';
  let isOpen = false;
  const index = createRefIndex();
  const counters = createCounters();

  const observe = (method: string, args: Readonly<Record<string, unknown>>, value: Plain): void => {
    if (!isRecord(value)) return;
    const [cls = '', what = ''] = method.split('.');
    if (what === 'get_record') index.observe(cls, String(args['self']), value);
    if (!what.startsWith('get_all_records')) return;
    for (const [ref, record] of Object.entries(value)) if (isRecord(record)) index.observe(cls, ref, record);
  };

  /** One request; args by the names of the data model. */
  function* once(method: string, args: Readonly<Record<string, unknown>>, limitMs?: number): HttpTalk<Outcome<Plain>> {
    const message = resolveCall(method)?.message;
    if (!message) return refused(fault('not-supported', {}, `XenAPI has no method "${method.slice(0, 100)}"`));
    const outcome = yield* askHost(method, paramsOf(message, args, session, wire), wire, limitMs, session);
    // A host that spoke the API and no longer does is a broken peer: thrown, so that the connection is made anew.
    if (isOpen && !outcome.ok && outcome.fault.native === undefined) throw new Error(outcome.fault.text);
    if (outcome.ok) observe(method, args, outcome.value);
    return outcome;
  }

  function* logIn(): HttpTalk<Outcome<undefined>> {
    if (!credentials) throw new Error('a session without credentials');
    const args = { uname: credentials.user, pwd: credentials.password, version: '1.0', originator: ORIGINATOR };
    const outcome = yield* once('session.login_with_password', args);
    if (outcome.ok) {
      session = textOf(outcome.value);
      return done(undefined);
    }
    const { native } = outcome.fault;
    if (native?.code !== 'HOST_IS_SLAVE') return outcome;
    const master = Array.isArray(native.detail) ? String(native.detail[0]) : '';
    return refused(
      fault(
        'host-communication',
        { host: master },
        `${endpoint.host ?? ''} is a member of a pool: name its coordinator ${master} instead`,
        native,
      ),
    );
  }

  /** A session ends by idleness and with the host's toolstack; a call it was refused for has not begun. */
  function* ask(method: string, args: Readonly<Record<string, unknown>>, limitMs?: number): HttpTalk<Outcome<Plain>> {
    const used = session;
    const outcome = yield* once(method, args, limitMs);
    if (codeOf(outcome) !== 'SESSION_INVALID') return outcome;
    if (session === used) {
      const again = yield* logIn();
      if (!again.ok) return again;
    }
    return yield* once(method, args, limitMs);
  }

  /** undefined: it still runs when the time is up. */
  function* waitFor(task: string, limitMs: number): HttpTalk<Outcome<Plain> | undefined> {
    let waitedMs = 0;
    for (let pauseMs = TASK_FIRST_MS; waitedMs < limitMs; pauseMs = Math.min(pauseMs * 1.5, TASK_MOST_MS)) {
      const read = yield* ask('task.get_record', { self: task });
      if (!read.ok) {
        // A toolstack that was restarted has forgotten its tasks: what became of this one, its effects must tell.
        if (read.fault.kind !== 'object-not-found') return read;
        return refused(fault('host-communication', {}, 'the host forgot the task: it was restarted'));
      }
      const record = isRecord(read.value) ? read.value : {};
      const status = textIn(record, 'status');
      if (status === 'success') return taskResult(textIn(record, 'result'));
      if (status === 'failure' || status === 'cancelled') return taskFailure(record, status);
      yield { step: 'pause', ms: pauseMs };
      waitedMs += pauseMs;
    }
    return undefined;
  }

  function* asTask(procedure: string, args: Readonly<Record<string, unknown>>): HttpTalk<Outcome<Plain>> {
    const begun = yield* ask(procedure.replace(TASK, 'Async.'), args);
    if (!begun.ok) return begun;
    const task = textOf(begun.value);
    const ended = yield* waitFor(task, procedure.startsWith('Begin.') ? BEGUN_MS : Number.POSITIVE_INFINITY);
    if (!ended) return done('');
    // Whatever the host says to this: it sweeps its tasks itself.
    yield* ask('task.destroy', { self: task });
    return ended;
  }

  function* open(given: Credentials): HttpTalk<Outcome<undefined>> {
    credentials = given;
    let opened = yield* logIn();
    // Not the API's own refusal: the host may not have this wire.
    if (!opened.ok && opened.fault.native === undefined) {
      wire = 'xml';
      opened = yield* logIn();
    }
    if (!opened.ok) return opened;
    const pools = yield* once('pool.get_all_records', {});
    if (!pools.ok) return pools;
    const [pool] = isRecord(pools.value) ? Object.keys(pools.value) : [];
    // The newest token that misses nothing which is listed after it.
    const injected = yield* once('event.inject', { class: 'pool', ref: pool ?? NULL_REF });
    if (injected.ok) token = textOf(injected.value);
    isOpen = true;
    return done(undefined);
  }

  const eventsOf = (marks: readonly Marked[]): HostEvent[] =>
    marks.map(({ ref, hint }) => ({
      procedure: 'CHANGED',
      args: { kind: ref.kind, native: ref.native, ...(hint === undefined ? {} : { hint }) },
    }));

  const heard = (batch: Plain | undefined): Marked[] => {
    const rows = Array.isArray(batch) ? (batch as readonly Plain[]).filter(isRecord) : [];
    return index.hear(
      rows.flatMap((row) => {
        const cls = classNameOf(textIn(row, 'class')) as KeptClass | undefined;
        const operation = textIn(row, 'operation');
        const snapshot = row['snapshot'];
        if (cls === undefined || (operation !== 'add' && operation !== 'mod' && operation !== 'del')) return [];
        const record: PlainRecord | undefined = operation !== 'del' && isRecord(snapshot) ? snapshot : undefined;
        return [{ cls, ref: textIn(row, 'ref'), operation, record }];
      }),
    );
  };

  function* listen(): HttpTalk<Outcome<undefined>> {
    // Of a host that gives no token at once, the first answer is the whole of it.
    yield { step: 'events', events: [] };
    for (;;) {
      const args = { classes: [...HEARD], token, timeout: POLL_SECONDS };
      // A session that ended may have missed what was told meanwhile: a new listing is the only sure way.
      const answer = yield* once('event.from', args, POLL_LIMIT_MS);
      if (!answer.ok) return answer;
      const batch = isRecord(answer.value) ? answer.value : {};
      token = textIn(batch, 'token');
      const events = eventsOf([...heard(batch['events']), ...index.late()]);
      if (events.length > 0) yield { step: 'events', events };
      // A host that answers at once with nothing is not asked in a tight loop.
      else yield { step: 'pause', ms: QUIET_MS };
    }
  }

  function* call(
    procedure: string,
    args: Readonly<Record<string, unknown>>,
  ): HttpTalk<Outcome<Record<string, unknown>>> {
    if (procedure === 'rrd_updates') {
      const got = yield { step: 'ask', ask: rrdAsk(session, args) };
      return counters.take(got);
    }
    const outcome = TASK.test(procedure) ? yield* asTask(procedure, args) : yield* ask(procedure, args);
    return outcome.ok ? done({ value: outcome.value }) : outcome;
  }

  const leave = (): HttpAsk | undefined => {
    const logout = messageOf('session.logout');
    if (session === '' || !logout) return undefined;
    const { value } = askHost('session.logout', paramsOf(logout, {}, session, wire), wire).next();
    return value !== undefined && 'step' in value && value.step === 'ask' ? value.ask : undefined;
  };

  return {
    open,
    call,
    listen,
    stream: (procedure, args, direction) => transferAsk(procedure, args, direction, session),
    leave,
  };
};

const taskFailure = (record: PlainRecord, status: string): Outcome<never> => {
  const info = record['error_info'];
  const [code, ...params] = (Array.isArray(info) ? info : []).map((one) => textOf(one as Plain));
  return refused(xenFault(code ?? (status === 'cancelled' ? 'TASK_CANCELLED' : 'INTERNAL_ERROR'), ...params));
};

/** For the platform's manifest. */
export const converse = (uri: string): Outcome<{ endpoint: Endpoint; open(): HttpConversation }> => {
  const endpoint = parseUri(uri);
  return endpoint.ok ? done({ endpoint: endpoint.value, open: () => openConversation(endpoint.value) }) : endpoint;
};
