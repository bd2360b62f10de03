/** What vim25 clients write for an object: a rendered member in, its reference and UUIDs out; such a text in, the hub object or the host's UUID out. */
import type { ClientNames } from '../generic/platform.ts';
import { FURNITURE, hubIdOf } from './ids.ts';
import { turnedUuid } from './render/vm-input.ts';

/** The values alone are of one spelling each: `17` is a VM, `network-4` a network. */
const TYPES = ['VirtualMachine', 'Datastore', 'Network', 'VirtualMachineSnapshot', 'Task'] as const;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const clientNames: ClientNames = {
  of: ({ type, id, text }) => [
    { what: 'MoRef', text: id },
    { what: 'typed reference', text: `${type}:${id}` },
    ...(type === 'VirtualMachine'
      ? [
          { what: 'BIOS UUID', text: /<config>.*?<uuid>([^<]*)<\/uuid>/s.exec(text)?.[1] ?? '' },
          { what: 'instance UUID', text: /<instanceUuid>([^<]*)<\/instanceUuid>/.exec(text)?.[1] ?? '' },
        ]
      : []),
  ],
  find: (text, front) => {
    const colon = text.indexOf(':');
    const value = text.slice(colon + 1);
    if (value === FURNITURE.host.value) return { id: front.host };
    if (UUID.test(value)) return { uuids: [value.toLowerCase(), turnedUuid(value.toLowerCase())] };
    for (const type of colon < 0 ? TYPES : [text.slice(0, colon)]) {
      const id = hubIdOf({ type, value });
      if (id !== undefined) return { id };
    }
    return undefined;
  },
};
