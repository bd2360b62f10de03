/** HTTP bodies of vim25 clients in, calls out; values and faults in, SOAP text out; with the session cookie and the version list. */
import type { Call } from '../generic/call.ts';
import { type Fault, fault } from '../generic/faults.ts';
import { decodeSoap, ENVELOPE_AFTER, ENVELOPE_BEFORE } from '../wire/soap.ts';
import { attributeOf, type XmlElement, type XmlLimits } from '../wire/xml.ts';
import { decodeArguments, decodeTarget } from './decode.ts';
import { elementWriter } from './encode.ts';
import { encodeFaultBody, type FaultContext, vimFault } from './faults.ts';
import { isSubtype, type Method, managedObject, methodOf } from './types.ts';
import { negotiate, published } from './versions.ts';

const VIM25_NS = 'urn:vim25';

/** What every SOAP reply carries, faults too. */
export const REPLY_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/xml; charset=utf-8',
  'cache-control': 'no-cache',
};

/** Far above the largest request seen (a CreateVM_Task with forty devices is 30 kB), far below what would hurt. */
export const REQUEST_LIMITS: Partial<XmlLimits> = { maxBytes: 4 * 1024 * 1024, maxElements: 50_000, maxDepth: 64 };

export type DecodedRequest =
  | { readonly ok: true; readonly call: Call }
  | { readonly ok: false; readonly fault: Fault; readonly version: string; readonly operation: string };

export interface RequestHints {
  /** The header as sent; only ever a hint of the version (libvirt sends none, pyVmomi quotes it). */
  readonly soapAction?: string | undefined;
  readonly limits?: Partial<XmlLimits>;
}

/** A client that states no version is an old one (libvirt's esx driver): it gets what vSphere 4.1 had and warns of anything newer. */
const UNSTATED = '4.1';

const versionOf = (body: XmlElement, soapAction: string): string => {
  const stated = body.children.find((child) => child.name === '_this');
  return negotiate(soapAction) || negotiate((stated && attributeOf(stated, 'versionId')) ?? '') || UNSTATED;
};

/** A method belongs to the object's type, a base of it, or (clients that name a base: 'ManagedEntity') to a subtype of what is named. */
const belongs = (method: Method, type: string): boolean =>
  managedObject(type) === undefined || isSubtype(type, method.owner) || isSubtype(method.owner, type);

const methodNotFound = (name: string, target: Call['target']): Fault =>
  fault('method-not-found', { method: name }, `Unable to resolve WSDL method name ${name}`, {
    platform: 'vim25',
    code: 'MethodNotFound',
    text: `Unable to resolve WSDL method name ${name}`,
    detail: {
      receiver: {
        _type: 'ManagedObjectReference',
        ...(managedObject(target.type)
          ? { type: target.type, value: target.id }
          : { type: 'ServiceInstance', value: 'ServiceInstance' }),
      },
      method: name,
    },
  });

/** Never throws for what a client sent: whatever it is, it becomes a call or a fault. */
export const decodeRequest = (
  body: Uint8Array,
  { soapAction = '', limits = REQUEST_LIMITS }: RequestHints = {},
): DecodedRequest => {
  const decoded = decodeSoap(body, limits);
  if (!decoded.ok) {
    const reason = fault('invalid-request', {}, decoded.fault.text);
    return { ok: false, fault: reason, version: negotiate(soapAction), operation: '' };
  }
  const { body: element, operation } = decoded.message;
  const version = versionOf(element, soapAction);
  const refuse = (reason: Fault): DecodedRequest => ({ ok: false, fault: reason, version, operation });
  if (element.ns !== VIM25_NS)
    return refuse(fault('invalid-request', {}, `Unsupported namespace "${element.ns}" of the call`));
  const target = decodeTarget(element);
  if (!target.ok) return refuse(target.fault);
  const method = methodOf(element.name);
  if (!method || !belongs(method, target.value.type)) return refuse(methodNotFound(element.name, target.value));
  const args = decodeArguments(method, element);
  if (!args.ok) return refuse(args.fault);
  return {
    ok: true,
    call: { method: method.name, target: target.value, args: args.value, version, operation, raw: body },
  };
};

