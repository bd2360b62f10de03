/** Entity names and datastore paths of vim25, from the hub's names and back. */

/** `/ \ %` are stored escaped in entity names (vSphere API, ManagedEntity.name). */
export const escapeName = (name: string): string =>
  name.replace(/[%/\\]/g, (c) => (c === '%' ? '%25' : c === '/' ? '%2f' : '%5c'));
export const unescapeName = (name: string): string =>
  name.replace(/%(25|2[fF]|5[cC])/g, (_, code: string) =>
    code === '25' ? '%' : code.toLowerCase() === '2f' ? '/' : '\\',
  );

export interface DatastorePath {
  readonly datastore: string;
  /** No leading slash; '' is the root. */
  readonly path: string;
}

/** `[ds] dir/file`; undefined when it is none, or leads out of the datastore. */
export const parseDatastorePath = (text: string): DatastorePath | undefined => {
  const match = /^\[([^\]]*)\]\s*(.*)$/s.exec(text);
  if (!match) return undefined;
  const segments = (match[2] ?? '').split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..') || segments.some((segment) => segment.includes('\0'))) return undefined;
  return { datastore: match[1] ?? '', path: segments.join('/') };
};

export const formatDatastorePath = (datastore: string, path: string): string => `[${datastore}] ${path}`;
