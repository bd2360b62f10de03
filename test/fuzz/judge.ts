/** What was sent and what came back in, how far it got and what is wrong with the answer out. */
import { SaxesParser } from 'saxes';
import type { Call } from '../../mappings/generic/call.ts';
import { rowOf } from '../../mappings/vim25/commands.ts';
import { decodeRequest, REQUEST_LIMITS } from '../../mappings/vim25/front.ts';
import { dataObject, isSubtype } from '../../mappings/vim25/types.ts';
import { decodeSoap } from '../../mappings/wire/soap.ts';

export type Reach =
  | 'refused as XML'
  | 'refused at decode'
  | 'refused by row'
  | 'session'
  | 'direct'
  | 'central'
  | 'broker';

/** The front's own decoder says how far a body can get; the program's counters say how far they all got. */
export const reachOf = (body: Uint8Array): { readonly reach: Reach; readonly call?: Call } => {
  if (!decodeSoap(body, REQUEST_LIMITS).ok) return { reach: 'refused as XML' };
  const decoded = decodeRequest(body);
  if (!decoded.ok) return { reach: 'refused at decode' };
  const route = rowOf(decoded.call.method)?.route;
  const call = decoded.call;
  if (route === 'session' || route === 'direct' || route === 'central' || route === 'broker')
    return { reach: route, call };
  return { reach: 'refused by row', call };
};

const WAITS = new Set(['WaitForUpdates', 'WaitForUpdatesEx']);
/** Such a call may wait as long as it likes. */
export const mayWait = (call: Call | undefined): boolean => call !== undefined && WAITS.has(call.method);

export interface Read {
  /** Type of the fault; undefined: a reply. */
  readonly fault?: string;
  readonly text?: string;
  readonly problem?: string;
}

/** Every answer is well-formed XML; a 500 is a SOAP fault whose detail is a fault of the API, under the name that goes with it. */
export const readAnswer = (status: number, body: string): Read => {
  const path: string[] = [];
  const found = { detail: '', type: '', text: '', code: '', root: '' };
  const parser = new SaxesParser({ xmlns: true });
  let problem: string | undefined;
  parser.on('error', (error) => {
    problem ??= `not well-formed: ${error.message}`;
  });
  parser.on('opentag', (tag) => {
    if (path.length === 0) found.root = `${tag.uri} ${tag.local}`;
    path.push(tag.local);
    if (path.length === 5 && path[2] === 'Fault' && path[3] === 'detail') {
      found.detail = tag.local;
      found.type =
        Object.values(tag.attributes).find((attribute) => attribute.local === 'type' && attribute.prefix !== '')
          ?.value ?? '';
    }
  });
  parser.on('text', (text) => {
    if (path.at(-1) === 'faultstring') found.text += text;
    if (path.at(-1) === 'faultcode') found.code += text;
  });
  parser.on('closetag', () => void path.pop());
  try {
    parser.write(body).close();
  } catch (error) {
    problem ??= `not well-formed: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (problem !== undefined) return { problem };
  if (found.root !== 'http://schemas.xmlsoap.org/soap/envelope/ Envelope')
    return { problem: `the root is ${found.root}` };
  if (status === 200) return found.code === '' ? {} : { problem: 'a fault with status 200' };
  if (status !== 500) return { problem: `status ${status}` };
  if (found.code === '') return { problem: 'status 500 without a fault' };
  const type = found.type.slice(found.type.indexOf(':') + 1);
  if (dataObject(type) === undefined || !(isSubtype(type, 'MethodFault') || isSubtype(type, 'RuntimeFault')))
    return { problem: `the detail is ${type === '' ? 'without a type' : `no fault of the API: ${type}`}` };
  if (found.detail !== `${type}Fault`) return { problem: `detail ${found.detail} holds ${type}` };
  return { fault: type, text: found.text };
};
