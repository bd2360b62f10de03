/** What a service of the broker answers: values, errors of the API, or text already in the client's encoding. */
import type { Call, Reply } from '../../generic/call.ts';
import type { Brokered } from '../../generic/platform.ts';
import { xenFault } from '../faults.ts';
import { speechOf } from '../front.ts';
import type { Type } from '../types.ts';
import { type Item, placesOf, recordText } from './item.ts';
import { jsonOfField } from './transcode.ts';
import type { World } from './world.ts';

export const value = (result: unknown): Reply => ({ kind: 'value', value: result });

/** XenAPI's own error. */
export const refuse = (code: string, ...params: readonly string[]): Reply => ({
  kind: 'fault',
  fault: xenFault(code, ...params),
});

const BODY: Reply = { kind: 'body' };

export type Encoding = 'xml' | 'json';
export const encodingOf = (call: Pick<Call, 'version'>): Encoding => (speechOf(call) === 'xmlrpc' ? 'xml' : 'json');

/** A record as a whole value. Joined: it may be kept, and what is added up holds all its pieces. */
export const encodeRecord = (world: World, item: Item, encoding: Encoding): string =>
  encoding === 'xml' ? ['<value><struct>', recordText(item), '</struct></value>'].join('') : world.jsonOf(item);

export const encodeInner = (type: Type, inner: string, encoding: Encoding): string =>
  encoding === 'xml' ? `<value>${inner}</value>` : jsonOfField(type, inner);

/** References hold nothing that any encoding escapes. */
export const encodeRefs = (refs: Iterable<string>, encoding: Encoding): string => {
  if (encoding === 'json') {
    let out = '';
    for (const ref of refs) out += `${out === '' ? '"' : ',"'}${ref}"`;
    return `[${out}]`;
  }
  let out = '';
  for (const ref of refs) out += `<value>${ref}</value>`;
  return `<value><array><data>${out}</data></array></value>`;
};

/** Enough to be worth a turn of the link. */
const PIECE = 64 * 1024;

/** A map of references to records, written in pieces; which they are is settled before the first, however slow the client reads. */
export function* writeRecords(world: World, items: readonly Item[], encoding: Encoding): Brokered {
  let text = encoding === 'xml' ? '<value><struct>' : '{';
  let isFirst = true;
  for (const item of items) {
    if (encoding === 'xml') text += `<member><name>${item.ref}</name>${encodeRecord(world, item, encoding)}</member>`;
    else text += `${isFirst ? '"' : ',"'}${item.ref}":${encodeRecord(world, item, encoding)}`;
    isFirst = false;
    if (text.length < PIECE) continue;
    yield { effect: 'write', text };
    text = '';
  }
  yield { effect: 'write', text: text + (encoding === 'xml' ? '</struct></value>' : '}') };
  return BODY;
}

export function* write(text: string): Brokered {
  yield { effect: 'write', text };
  return BODY;
}

export const placeOf = (cls: string, field: string): number | undefined => placesOf(cls).get(field);
