/** A broker's effects in, what they ask for out: documents, waits, commands, questions to hosts; each that takes time elsewhere is a hop. */
import type { Call, Session } from '../../mappings/generic/call.ts';
import type { Command } from '../../mappings/generic/commands.ts';
import type { FrontInstance } from '../../mappings/generic/platform.ts';
import { exactly } from '../../runtime/clock.ts';
import type { Exchange } from '../../runtime/protocol.ts';
import type { Body } from './body.ts';
import type { Services } from './drive.ts';
import type { ExchangesOptions, JobOrigin } from './exchanges.ts';
import type { Noting } from './noting.ts';

/** One exchange under way. */
export interface Running {
  gone: boolean;
  asked: boolean;
  /** Its hops are kept, not its line alone. */
  readonly detailed: boolean;
}

export type ServicesOf = (
  front: FrontInstance,
  session: Session,
  exchange: Omit<Exchange, 'call'>,
  state: Running,
  body: Body | undefined,
) => Services & {
  /** Of the documents that it was shown: in one hop, as there may be thousands of times. */
  noteSheets(): void;
};

/** Of rendered documents, in the log. */
const SHOWN_IDS = 20;

export const createServices = (
  options: ExchangesOptions & {
    readonly hop: Noting;
    /** An exchange asks its host for the first time. */
    readonly asks: () => void;
  },
): ServicesOf => {
  const { store, jobs, sessions, waits, clock, hop, exchangeLog } = options;
  return (front, session, { exchange, address }, state, body) => {
    const origin = (call: Call): JobOrigin => ({ exchange, user: session.user, address, front: front.name, call });
    const shown = async <T>(
      shape: string,
      detail: Readonly<Record<string, unknown>>,
      work: Promise<T>,
      outcome: (value: T) => unknown,
    ): Promise<T> => {
      if (!state.detailed) return work;
      const since = exactly(clock);
      const value = await work;
      hop(exchange, shape, since, { ...detail, outcome: outcome(value) });
      return value;
    };
    /** A command with its object's ids: the client's, ours, the host's. */
    const noteCommand = ({ verb, target, params }: Command, call: Call): void => {
      const entry = store.entry(target);
      const ids = { client: call.target.id, hub: target, native: entry?.native ?? '' };
      hop(exchange, 'command', 0, { verb, ids, params }, { verb, object: target, name: entry?.name ?? '' });
    };
    const sheets = { beganMs: 0, tookMs: 0, documents: 0, ids: [] as string[] };

    return {
      isGone: () => state.gone,
      render: (ids, ahead) => {
        const rendered = options.render(front, ids);
        // What goes wrong with these is told to whoever waits for them.
        if (ahead !== undefined) options.render(front, ahead, true).catch(() => undefined);
        if (!state.detailed) return rendered;
        const since = exactly(clock);
        if (sheets.documents === 0) sheets.beganMs = since;
        sheets.documents += ids.length;
        if (sheets.ids.length < SHOWN_IDS) sheets.ids.push(...ids.slice(0, SHOWN_IDS - sheets.ids.length));
        return rendered.then(() => {
          sheets.tookMs += exactly(clock) - since;
        });
      },
      noteSheets: () => {
        const { beganMs, tookMs, documents, ids } = sheets;
        if (documents === 0) return;
        const [object = ''] = ids;
        const facts = documents > 1 ? undefined : { object, name: store.entry(object as never)?.name ?? '' };
        const detail = { front: front.name, platform: front.platform, documents, ids };
        exchangeLog.add({
          exchange,
          shape: 'sheet',
          atMs: beganMs + tookMs,
          durationMs: tookMs,
          ...(facts && { facts }),
          detail,
        });
      },
      write: (text) => {
        if (body === undefined) throw new Error('a stream request has no body to write to');
        return body.write(text);
      },
      wait: async ({ since, untilMs, cancel }) => {
        // Before a long wait the client sees what there is.
        const release = session.id === '' ? undefined : sessions.hold(session.id);
        const { host } = front;
        try {
          const waited = waits.wait({ since, host, untilMs, cancel, session: session.id, exchange });
          return await shown('wait', { since }, waited, (woken) => woken);
        } finally {
          release?.();
        }
      },
      run: ({ command, call, then }) => {
        noteCommand(command, call);
        return jobs.run(command, origin(call), then);
      },
      start: ({ command, call, then }) => {
        noteCommand(command, call);
        return jobs.start(command, origin(call), then);
      },
      ask: ({ host, question, args }) => {
        if (!state.asked) options.asks();
        state.asked = true;
        return shown('ask', { question, args }, options.ask(host, question, args), (outcome) =>
          outcome.ok ? 'answered' : outcome.fault,
        );
      },
      settle: ({ call, target, outcome }) => jobs.settle(target, front.host, outcome, origin(call)),
    };
  };
};
