/** A platform of two small sheets, with objects that break what they touch. For tests of the engine and its thread. */
import { formatDocument } from '../../../mappings/generic/documents.ts';
import type { NativeObject } from '../../../mappings/generic/native.ts';
import type { HostSide, Platform, RenderSide } from '../../../mappings/generic/platform.ts';

const sheet = (name: string): URL => new URL(`./sheets/${name}`, import.meta.url);

export const net = (name: string, extra = ''): NativeObject => ({
  kind: 'network',
  native: name,
  parts: { net: `<net name="${name}" uuid="u-${name}" bridge="br0">${extra}</net>` },
  facts: {},
});

const host: HostSide = {
  scan: (object) => ({ name: object.native, relations: [], owns: [{ kind: 'nic', match: 'm1', slot: '0' }] }),
  toGenericInput: (object) => {
    if (object.native === 'throws') throw new Error('toGenericInput broke');
    if (object.native === 'exits') process.exit(7);
    if (object.native === 'hangs') for (;;);
    return object.parts['net'] ?? '';
  },
  fromGenericInput: ({ kind, after }) => `<change><after>${formatDocument(kind, after as never)}</after></change>`,
  plan: async () => {
    throw new Error('not asked here');
  },
};

const render: RenderSide = {
  input: (kind, document, joins, front) =>
    `<render id="${front.name}:${joins.id}" owned="${joins.owned('nic', 'm1') ?? ''}">${formatDocument(kind, document as never)}</render>`,
  joins: {},
  split: (output) => [
    { type: 'Net', id: /id="([^"]*)"/.exec(output)?.[1] ?? '', text: output.replace(/^<Net[^>]*>|<\/Net>$/g, '') },
  ],
  index: (_, text) => {
    const outer = text.indexOf('<name>');
    const end = text.indexOf('</name>');
    return { paths: ['name'], spans: [outer, end + 7, outer + 6, end], types: [''] };
  },
};

export const madeUp: Platform = {
  name: 'made-up',
  title: 'Made up',
  commands: [],
  sheets: { toGeneric: { network: sheet('to-generic.xsl') }, fromGeneric: { network: sheet('from-generic.xsl') } },
  host,
  render,
};

export const PLATFORMS = { 'made-up': async () => madeUp };
