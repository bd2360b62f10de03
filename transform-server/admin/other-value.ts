/** A value of a document in, another one that could stand in its place out: what a sheet makes of both tells whether it looks at the value. */

/** Of fields whose values are words of the hub: any two, so that one is always another. */
const WORDS: Readonly<Record<string, readonly [string, string]>> = {
  powerState: ['stopped', 'running'],
  firmware: ['bios', 'efi'],
  bus: ['sata', 'scsi'],
  kind: ['nfs', 'local'],
  mode: ['bridge', 'nat'],
  format: ['raw', 'qcow2'],
  bootOrder: ['network', 'disk'],
  osId: ['debian11', 'win2k19'],
};
/** By the bus or the card, as hosts and hub spell them. */
const MODELS: Readonly<Record<string, string>> = {
  pvscsi: 'lsilogic',
  lsilogic: 'pvscsi',
  lsisas: 'pvscsi',
  buslogic: 'pvscsi',
  'virtio-scsi': 'pvscsi',
  e1000: 'virtio',
};
const PAIRS = new Map(
  [
    ['yes', 'no'],
    ['on', 'off'],
    ['true', 'false'],
    ['running', 'stopped'],
    ['1', '0'],
  ].flatMap(([a = '', b = '']): [string, string][] => [
    [a, b],
    [b, a],
  ]),
);
const HEX_NAME = /^[0-9a-f]{8}-[0-9a-f-]{27}$|^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;

const nameOf = (path: string): string => /([A-Za-z]+)(?:\[[^\]]*\])?$/.exec(path)?.[1] ?? '';

/** Large ones are sizes, which some round to MiB or KiB. */
const otherNumber = (value: number, name: string): number => {
  if (name.endsWith('Ms')) return value + DAY_MS;
  if (name === 'bits') return value === 64 ? 32 : 64;
  if (value < 0) return 5901;
  return Math.abs(value) >= MIB ? value * 2 : value + 1;
};

const otherText = (value: string, name: string): string => {
  const words = WORDS[name];
  if (words !== undefined) return words[0] === value ? words[1] : words[0];
  if (name === 'model') return MODELS[value] ?? 'e1000';
  // The last digit of a UUID or a hardware address.
  if (HEX_NAME.test(value)) return value.slice(0, -1) + (value.endsWith('1') ? '2' : '1');
  return `${value}x`;
};

/** Of a generic document. */
export const otherValue = (path: string, value: string | number | boolean): string | number | boolean => {
  if (typeof value === 'boolean') return !value;
  return typeof value === 'number' ? otherNumber(value, nameOf(path)) : otherText(value, nameOf(path));
};

/** Of a document in a host's words, where all is text. */
export const otherNative = (path: string, value: string): string => {
  const pair = PAIRS.get(value);
  if (pair !== undefined) return pair;
  if (/^-?\d{1,15}$/.test(value)) return String(otherNumber(Number(value), nameOf(path)));
  return otherText(value, nameOf(path));
};
