/** JSON-RPC to a XenAPI server without any client's help: for tests that must see what is on the wire. */
import { Agent, request } from 'node:https';
import type { Endpoint } from './clients.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface RawXenApi {
  /** With its session first; an error of the API is thrown, its code and parameters in the text. */
  readonly call: (method: string, ...params: readonly Json[]) => Promise<Json>;
  readonly logIn: () => Promise<void>;
  /** Reference of the session. */
  readonly session: () => string;
  readonly close: () => void;
}

export const rawXenApi = (endpoint: Endpoint): RawXenApi => {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, rejectUnauthorized: false });
  const { hostname, port } = new URL(endpoint.url);
  let session = '';
  const ask = (method: string, params: readonly Json[]): Promise<Json> =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 });
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
      const out = request({ agent, hostname, port, path: '/jsonrpc', method: 'POST', headers }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () => {
          const text = Buffer.concat(parts).toString();
          if (answer.statusCode !== 200) return reject(new Error(`${method}: HTTP ${answer.statusCode}`));
          const read = JSON.parse(text) as { result?: Json; error?: { message: string; data: Json } };
          if (read.error) reject(new Error(`${method}: ${read.error.message} ${JSON.stringify(read.error.data)}`));
          else resolve(read.result ?? null);
        });
      });
      out.once('error', reject);
      out.end(body);
    });
  return {
    call: (method, ...params) => ask(method, [session, ...params]),
    logIn: async () => {
      session = String(await ask('session.login_with_password', [endpoint.user, endpoint.password]));
    },
    session: () => session,
    close: () => agent.destroy(),
  };
};
