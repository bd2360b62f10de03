/** The address after `#` in, the page and its words out: every view has an address that can be sent to others. */
import { useEffect, useState } from 'preact/hooks';

export interface Place {
  /** `#/objects/vm-12?tab=native` is ['objects', 'vm-12']. */
  readonly words: readonly string[];
  readonly search: URLSearchParams;
}

const read = (): Place => {
  const [path = '', search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { words: path.split('/').filter(Boolean).map(decodeURIComponent), search: new URLSearchParams(search) };
};

export const usePlace = (): Place => {
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const changed = (): void => setPlace(read());
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return place;
};

export const addressOf = (
  words: readonly string[],
  search: Readonly<Record<string, string | undefined>> = {},
): string => {
  const set = Object.entries(search).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '',
  );
  const text = new URLSearchParams(set).toString();
  return `#/${words.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
};

/** The same page with other words after `?`; no new entry in the browser's history. */
export const setSearch = (place: Place, search: Readonly<Record<string, string | undefined>>): void => {
  const merged = { ...Object.fromEntries(place.search), ...search };
  history.replaceState(null, '', addressOf(place.words, merged));
  dispatchEvent(new HashChangeEvent('hashchange'));
};
