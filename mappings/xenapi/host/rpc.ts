/** One method of the host in, one request out; its answer in, the value or the host's error as a fault out. Both wires of the API. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { HttpAsk, HttpGot, HttpTalk } from '../../generic/platform.ts';
import * as jsonrpc from '../../wire/jsonrpc.ts';
import { isStruct, type RpcLimits, type WireValue } from '../../wire/rpc-value.ts';
import * as xmlrpc from '../../wire/xmlrpc.ts';
import { xenFault } from '../faults.ts';
import type { Message, Type } from '../types.ts';
import { toWire } from '../values.ts';
import { type Plain, plainOf } from './plain.ts';

/** JSON-RPC 2 where the host has it, which is smaller and faster; XML-RPC, which every version has. */
export type Wire = 'json' | 'xml';

/** A listing of ten thousand VMs is some 60 MB. */
const MOST_BYTES = 512 * 1024 * 1024;
const REPLY_LIMITS: RpcLimits = { maxBytes: MOST_BYTES, maxDepth: 32, maxValues: 50_000_000 };

const TEXT: Type = { kind: 'string' };

/** The session, then the arguments in the order of the data model; trailing ones with a default may be left out. */
export const paramsOf = (
  message: Message,
  args: Readonly<Record<string, unknown>>,
  session: string,
  wire: Wire,
): WireValue[] => {
  const params: WireValue[] = message.session ? [toWire(TEXT, session, wire)] : [];
  for (const name of Object.keys(args))
    if (!message.params.some((param) => param.name === name)) throw new Error(`${message.wire} takes no "${name}"`);
  for (const [at, { name, type, default: unset }] of message.params.entries()) {
    const value = args[name];
    if (value === undefined && unset === undefined) throw new Error(`${message.wire} without "${name}"`);
    if (message.params.slice(at).every((one) => args[one.name] === undefined)) break;
    params.push(toWire(type, value ?? unset, wire));
  }
  return params;
};

const askOf = (method: string, params: readonly WireValue[], wire: Wire, limitMs: number | undefined): HttpAsk => ({
  method: 'POST',
  path: wire === 'json' ? '/jsonrpc' : '/RPC2',
  headers: {
    'content-type': wire === 'json' ? 'application/json' : 'text/xml',
    accept: wire === 'json' ? 'application/json' : 'text/xml',
  },
  body:
    wire === 'json' ? jsonrpc.encodeCall({ version: 2, id: 1n, method, params }) : xmlrpc.encodeCall(method, params),
  maxBytes: MOST_BYTES,
  ...(limitMs === undefined ? {} : { limitMs }),
});

/** What was answered is no answer of this API: another server, or one without this wire. */
const unreadable = (text: string): Outcome<never> => refused(fault('host-communication', {}, text));

/** `session`: hosts name it in what they say of it, and whoever reads that could use it. */
const failure = (code: string, params: readonly WireValue[], session: string): Outcome<never> =>
  refused(
    xenFault(
      code,
      ...params.map((param) => {
        const text = String(plainOf(param));
        return session === '' ? text : text.replaceAll(session, 'the session');
      }),
    ),
  );

const jsonAnswer = ({ body }: HttpGot, session: string): Outcome<Plain> => {
  const decoded = jsonrpc.decodeResponse(body, REPLY_LIMITS);
  if (!decoded.ok) return unreadable(`the host does not answer in JSON-RPC: ${decoded.fault.text}`);
  const { response } = decoded;
  return response.failure
    ? failure(response.failure.message, response.failure.data, session)
    : done(plainOf(response.value));
};

const xmlAnswer = ({ body }: HttpGot, session: string): Outcome<Plain> => {
  const decoded = xmlrpc.decodeResponse(body, REPLY_LIMITS);
  if (!decoded.ok) return unreadable(`the host does not answer in XML-RPC: ${decoded.fault.text}`);
  const { response } = decoded;
  if (response.fault) return unreadable(`the host refuses XML-RPC: ${response.fault.text}`);
  const { value } = response;
  const status = isStruct(value) ? value.get('Status') : undefined;
  if (!isStruct(value) || typeof status !== 'string') return done(plainOf(value));
  if (status === 'Success') return done(plainOf(value.get('Value') ?? ''));
  const [code, ...params] = (value.get('ErrorDescription') ?? []) as readonly WireValue[];
  return failure(typeof code === 'string' ? code : 'INTERNAL_ERROR', params, session);
};

export function* askHost(
  method: string,
  params: readonly WireValue[],
  wire: Wire,
  limitMs?: number,
  session = '',
): HttpTalk<Outcome<Plain>> {
  const got = yield { step: 'ask', ask: askOf(method, params, wire, limitMs) };
  if (got.status !== 200)
    return unreadable(`the host answers ${got.status} to ${wire === 'json' ? 'JSON' : 'XML'}-RPC`);
  return wire === 'json' ? jsonAnswer(got, session) : xmlAnswer(got, session);
}

/** The result of a task, which is XML-RPC whatever the wire: `<value>OpaqueRef:...</value>`, or nothing. */
export const taskResult = (text: string): Outcome<Plain> => {
  if (text.trim() === '') return done('');
  const decoded = xmlrpc.decodeResponse(
    `<methodResponse><params><param>${text}</param></params></methodResponse>`,
    REPLY_LIMITS,
  );
  if (!decoded.ok || decoded.response.fault) return unreadable('the result of a task cannot be read');
  return done(plainOf(decoded.response.value));
};
