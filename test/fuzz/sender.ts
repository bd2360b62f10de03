/** One worker's connection and session: bytes out, the answer or what became of it in; logs in anew when a mutation logged it out. */
import { Agent, request } from 'node:https';
import type { Endpoint } from '../peers/clients.ts';
import { envelope, escapeXml } from '../peers/raw-soap.ts';
import type { Sent } from './front.ts';

export interface Sender {
  send(body: Buffer, limitMs: number): Promise<Sent>;
  logIn(): Promise<void>;
  close(): void;
}

const ANSWER_LIMIT = 64 * 1024 * 1024;

export const createSender = (endpoint: Endpoint): Sender => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  const { hostname, port } = new URL(endpoint.url);
  let cookie: string | undefined;
  const send: Sender['send'] = (body, limitMs) =>
    new Promise((resolve) => {
      const begun = performance.now();
      const headers = {
        'Content-Type': 'text/xml; charset=utf-8',
        'Content-Length': body.length,
        SOAPAction: 'urn:vim25/6.7',
        ...(cookie === undefined ? {} : { Cookie: cookie }),
      };
      const out = request({ agent, hostname, port, path: '/sdk', method: 'POST', headers }, (answer) => {
        const parts: Buffer[] = [];
        let size = 0;
        answer.on('data', (part: Buffer) => {
          size += part.length;
          if (size > ANSWER_LIMIT) answer.destroy(new Error('the answer is too long'));
          else parts.push(part);
        });
        answer.once('error', (error) => end({ kind: 'broken', why: error.message }));
        answer.once('end', () => {
          // A mutated CloneSession or Login that worked gives another session: that one is used from then on.
          const set = answer.headers['set-cookie']
            ?.find((one) => one.startsWith('vmware_soap_session='))
            ?.split(';')[0];
          if (set !== undefined) cookie = set;
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
    });
  const logIn = async (): Promise<void> => {
    cookie = undefined;
    const body = `<Login xmlns="urn:vim25"><_this type="SessionManager">ha-sessionmgr</_this><userName>${escapeXml(endpoint.user)}</userName><password>${escapeXml(endpoint.password)}</password></Login>`;
    const sent = await send(Buffer.from(envelope(body)), 30_000);
    if (sent.kind !== 'answer' || sent.status !== 200)
      throw new Error(`no log-in: ${JSON.stringify(sent).slice(0, 500)}`);
  };
  return { send, logIn, close: () => agent.destroy() };
};
