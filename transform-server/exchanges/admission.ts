/** The server's functions in; the same for one link out, as long as its agent behaves: it greets first, says what fits, and asks each exchange once. */
import { type Fault, fault } from '../../mappings/generic/faults.ts';
import type { Clock } from '../../runtime/clock.ts';
import { LIMITS } from '../../runtime/limits.ts';
import { LinkDown } from '../../runtime/link.ts';
import type { Log } from '../../runtime/log.ts';
import type { AgentApi, ServerApi } from '../../runtime/protocol.ts';
import {
  AGENT_ANSWERS,
  Misfit,
  SERVER_CALLS,
  withFittingAnswers,
  withFittingCalls,
} from '../../runtime/protocol-shapes.ts';

export interface Admission {
  /** The agent misbehaved a moment ago. */
  bars(name: string | undefined): boolean;
  /** The server's functions as this link has them. `name`: the agent's, where its certificate says it; `end` closes the link. */
  admit(link: {
    readonly remote: AgentApi;
    readonly name: string | undefined;
    readonly attach: (remote: AgentApi) => ServerApi;
    readonly end: (why: string) => void;
  }): ServerApi;
}

/** Exchanges of one link come nearly in the order of their numbers: those this far behind the highest are old. */
const WINDOW = 65_536;
/** From the second version of the link on, its exchanges are known by what the greeting's answer said. */
const NAMED = 2;

/** Says once of each exchange of a link that it is new. */
const createNovelty = (prefix: string): ((exchange: string) => boolean) => {
  /** Of the numbers of the window, each at its remainder. */
  const seen = new Uint8Array(WINDOW);
  let highest = 0;
  return (exchange) => {
    const digits = exchange.startsWith(`${prefix}-`) ? exchange.slice(prefix.length + 1) : '';
    const serial = Number.parseInt(digits, 36);
    if (!Number.isSafeInteger(serial) || serial < 1 || serial.toString(36) !== digits) return false;
    if (serial <= highest - WINDOW) return false;
    if (serial - highest >= WINDOW) seen.fill(0);
    else for (let between = highest + 1; between <= serial; between++) seen[between % WINDOW] = 0;
    highest = Math.max(highest, serial);
    const isNew = seen[serial % WINDOW] === 0;
    seen[serial % WINDOW] = 1;
    return isNew;
  };
};

/** The same for names of any kind, as far back as it remembers. */
const createRecent = (): ((name: string) => boolean) => {
  const seen = new Set<string>();
  return (name) => {
    if (seen.has(name)) return false;
    seen.add(name);
    const oldest = seen.values().next().value;
    if (seen.size > WINDOW && oldest !== undefined) seen.delete(oldest);
    return true;
  };
};

const refusal = (reason: Fault): { kind: 'fault'; fault: Fault } => ({ kind: 'fault', fault: reason });

export const createAdmission = (options: {
  random: (bytes: number) => Uint8Array;
  clock: Clock;
  log: Log;
}): Admission => {
  const { random, clock, log } = options;
  const barred = new Map<string, number>();
  /** Of all links: the end of a transfer may be told on another one than its begin. */
  const isNewEnd = createRecent();

  const admit: Admission['admit'] = ({ remote, name, attach, end }) => {
    const prefix = Buffer.from(random(12)).toString('base64url');
    const isNamed = createNovelty(prefix);
    const isRecent = createRecent();
    let version: number | undefined;
    let underWay = 0;
    let failures = 0;
    let ended = false;

    const expel = (why: string): void => {
      if (ended) return;
      ended = true;
      log.error({}, `link: ended, for agent ${name ?? ''} says what none of ours says: ${why}`);
      if (name !== undefined) barred.set(name, clock.now() + LIMITS.linkBarredMs);
      end(why);
    };
    const answering = withFittingAnswers(remote, AGENT_ANSWERS, ({ message }) => expel(message));
    const fitting = withFittingCalls(attach(answering), SERVER_CALLS);
    const once = ({ exchange }: { readonly exchange: unknown }): void => {
      if (typeof exchange !== 'string') throw new Misfit('an exchange without a name');
      const isNew = version !== undefined && version >= NAMED ? isNamed(exchange) : isRecent(exchange);
      if (!isNew) throw new Error(`exchange ${exchange} is none of this link, or was asked before`);
    };

    const special: Partial<ServerApi> = {
      hello: async (hello) => {
        if (version !== undefined) throw new Misfit('a second greeting');
        const answer = await fitting.hello(hello);
        version = answer.version;
        return { ...answer, exchanges: prefix };
      },
      call: async (exchange) => {
        if (underWay > LIMITS.linkCallsAtOnce)
          return refusal(fault('too-many', { limit: LIMITS.linkCallsAtOnce }, 'Too many requests are under way.'));
        once(exchange);
        try {
          return await fitting.call(exchange);
        } catch (error) {
          // It is the client that said so.
          if (error instanceof Misfit)
            return refusal(fault('invalid-request', {}, 'The request cannot be understood.'));
          throw error;
        }
      },
      stream: async (exchange) => {
        once(exchange);
        return fitting.stream(exchange);
      },
      transferred: async (exchange, outcome) => {
        if (!isNewEnd(exchange.exchange)) throw new Error(`the end of ${exchange.exchange} was told before`);
        return fitting.transferred(exchange, outcome);
      },
    };

    const admitted = (called: keyof ServerApi) => {
      const act = (special[called] ?? fitting[called]) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]): Promise<unknown> => {
        if (ended) throw new Error('the link has ended');
        underWay += 1;
        try {
          if (version === undefined && called !== 'hello') throw new Misfit(`${called} before the greeting`);
          // Calls have an answer of their own for this.
          if (underWay > LIMITS.linkCallsAtOnce && called !== 'call') throw new Misfit('too many calls at once');
          return await act(...args);
        } catch (error) {
          // What the server lacks is no fault of the agent's.
          if (!(error instanceof LinkDown)) failures += 1;
          if (error instanceof Misfit) expel(error.message);
          else if (failures > LIMITS.linkFailures) expel('too many calls that fail');
          throw error;
        } finally {
          underWay -= 1;
        }
      };
    };
    return Object.fromEntries(
      (Object.keys(SERVER_CALLS) as (keyof ServerApi)[]).map((called) => [called, admitted(called)]),
    ) as unknown as ServerApi;
  };

  return {
    admit,
    bars: (name) => name !== undefined && (barred.get(name) ?? 0) > clock.now(),
  };
};
