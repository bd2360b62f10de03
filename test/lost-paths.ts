/** What was wanted and what was found in, the paths at which the two differ out; places in lists do not count. */

/** What a host adds to what was left open is no loss. */
export const lostPaths = (wanted: unknown, found: unknown, path = ''): string[] => {
  if (wanted === undefined) return [];
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found) || found.length !== wanted.length) return [path];
    return wanted.flatMap((one, at) => lostPaths(one, found[at], `${path}[]`));
  }
  if (wanted !== null && typeof wanted === 'object') {
    if (found === null || typeof found !== 'object') return [path];
    return Object.entries(wanted).flatMap(([key, one]) =>
      lostPaths(one, (found as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return wanted === found ? [] : [path];
};