type Answered = Pick<Call, 'method' | 'version'>;

const knownMethod = (name: string): Method => {
  const method = methodOf(name);
  if (!method) throw new Error(`vim25 front: a reply to ${name}, which is no method`);
  return method;
};

/** Text before and after the `returnval` elements of a reply that is written in pieces. */
export const wrapReply = ({ method }: Answered): { readonly before: string; readonly after: string } => ({
  before: `${ENVELOPE_BEFORE}<${method}Response xmlns="${VIM25_NS}">`,
  after: `</${method}Response>${ENVELOPE_AFTER}`,
});

/** The `returnval` elements of a value; '' for void, for null and for an array without members. */
export const encodeReturn = (call: Answered, value: unknown): string => {
  const { result } = knownMethod(call.method);
  if (value === undefined || value === null) return '';
  if (!result) throw new Error(`vim25 front: ${call.method} returns nothing`);
  return elementWriter('returnval', result.type, result.array, call.version)(value);
};

export const encodeReply = (call: Answered, value: unknown): string => {
  const inner = encodeReturn(call, value);
  const { method } = call;
  // As VMware's servers write a reply without a value.
  if (inner === '')
    return `${ENVELOPE_BEFORE}<${method}Response xmlns="${VIM25_NS}"></${method}Response>${ENVELOPE_AFTER}`;
  return `${ENVELOPE_BEFORE}<${method}Response xmlns="${VIM25_NS}">${inner}</${method}Response>${ENVELOPE_AFTER}`;
};

/** A SOAP fault; goes out with HTTP status 500. A request that could not be decoded has no target. */
export const encodeFault = (
  call: { readonly version: string; readonly target?: Call['target'] },
  reason: Fault,
  context: FaultContext = {},
): string => {
  const shown = vimFault(reason, call.target ? { target: call.target, ...context } : context);
  return ENVELOPE_BEFORE + encodeFaultBody(shown, call.version) + ENVELOPE_AFTER;
};

/** Body of GET /sdk/vimServiceVersions.xml. */
export const SERVICE_VERSIONS =
  '<?xml version="1.0" encoding="UTF-8" ?>\n<namespaces version="1.0">\n <namespace>\n' +
  `  <name>${VIM25_NS}</name>\n  <version>${published[0]}</version>\n  <priorVersions>\n` +
  published
    .slice(1)
    .map((version) => `   <version>${version}</version>\n`)
    .join('') +
  '  </priorVersions>\n </namespace>\n</namespaces>\n';

const COOKIE = 'vmware_soap_session';
/** Quoted or not. */
const VALUE = /^\s*("?)([A-Za-z0-9._~+/=-]{1,512})\1\s*$/;

/**
 * The session token of a Cookie header, quoted or not. pyVmomi echoes the whole of Set-Cookie, `; Path=/; HttpOnly` and all;
 * those read as cookies of other names.
 */
export const cookieOf = (headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined => {
  const given = headers['cookie'];
  const header = Array.isArray(given) ? given.join(';') : (given ?? '');
  // Asked of every request: nothing is cut out but the value itself.
  let equals = -1;
  for (let from = 0; from < header.length; ) {
    if (equals < from) equals = header.indexOf('=', from);
    if (equals < 0) return undefined;
    const semicolon = header.indexOf(';', from);
    const end = semicolon < 0 ? header.length : semicolon;
    if (equals < end && header.slice(from, equals).trim() === COOKIE) {
      const [, , value] = VALUE.exec(header.slice(equals + 1, end)) ?? [];
      if (value !== undefined) return value;
    }
    from = end + 1;
  }
  return undefined;
};

/** Value of Set-Cookie. Over plain http a Secure cookie would not come back. */
export const setCookie = (token: string, secure: boolean): string =>
  `${COOKIE}="${token}"; Path=/; HttpOnly;${secure ? ' Secure;' : ''}`;
