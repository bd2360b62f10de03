/** A reference and a field in; what the field holds now out, as clients see it: own data first, then what was rendered from the host. */
import { kindOf } from '../../generic/ids.ts';
import type { Brokered } from '../../generic/platform.ts';
import type { RenderedMember } from '../../generic/store-view.ts';
import { readXml, type XmlElement } from '../../wire/xml.ts';
import { ownObject, readOwn } from '../own-data.ts';
import type { Default } from '../types.ts';
import { invalidHandle } from './refusal.ts';
import { idOf } from './targets.ts';
import { render, type Work } from './work.ts';

/** The hub object whose bundle holds the member, rendered. */
function* memberOf(cls: string, ref: string, work: Work): Brokered<RenderedMember> {
  const { owner } = idOf(cls, ref, work);
  const { store, front } = work.context;
  const id = store.entry(owner) ? owner : (store.owner(owner)?.owner ?? owner);
  const entry = store.entry(id);
  if (!entry || (entry.host !== front.host && kindOf(id) !== 'host')) return invalidHandle(cls, ref);
  if (store.rendered(id) === undefined) yield* render([id]);
  return store.rendered(id)?.find((member) => member.id === ref) ?? invalidHandle(cls, ref);
}

const fieldElement = (text: string, field: string): XmlElement | undefined => {
  const read = readXml(`<struct>${text}</struct>`);
  if (!read.ok) throw new Error('a rendered record is no XML');
  for (const member of read.root.children) {
    const [name, value] = member.children;
    if (name?.text === field) return value;
  }
  return undefined;
};

const readValue = (element: XmlElement): Default => {
  const [inner] = element.children;
  switch (inner?.name) {
    case undefined:
      return element.text;
    case 'boolean':
      return inner.text === '1';
    case 'array':
      return (inner.children[0]?.children ?? []).map(readValue);
    case 'struct': {
      const entries = inner.children.map(({ children: [name, value] }): [string, Default] => [
        name?.text ?? '',
        value ? readValue(value) : '',
      ]);
      return Object.fromEntries(entries);
    }
    default:
      return inner?.text ?? '';
  }
};

/** HANDLE_INVALID where the object is not there. */
export function* currentField(cls: string, ref: string, field: string, work: Work): Brokered<Default | undefined> {
  const { context } = work;
  const object = ownObject(context, ref);
  if (object) return object.fields[field];
  const member = yield* memberOf(cls, ref, work);
  const own = readOwn(context, ref, field);
  if (own !== undefined) return own;
  const element = fieldElement(member.text, field);
  return element && readValue(element);
}

/** Only that it is there. */
export function* mustExist(cls: string, ref: string, work: Work): Brokered<void> {
  if (!ownObject(work.context, ref)) yield* memberOf(cls, ref, work);
}
