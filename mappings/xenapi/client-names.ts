/** What XenAPI clients write for an object: a rendered member in, its reference and uuid out; such a text in, the hub object or the host's uuid out. */
import type { ClientNames } from '../generic/platform.ts';
import { parseRef, parseUuid } from './ids.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const clientNames: ClientNames = {
  of: ({ id, text }) => {
    const uuid = /<name>uuid<\/name><value>([^<]*)<\/value>/.exec(text)?.[1];
    return [{ what: 'reference', text: id }, ...(uuid === undefined ? [] : [{ what: 'uuid', text: uuid }])];
  },
  find: (text, front) => {
    const ours = parseRef(text, front) ?? parseUuid(text.toLowerCase(), front);
    if (ours !== undefined) return { id: ours.owner };
    return UUID.test(text) ? { uuids: [text.toLowerCase()] } : undefined;
  },
};
