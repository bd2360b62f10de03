/** Names that follow from other names: UUIDs, MACs and volume names for what a client left unnamed; the same text always gives the same name. */

/** Four 32-bit FNV-1a hashes, mixed: no cryptography, only far apart. */
const hash = (text: string, seed: number): string => {
  let h = 0x811c9dc5 ^ seed;
  for (let n = 0; n < text.length; n++) h = Math.imul(h ^ text.charCodeAt(n), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0).toString(16).padStart(8, '0');
};

/** A UUID of version 8 (RFC 9562: of the maker's own making). */
export const madeUuid = (text: string): string => {
  const hex = [0, 0x9e3779b9, 0x3c6ef372, 0xdaa66d2b].map((seed) => hash(text, seed)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
};

/** Locally administered. */
export const madeMac = (text: string): string =>
  `02:${hash(text, 1).slice(0, 2)}:${(hash(text, 2).match(/../g) ?? []).join(':')}`;

/** A directory and a file in a flat volume name: reversible, so a tree can be shown. */
const flat = (name: string): string => name.replace(/[%/]/g, (c) => (c === '%' ? '%25' : '%2f'));

/** Name of the n-th volume (from 0) of a VM in its directory. */
export const madeVolumeName = (vm: string, n: number, isTaken: (name: string) => boolean): string => {
  // A dot alone would lead out of the directory when the name is shown as a path.
  const directory = flat(vm === '.' || vm === '..' ? `vm${vm}` : vm.replaceAll('/', '_'));
  for (let at = n; ; at++) {
    const name = `${directory}%2f${directory}${at === 0 ? '' : `_${at}`}.vmdk`;
    if (!isTaken(name)) return name;
  }
};
