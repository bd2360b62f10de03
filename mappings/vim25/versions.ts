/** Version hints of clients ('urn:vim25/9.1.0.0', '8.0.2.0') in, the published version a session is answered in out. */
import { versions } from './types.ts';

/** The newest version we speak. Clients that know newer ones step down to it. */
const NEWEST = '6.7';

/** What vimServiceVersions.xml lists and replies are trimmed to, newest first. */
export const published: readonly string[] = ['6.7', '6.5', '6.0', '5.5', '5.1', '5.0', '4.1', '4.0', '2.5u2', '2.5'];

const indexByVersion = new Map(versions.map((version, index) => [version, index]));

/** Index into `versions`; '' and unknown versions count as the newest we speak. */
export const versionIndex = (version: string): number =>
  indexByVersion.get(version) ?? (indexByVersion.get(NEWEST) as number);

const parts = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number);

const compare = (left: string, right: string): number => {
  const a = parts(left);
  const b = parts(right);
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

/** The newest published version not above the hint; the oldest for hints below all; '' for no hint. */
export const negotiate = (hint: string): string => {
  const wanted = hint
    .slice(hint.lastIndexOf('/') + 1)
    .replaceAll('"', '')
    .trim();
  if (!/^\d/.test(wanted)) return '';
  return published.find((version) => compare(version, wanted) <= 0) ?? (published.at(-1) as string);
};
