/** One exchange as its agent sees it: the request as it came, what became of it, the answer as it went, as hops without secrets out. */
import type { Call, Row } from '../mappings/generic/call.ts';
import { type Clock, exactly } from '../runtime/clock.ts';
import { LIMITS } from '../runtime/limits.ts';
import type { ExchangeFacts, Hop } from '../runtime/protocol.ts';
import { eachText, holdsSecret, namesSecret, safeCopy, withoutSecrets } from '../runtime/redaction.ts';
import type { Client } from './client.ts';

export interface Trail {
  /** All of it is told, not its line alone. */
  readonly isWhole: boolean;
  /** What a command's client sent, for whoever tells it whole after all. */
  readonly command?: { readonly body: Uint8Array; readonly tokens: readonly (string | undefined)[] } | undefined;
  now(): number;
  /** `sinceMs`: when it began; 0: it took no time. */
  hop(shape: string, sinceMs: number, detail: Hop['detail'], facts?: ExchangeFacts): void;
  /** The request is understood, or found to be nonsense. */
  decoded(): void;
  /** It was this call. `tokens`: of its session, which stand in no text that is kept. */
  called(call: Call, row: Row | undefined, user: string, tokens: readonly (string | undefined)[]): void;
  /** It goes on under this id; one that was given none has one of its own in the end. */
  as(exchange: string): void;
  /** The outcome is known, and is made into an answer now. `user`: who logged in by it. */
  told(outcome: string, user?: string): void;
  /** What the client is answered with, as it goes out. */
  piece(bytes: Uint8Array | string): void;
  /** All of it. */
  answered(status: number): void;
}

/** Rows of these routes change something: each of their calls is told whole. */
export const isCommand = (row: Row | undefined): boolean => row?.route === 'direct' || row?.route === 'central';

const FIELDS = ['user-agent', 'content-type', 'soapaction', 'traceparent'] as const;
/** What is shorter is none of ours: nonsense of a client, that may stand in any text. */
const TOKEN_LENGTH = 16;
const HIDDEN = '(not kept: it may hold a secret)';
const TOO_MANY = '(not kept: too many came at once)';

/** The first of some text, up to the stated size. */
class Beginning {
  readonly #pieces: Buffer[] = [];
  #kept = 0;
  bytes = 0;

  add(piece: Uint8Array | string): void {
    const room = LIMITS.exchangeBodyBytes - this.#kept;
    if (room > 0) {
      const kept = typeof piece === 'string' ? Buffer.from(piece.slice(0, room)) : piece.subarray(0, room);
      // What it came in may be written over.
      this.#pieces.push(Buffer.from(kept));
      this.#kept += kept.length;
    }
    this.bytes += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
  }
  text(): string {
    const text = Buffer.concat(this.#pieces).toString('utf8');
    return this.bytes > this.#kept ? `${text}... (${this.bytes} bytes)` : text;
  }
}

export const createTrail = (options: {
  readonly front: string;
  readonly client: Client;
  /** undefined: it was not kept. */
  readonly body: Uint8Array | undefined;
  readonly clock: Clock;
  readonly note: (hop: Hop) => void;
  readonly nextExchange: () => string;
}): Trail => {
  const { front, client, body, clock, note } = options;
  const { head, address } = client;
  const beganMs = exactly(clock);
  const request = new Beginning();
  if (body !== undefined) request.add(body);
  const answer = new Beginning();
  const made: Omit<Hop, 'exchange'>[] = [];
  let exchange: string | undefined;
  let decodedMs = beganMs;
  let encodingMs = 0;
  let outcome = '';
  let who: ExchangeFacts = {};
  let isCalled = false;
  let showsAnswer = false;
  let tokens: readonly string[] = [];

  const keep = (one: Omit<Hop, 'exchange'>): void => {
    made.push(one);
    if (exchange !== undefined) note({ ...one, exchange });
  };
  const hop: Trail['hop'] = (shape, sinceMs, detail, facts) => {
    const atMs = exactly(clock);
    const took = sinceMs === 0 ? {} : { durationMs: atMs - sinceMs };
    keep({ shape, atMs, ...took, ...(facts && { facts }), detail });
  };
  const clean = (text: string): string =>
    withoutSecrets(tokens.reduce((cleaned, token) => cleaned.replaceAll(token, '[secret]'), text));
  const noteRequest = (text: string, facts: ExchangeFacts): void => {
    const fields = FIELDS.flatMap((name) => {
      const field = head.headers[name];
      return field === undefined ? [] : [[name, clean(String(field))]];
    });
    const detail = {
      method: head.method,
      path: head.path,
      fields: Object.fromEntries(fields),
      bytes: request.bytes,
      body: text,
    };
    keep({ shape: 'request', atMs: decodedMs, durationMs: decodedMs - beganMs, facts, detail });
  };
  /** A token that stands in the request is in it as such, or it is somewhere in disguise. */
  const bodyShown = (isOpen: boolean, carried: string | undefined): string => {
    if (body === undefined) return TOO_MANY;
    const text = request.text();
    if (!isOpen || (carried !== undefined && !text.includes(carried))) return HIDDEN;
    return clean(text);
  };

  const trail: Trail = {
    isWhole: true,
    now: () => exactly(clock),
    hop,
    decoded: () => {
      decodedMs = exactly(clock);
    },
    called: (call, row, user, [carried, leased]) => {
      isCalled = true;
      const inBody = carried?.trim();
      tokens = [inBody ?? '', leased ?? ''].filter((token) => token.length >= TOKEN_LENGTH);
      const { method, target, args, version, operation } = call;
      // What a session call takes and gives is about who somebody is.
      const isPersonal = namesSecret(method) || (row?.route === 'session' && Object.keys(args).length > 0);
      const isOpen = row !== undefined && !isPersonal && !holdsSecret(args);
      showsAnswer = row !== undefined && !isPersonal;
      const facts = { client: address, user, front, method, route: row?.route ?? '' };
      noteRequest(bodyShown(isOpen, inBody), facts);
      const safe = isPersonal ? '[secret]' : safeCopy(args, { left: LIMITS.exchangeHopBytes });
      const shown = eachText({ target, args: safe, operation }, clean) as Hop['detail'];
      hop('call', 0, { method, version, ...shown });
      if (row !== undefined) {
        const { route, access, verb, centralIf } = row;
        hop('route', 0, { route, access, ...(verb && { verb }), ...(centralIf && { centralIf }) });
      }
    },
    as: (next) => {
      exchange = next;
      for (const one of made) note({ ...one, exchange });
    },
    told: (kind, user) => {
      outcome = kind;
      if (user !== undefined) who = { user };
      encodingMs = exactly(clock);
    },
    piece: (bytes) => answer.add(bytes),
    answered: (status) => {
      if (!isCalled) noteRequest(HIDDEN, { client: address, front, method: `${head.method} ${head.path}` });
      if (exchange === undefined) trail.as(options.nextExchange());
      if (encodingMs > 0) hop('encode', encodingMs, {});
      const text = showsAnswer ? clean(answer.text()) : HIDDEN;
      const kind = outcome || (status < 400 ? 'value' : `status ${status}`);
      hop('answer', beganMs, { status, bytes: answer.bytes, body: text }, { ...who, outcome: kind });
    },
  };
  return trail;
};
