/** A talk that needs no log-in in, what came of it out, with the certificate that was shown: nothing secret is sent, so any is taken. */
import type { TLSSocket } from 'node:tls';
import { buildConnector, Client } from 'undici';
import type { Endpoint, HttpGot, HttpTalk } from '../../mappings/generic/platform.ts';
import { LIMITS } from '../../runtime/limits.ts';
import { flatHeaders, gather, originOf } from './http.ts';

export interface Talked<T> {
  readonly value: T;
  /** SHA-256 of the certificate, '' without TLS. */
  readonly fingerprint: string;
}

/** Rejects when the connection or the limit ends it. */
export const talkOver = async <T>(endpoint: Endpoint, talk: HttpTalk<T>, limitMs: number): Promise<Talked<T>> => {
  let fingerprint = '';
  const plain = buildConnector({ rejectUnauthorized: false, timeout: limitMs });
  const client = new Client(originOf(endpoint), {
    connect: (options, callback) =>
      plain(options, (...[error, socket]) => {
        if (error !== null) return callback(error, null);
        if (endpoint.kind === 'https') fingerprint = (socket as TLSSocket).getPeerCertificate().fingerprint256 ?? '';
        return callback(null, socket);
      }),
  });
  const signal = AbortSignal.timeout(limitMs);
  try {
    let next = talk.next();
    while (next.done !== true) {
      const step = next.value;
      if (step.step !== 'ask') throw new Error('only requests are made without a log-in');
      const { method, path, headers, body, maxBytes = LIMITS.hostAnswerBytes } = step.ask;
      const answer = await client.request({ method: method as 'POST', path, headers, body: body ?? null, signal });
      const got: HttpGot = {
        status: answer.statusCode,
        headers: flatHeaders(answer.headers),
        body: await gather(answer, maxBytes),
      };
      next = talk.next(got);
    }
    return { value: next.value, fingerprint };
  } finally {
    await client.destroy();
  }
};
