/** One worker's connection and session: bytes out, the answer or what became of it in; logs in anew when a mutation logged it out. */
import type { Endpoint } from '../peers/clients.ts';
import { envelope, escapeXml } from '../peers/raw-soap.ts';
import type { Sent } from './front.ts';
import { createPoster } from './poster.ts';

export interface Sender {
  send(body: Buffer, limitMs: number): Promise<Sent>;
  logIn(): Promise<void>;
  close(): void;
}

export const createSender = (endpoint: Endpoint): Sender => {
  let cookie: string | undefined;
  const { post, close } = createPoster(endpoint.url, (headers) => {
    // A mutated CloneSession or Login that worked gives another session: that one is used from then on.
    const set = headers['set-cookie']?.find((one) => one.startsWith('vmware_soap_session='))?.split(';')[0];
    if (set !== undefined) cookie = set;
  });
  const send: Sender['send'] = (body, limitMs) => {
    const headers = {
      'Content-Type': 'text/xml; charset=utf-8',
      SOAPAction: 'urn:vim25/6.7',
      ...(cookie === undefined ? {} : { Cookie: cookie }),
    };
    return post('/sdk', headers, body, limitMs);
  };
  const logIn = async (): Promise<void> => {
    cookie = undefined;
    const body = `<Login xmlns="urn:vim25"><_this type="SessionManager">ha-sessionmgr</_this><userName>${escapeXml(endpoint.user)}</userName><password>${escapeXml(endpoint.password)}</password></Login>`;
    const sent = await send(Buffer.from(envelope(body)), 30_000);
    if (sent.kind !== 'answer' || sent.status !== 200)
      throw new Error(`no log-in: ${JSON.stringify(sent).slice(0, 500)}`);
  };
  return { send, logIn, close };
};
