/** A SOAP 1.1 envelope in, the body's first child and the headers that matter out; and the constant text around a reply. */
import { readXml, type XmlElement, type XmlFault, type XmlLimits } from './xml.ts';

export const SOAP_ENVELOPE_NS = 'http://schemas.xmlsoap.org/soap/envelope/';

export interface SoapMessage {
  /** The call: dispatch on its name and namespace, never on the SOAPAction header (some clients send none). */
  readonly body: XmlElement;
  /** Children of the SOAP header, [] without one. mustUnderstand is not honoured: no known client depends on it. */
  readonly headers: readonly XmlElement[];
  /** Text of the header `operationID`, ''. */
  readonly operation: string;
}

export type SoapResult =
  | { readonly ok: true; readonly message: SoapMessage }
  | { readonly ok: false; readonly fault: XmlFault };

const MAX_OPERATION = 256;

const malformed = (text: string): SoapResult => ({ ok: false, fault: { kind: 'malformed', text } });

export const decodeSoap = (input: string | Uint8Array, limits: Partial<XmlLimits> = {}): SoapResult => {
  const read = readXml(input, limits);
  if (!read.ok) return read;
  const { root } = read;
  if (root.name !== 'Envelope' || root.ns !== SOAP_ENVELOPE_NS)
    return malformed('the document is not a SOAP 1.1 envelope');
  const body = root.children.find((child) => child.name === 'Body' && child.ns === SOAP_ENVELOPE_NS);
  const call = body?.children[0];
  if (!call) return malformed('the SOAP body is empty');
  const headers =
    root.children.find((child) => child.name === 'Header' && child.ns === SOAP_ENVELOPE_NS)?.children ?? [];
  const operation = headers.find((header) => header.name === 'operationID')?.text ?? '';
  return { ok: true, message: { body: call, headers, operation: operation.slice(0, MAX_OPERATION) } };
};

/** As the vendor's servers write it: one line end on each side of the body, none inside (a client refuses text between siblings). */
export const ENVELOPE_BEFORE =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"\n' +
  ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"\n' +
  ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"\n' +
  ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n' +
  '<soapenv:Body>\n';

export const ENVELOPE_AFTER = '\n</soapenv:Body>\n</soapenv:Envelope>';

export const envelope = (body: string): string => ENVELOPE_BEFORE + body + ENVELOPE_AFTER;
