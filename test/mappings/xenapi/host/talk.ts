/** Conversations over HTTP without a network: a host's answers as a function of the method, what was asked noted. */
import type { HostEvent, HttpAsk, HttpGot, HttpTalk } from '../../../../mappings/generic/platform.ts';
import * as jsonrpc from '../../../../mappings/wire/jsonrpc.ts';
import { struct, type WireValue } from '../../../../mappings/wire/rpc-value.ts';
import * as xmlrpc from '../../../../mappings/wire/xmlrpc.ts';

export type Answer = { readonly value: WireValue } | { readonly error: readonly string[] };
export type Answers = (method: string, params: readonly WireValue[]) => Answer;

export interface FakeHost {
  /** Methods in order, each with its wire. */
  readonly asked: string[];
  readonly params: (readonly WireValue[])[];
  readonly paused: number[];
  readonly events: HostEvent[];
  get(ask: HttpAsk): HttpGot;
  run<T>(talk: HttpTalk<T>, limit?: number): T;
}

const got = (status: number, body: string): HttpGot => ({ status, headers: {}, body: new TextEncoder().encode(body) });

/** The host's values: records are literals. */
export const wireOf = (value: unknown): WireValue => {
  if (Array.isArray(value)) return value.map(wireOf);
  if (typeof value === 'object' && value !== null)
    return struct(Object.fromEntries(Object.entries(value).map(([key, one]) => [key, wireOf(one)])));
  return value as WireValue;
};

export const fakeHost = (answers: Answers, wires: readonly ('json' | 'xml')[] = ['json', 'xml']): FakeHost => {
  const host: FakeHost = {
    asked: [],
    params: [],
    paused: [],
    events: [],
    get: ({ path, body }) => {
      const wire = path === '/jsonrpc' ? 'json' : 'xml';
      if (!wires.includes(wire)) return got(404, '<html>not here</html>');
      const decoded = wire === 'json' ? jsonrpc.decodeCall(String(body)) : xmlrpc.decodeCall(String(body));
      if (!decoded.ok) throw new Error(decoded.fault.text);
      const { method, params } = decoded.call;
      host.asked.push(`${wire} ${method}`);
      host.params.push(params);
      const answer = answers(method, params);
      if (wire === 'json') {
        const head = { version: 2, id: 1n } as const;
        if ('value' in answer) return got(200, jsonrpc.encodeResponse(head, answer.value));
        const [message = '', ...data] = answer.error;
        return got(200, jsonrpc.encodeFailure(head, { code: 1n, message, data }));
      }
      const value: WireValue =
        'value' in answer
          ? struct({ Status: 'Success', Value: answer.value })
          : struct({ Status: 'Failure', ErrorDescription: answer.error });
      return got(200, xmlrpc.encodeResponse(value));
    },
    run: (talk, limit = 1000) => {
      let next = talk.next();
      for (let n = 0; next.done !== true; n++) {
        if (n > limit) throw new Error('the conversation does not end');
        const step = next.value;
        if (step.step === 'ask') next = talk.next(host.get(step.ask));
        else {
          if (step.step === 'pause') host.paused.push(step.ms);
          else host.events.push(...step.events);
          next = talk.next();
        }
      }
      return next.value;
    },
  };
  return host;
};
