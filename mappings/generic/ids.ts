/** Hub ids: branded strings `<kind>-<n>`, minted once by the transform server and never given twice. */

declare const brand: unique symbol;

/** The kinds of object that own a row of the ID table. */
export const KINDS = [
  'host',
  'vm',
  'template',
  'snapshot',
  'storage',
  'volume',
  'network',
  'disk',
  'nic',
  'job',
] as const;
export type Kind = (typeof KINDS)[number];

/** `<kind>-<n>`, for example `vm-17`. `n` is unique over all kinds of one installation. */
export type HubId = string & { readonly [brand]: 'HubId' };

export const hubId = (kind: Kind, n: number): HubId => `${kind}-${n}` as HubId;

const SHAPE = /^(host|vm|template|snapshot|storage|volume|network|disk|nic|job)-([1-9][0-9]{0,15})$/;

/** Parses text into a hub id; undefined for anything else. */
export const parseHubId = (text: string): HubId | undefined => (SHAPE.test(text) ? (text as HubId) : undefined);

export const kindOf = (id: HubId): Kind => id.slice(0, id.lastIndexOf('-')) as Kind;

export const numberOf = (id: HubId): number => Number(id.slice(id.lastIndexOf('-') + 1));

/** An object on a host, by the host's own name for it: `vm` and a domain UUID, `volume` and `pool/name`. */
export interface NativeRef {
  readonly kind: Kind;
  readonly native: string;
}
