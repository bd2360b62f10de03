/** Sizes and dates as libvirt writes them to bytes and milliseconds. */

const POWERS: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5, e: 6 };

/** Bytes of `<memory unit='MiB'>`, any unit libvirt knows; `fallback` where the element names none (memory KiB, volumes bytes). */
export const bytesOf = (text: string, unit: string | undefined, fallback: 'KiB' | 'bytes'): number => {
  const value = Number(text.trim());
  if (!Number.isFinite(value)) return 0;
  const word = (unit ?? fallback).toLowerCase();
  if (word === 'b' || word === 'byte' || word === 'bytes') return value;
  const power = POWERS[word.charAt(0)];
  if (power === undefined) return value;
  // `KB` counts in thousands; `K` and `KiB` in 1024s.
  const base = word.length === 2 ? 1000 : 1024;
  return Math.round(value * base ** power);
};

/** KiB that hold so many bytes. */
export const kibOf = (bytes: number): number => Math.ceil(bytes / 1024);

/** `1700000000.123456789` seconds to milliseconds. */
export const millisecondsOf = (seconds: string): number | undefined => {
  const value = Number(seconds.trim());
  return seconds.trim() === '' || !Number.isFinite(value) ? undefined : Math.floor(value * 1000);
};

/** major * 1,000,000 + minor * 1,000 + release. */
export const versionText = (version: unknown): string => {
  const number = Number(version);
  if (!Number.isFinite(number) || number <= 0) return '';
  return `${Math.floor(number / 1_000_000)}.${Math.floor(number / 1000) % 1000}.${number % 1000}`;
};
