/** A method with its arguments by the type table to the text of a SOAP request, and the host's answer to its elements or its fault. */
import { fault, type Outcome, refused } from '../../generic/faults.ts';
import type { HttpAsk, HttpGot } from '../../generic/platform.ts';
import { decodeSoap, envelope, SOAP_ENVELOPE_NS } from '../../wire/soap.ts';
import { childOf, escapeAttribute, escapeText, type XmlElement } from '../../wire/xml.ts';
import { elementWriter } from '../encode.ts';
import { methodOf } from '../types.ts';
import { type MoRef, moRef } from '../values.ts';
import { faultOfElement } from './faults.ts';

export type Args = Readonly<Record<string, unknown>>;
export type Answer = Outcome<readonly XmlElement[]>;

/** `@fileManager`: the reference that the host's service content has under that name. */
export const CONTENT = '@';
export const contentRef = (type: string, member: string): MoRef => moRef(type, `${CONTENT}${member}`);

/** Asked of the conversation, not of the host: what the host said of itself at log-in. */
export const SERVICE_CONTENT = 'ServiceContent';

/** An inventory of ten thousand VMs comes in pages; a datastore's files do not. */
const LIMITS = {
  maxBytes: 64 * 1024 * 1024,
  maxDepth: 200,
  maxElements: 5_000_000,
  maxTextBytes: 4 * 1024 * 1024,
};

export const encodeCall = (method: string, target: MoRef, args: Args, version: string): string => {
  const declared = methodOf(method);
  if (declared === undefined) throw new Error(`vim25 has no method ${method}`);
  let inner = `<_this type="${escapeAttribute(target.type)}">${escapeText(target.value)}</_this>`;
  for (const { name, type, array } of declared.params) {
    const value = args[name];
    if (value !== undefined && value !== null) inner += elementWriter(name, type, array, version)(value);
  }
  for (const name of Object.keys(args))
    if (!declared.params.some((param) => param.name === name)) throw new Error(`${method} has no parameter ${name}`);
  return envelope(`<${method} xmlns="urn:vim25">${inner}</${method}>`);
};

export const askOf = (body: string, cookie: string, version: string): HttpAsk => ({
  method: 'POST',
  path: '/sdk',
  headers: {
    'content-type': 'text/xml; charset=utf-8',
    soapaction: `urn:vim25/${version}`,
    'user-agent': 'transvisor',
    ...(cookie === '' ? {} : { cookie }),
  },
  body,
});

/** What stands in the answer's `returnval`s; [] for void. A host that answers no SOAP at all is one we have lost. */
export const decodeAnswer = (method: string, got: HttpGot): Answer => {
  if (got.status !== 200 && got.status !== 500)
    return refused(fault('host-communication', {}, `${method}: the host answered with HTTP status ${got.status}`));
  const decoded = decodeSoap(got.body, LIMITS);
  if (!decoded.ok)
    return refused(fault('host-communication', {}, `${method}: ${decoded.fault.text} (HTTP status ${got.status})`));
  const { body } = decoded.message;
  if (body.name === 'Fault' && body.ns === SOAP_ENVELOPE_NS) {
    const text = childOf(body, 'faultstring')?.text ?? '';
    return refused(faultOfElement(childOf(body, 'detail')?.children[0], text));
  }
  if (body.name !== `${method}Response`)
    return refused(fault('host-communication', {}, `${method}: the host answered ${body.name.slice(0, 100)}`));
  return { ok: true, value: body.children };
};
