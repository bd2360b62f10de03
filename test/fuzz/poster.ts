/** One POST in, the answer or what became of it out: bounded in bytes and time, over one kept connection. */

import type { IncomingHttpHeaders } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import type { Sent } from './front.ts';

const ANSWER_LIMIT = 64 * 1024 * 1024;

export interface Poster {
  post(path: string, headers: RequestOptions['headers'], body: Buffer, limitMs: number): Promise<Sent>;
  close(): void;
}

/** `onHead` is told the headers of every whole answer. */
export const createPoster = (url: string, onHead: (headers: IncomingHttpHeaders) => void = () => {}): Poster => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  const { hostname, port } = new URL(url);
  return {
    post: (path, headers, body, limitMs) =>
      new Promise((resolve) => {
        const begun = performance.now();
        const options = {
          agent,
          hostname,
          port,
          path,
          method: 'POST',
          headers: { ...headers, 'Content-Length': body.length },
        };
        const out = request(options, (answer) => {
          const parts: Buffer[] = [];
          let size = 0;
          answer.on('data', (part: Buffer) => {
            size += part.length;
            if (size > ANSWER_LIMIT) answer.destroy(new Error('the answer is too long'));
            else parts.push(part);
          });
          answer.once('error', (error) => end({ kind: 'broken', why: error.message }));
          answer.once('end', () => {
            onHead(answer.headers);
            end({
              kind: 'answer',
              status: answer.statusCode ?? 0,
              body: Buffer.concat(parts).toString('utf8'),
              ms: performance.now() - begun,
            });
          });
        });
        const timer = setTimeout(() => {
          end({ kind: 'silence' });
          out.destroy();
        }, limitMs);
        const end = (sent: Sent): void => {
          clearTimeout(timer);
          resolve(sent);
        };
        out.once('error', (error) => end({ kind: 'broken', why: error.message }));
        out.end(body);
      }),
    close: () => agent.destroy(),
  };
};
