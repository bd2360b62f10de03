/** Requests as clients write them, and the front as the agent calls it: a body in, the reply's text out. */
import type { Call, Reply } from '../../../mappings/generic/call.ts';
import { hubId } from '../../../mappings/generic/ids.ts';
import type { Decoded, FrontInstance, HttpAnswer, HttpRequest } from '../../../mappings/generic/platform.ts';
import { front } from '../../../mappings/xenapi/http.ts';

export const instance: FrontInstance = {
  name: 'xenapi@local',
  platform: 'xenapi',
  host: hubId('host', 1),
  hostName: 'local',
  uuid: '6f1f7f4e-8c55-4f0c-9a3b-0f6f2f6f2f6f',
  certificate: '',
  port: 443,
  options: {},
};

export const request = (path: string, body: string | Uint8Array, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'POST',
  path,
  query: new URLSearchParams(),
  headers: {},
  body: typeof body === 'string' ? Buffer.from(body) : body,
  secure: true,
  ...more,
});

export const decode = (path: string, body: string | Uint8Array, more: Partial<HttpRequest> = {}): Decoded =>
  front.decode(request(path, body, more), instance);

/** Parameters are written out: `<value>text</value>` for text, so that the encoder under test has no part in it. */
export const xmlCall = (method: string, ...params: readonly string[]): string =>
  `<?xml version='1.0'?>\n<methodCall>\n<methodName>${method}</methodName>\n<params>\n${params
    .map(
      (param) => `<param>\n${param.startsWith('<') ? param : `<value><string>${param}</string></value>`}\n</param>\n`,
    )
    .join('')}</params>\n</methodCall>\n`;

export const jsonCall = (method: string, params: readonly unknown[], version: 1 | 2, id: unknown = 7): string =>
  JSON.stringify({ ...(version === 2 ? { jsonrpc: '2.0' } : {}), method, params, id });

export const answerOf = (decoded: Decoded): HttpAnswer => {
  if (decoded.kind !== 'answer') throw new Error(`expected an answer, not a ${decoded.kind}`);
  return decoded.answer;
};

export const callOf = (decoded: Decoded): { readonly call: Call; readonly token: string | undefined } => {
  if (decoded.kind !== 'call') throw new Error(`expected a call, not a ${decoded.kind}: ${JSON.stringify(decoded)}`);
  return { call: decoded.call, token: decoded.token };
};

/** The request decoded and its reply encoded. */
export const reply = (path: string, body: string, outcome: Reply): string => {
  const { call, token } = callOf(decode(path, body));
  return String(front.encode(call, outcome, instance, token).body);
};
