/** An address in, where a vim25 host would be there; its service content in, what it is: it tells anyone. */
import type { Detected, Detection, HttpTalk } from '../generic/platform.ts';
import { decodeSoap, envelope } from '../wire/soap.ts';
import { childOf } from '../wire/xml.ts';

const QUESTION = envelope(
  '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></RetrieveServiceContent>',
);
const LIMIT_BYTES = 256 * 1024;

function* greet(uri: string): HttpTalk<Detected | undefined> {
  const got = yield {
    step: 'ask',
    ask: {
      method: 'POST',
      path: '/sdk',
      headers: { 'content-type': 'text/xml; charset=utf-8', soapaction: '"urn:vim25/8.0.3.0"' },
      body: QUESTION,
      maxBytes: LIMIT_BYTES,
    },
  };
  const read = decodeSoap(got.body);
  if (got.status !== 200 || !read.ok) return undefined;
  const content = childOf(read.message.body, 'returnval');
  const about = content && childOf(content, 'about');
  if (about === undefined) return undefined;
  const text = (name: string): string => childOf(about, name)?.text ?? '';
  // A vCenter and a host answer at the same place.
  const scheme = text('apiType') === 'VirtualCenter' ? 'vpx' : 'esx';
  return { product: text('name'), version: text('version'), uri: uri.replace(/^[a-z]+/, scheme) };
}

export const detection: Detection = {
  uris: (address) => (address === '' ? [] : [`esx://${address}/`, `esx+http://${address}/`]),
  greet,
};
