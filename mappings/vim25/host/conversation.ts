/** A session on an ESXi host or a vCenter, as generators of requests: log-in, calls that wait for their tasks, file transfers, log-out. */
import { done, type Fault, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { Credentials, HttpAsk, HttpConversation, HttpTalk } from '../../generic/platform.ts';
import { childOf, type XmlElement } from '../../wire/xml.ts';
import { methodOf } from '../types.ts';
import { isMoRef, type MoRef, moRef } from '../values.ts';
import { negotiate } from '../versions.ts';
import { faultOfElement } from './faults.ts';
import { listen } from './listening.ts';
import { refIn } from './properties.ts';
import {
  type Answer,
  type Args,
  askOf,
  CONTENT,
  contentRef,
  decodeAnswer,
  encodeCall,
  SERVICE_CONTENT,
} from './soap-call.ts';
import { newCounters, QUICK_STATISTICS, sample } from './statistics.ts';
import { transferOf } from './transfers.ts';
import type { VimUri } from './uri.ts';

const SERVICE = moRef('ServiceInstance', 'ServiceInstance');
const POLL_FIRST_MS = 20;
const POLL_MOST_MS = 1000;
const cookieOf = (header: string | undefined): string =>
  /^\s*([^=;,\s]+=(?:"[^"]*"|[^;,]*))/.exec(header ?? '')?.[1] ?? '';

interface Session {
  readonly cookie: string;
  readonly version: string;
}

/** A state of what is asked for that is final. */
const taskEnd = (answer: readonly XmlElement[]): Answer | undefined => {
  const info = answer[0] && childOf(answer[0], 'objects');
  const value = info && childOf(info, 'propSet');
  const task = value && childOf(value, 'val');
  const state = task && childOf(task, 'state')?.text.trim();
  if (task === undefined || state === undefined)
    return refused(fault('internal', {}, 'the host tells nothing of a task of ours'));
  if (state === 'error') {
    const error = childOf(task, 'error');
    return refused(
      faultOfElement(error && childOf(error, 'fault'), (error && childOf(error, 'localizedMessage')?.text) ?? ''),
    );
  }
  if (state !== 'success') return undefined;
  const result = childOf(task, 'result');
  return done(result === undefined ? [] : [result]);
};

const isLoggedOut = (answer: Answer): answer is { ok: false; fault: Fault } =>
  !answer.ok && answer.fault.kind === 'not-authenticated';

export const converse = ({ apiType }: VimUri): HttpConversation => {
  let session: Session = { cookie: '', version: '2.5' };
  let content = new Map<string, XmlElement>();
  const counters = newCounters();
  let known: Credentials = { user: '', password: '' };

  const resolve = (target: MoRef): Outcome<MoRef> => {
    if (!target.value.startsWith(CONTENT)) return done(target);
    const found = refIn(content.get(target.value.slice(1)));
    return found === undefined
      ? refused(fault('not-supported', {}, `the host has no ${target.value.slice(1)}`))
      : done(found);
  };

  /** References to the service content stand for the host's own, in arguments too. */
  const resolveArgs = (args: Args): Outcome<Args> => {
    const resolved: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(args)) {
      const found = isMoRef(value) ? resolve(value) : done(value);
      if (!found.ok) return found;
      resolved[name] = found.value;
    }
    return done(resolved);
  };

  function* send(method: string, target: MoRef, args: Args, limitMs?: number): HttpTalk<Answer> {
    const named = resolve(target);
    if (!named.ok) return named;
    const resolved = resolveArgs(args);
    if (!resolved.ok) return resolved;
    const body = encodeCall(method, named.value, resolved.value, session.version);
    const ask = askOf(body, session.cookie, session.version);
    const got = yield { step: 'ask', ask: limitMs === undefined ? ask : { ...ask, limitMs } };
    return decodeAnswer(method, got);
  }

  /** A new session; what belonged to the old one (filters, views) is gone. */
  function* logIn(): HttpTalk<Outcome<undefined>> {
    session = { cookie: '', version: '2.5' };
    const service = yield* send('RetrieveServiceContent', SERVICE, {});
    if (!service.ok) return service;
    content = new Map((service.value[0]?.children ?? []).map((member) => [member.name, member]));
    const about = content.get('about');
    const told = about && childOf(about, 'apiType')?.text;
    if (told !== apiType)
      return refused(
        fault(
          'not-supported',
          {},
          told === 'VirtualCenter'
            ? 'this is a vCenter: its URI begins with vpx'
            : `this is no ${apiType} but ${told ?? 'something unknown'}`,
        ),
      );
    const version = negotiate((about && childOf(about, 'apiVersion')?.text) ?? '') || '2.5';
    const manager = resolve(contentRef('SessionManager', 'sessionManager'));
    if (!manager.ok) return manager;
    const got = yield {
      step: 'ask',
      ask: askOf(
        encodeCall(
          'Login',
          manager.value,
          { userName: known.user, password: known.password, locale: 'en_US' },
          version,
        ),
        '',
        version,
      ),
    };
    const answer = decodeAnswer('Login', got);
    if (!answer.ok) return answer;
    session = { cookie: cookieOf(got.headers['set-cookie']), version };
    return done(undefined);
  }

  /** A session that the host has forgotten is renewed once: nothing was done in it. */
  function* invoke(method: string, target: MoRef, args: Args): HttpTalk<Answer> {
    const used = session;
    const answer = yield* send(method, target, args);
    if (!isLoggedOut(answer)) return answer;
    if (used === session) {
      const again = yield* logIn();
      // Ends the connection: who tries again must not do so at once.
      if (!again.ok) throw new Error(`the session was lost: ${again.fault.text}`);
    }
    return yield* send(method, target, args);
  }

  function* waitFor(task: MoRef): HttpTalk<Answer> {
    const spec = { propSet: [{ type: 'Task', pathSet: ['info'] }], objectSet: [{ obj: task, skip: false }] };
    for (let pauseMs = POLL_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, POLL_MOST_MS)) {
      const answer = yield* invoke('RetrievePropertiesEx', contentRef('PropertyCollector', 'propertyCollector'), {
        specSet: [spec],
        options: {},
      });
      if (!answer.ok) return answer;
      const end = taskEnd(answer.value);
      if (end !== undefined) return end;
      yield { step: 'pause', ms: pauseMs };
    }
  }

  function* call(method: string, target: MoRef, args: Args): HttpTalk<Answer> {
    const answer = yield* invoke(method, target, args);
    const task = answer.ok && methodOf(method)?.taskResult !== '' ? refIn(answer.value[0]) : undefined;
    return task === undefined ? answer : yield* waitFor(task);
  }

  return {
    *open(credentials) {
      known = credentials;
      return yield* logIn();
    },
    *call(procedure, args) {
      if (procedure === SERVICE_CONTENT) return done({ elements: [...content.values()] });
      if (procedure === QUICK_STATISTICS) return yield* sample(invoke, counters);
      const { _this: target, ...rest } = args;
      if (!isMoRef(target)) throw new Error(`${procedure} on nothing`);
      const answer = yield* call(procedure, target, rest);
      return answer.ok ? done({ elements: answer.value }) : answer;
    },
    listen: () => listen(send),
    stream: (procedure, args, direction) => transferOf(procedure, args, direction, session.cookie),
    leave: (): HttpAsk | undefined => {
      const manager = resolve(contentRef('SessionManager', 'sessionManager'));
      if (session.cookie === '' || !manager.ok) return undefined;
      return askOf(encodeCall('Logout', manager.value, {}, session.version), session.cookie, session.version);
    },
  };
};
