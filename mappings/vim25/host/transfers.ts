/** A transfer of a datastore's file in, the request for it by `/folder` out. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { HttpAsk } from '../../generic/platform.ts';
import type { Args } from './soap-call.ts';

export const FILE_TRANSFER = 'FolderFile';

/** `path` inside the datastore, the names of datastore and datacenter; from `offset` on, of `length` bytes or to the end (-1). */
export const transferOf = (
  procedure: string,
  args: Args,
  direction: 'download' | 'upload',
  cookie: string,
): Outcome<HttpAsk> => {
  if (procedure !== FILE_TRANSFER) return refused(fault('not-supported', {}, `no such transfer: ${procedure}`));
  const offset = Number(args['offset'] ?? 0);
  const length = Number(args['length'] ?? -1);
  const path = String(args['path']).split('/').map(encodeURIComponent).join('/');
  const query = new URLSearchParams({ dcPath: String(args['datacenter']), dsName: String(args['datastore']) });
  const headers: Record<string, string> = { cookie, 'user-agent': 'transvisor' };
  if (direction === 'upload') {
    if (offset !== 0) return refused(fault('not-supported', {}, 'a file is uploaded whole'));
    headers['content-type'] = 'application/octet-stream';
    if (length >= 0) headers['content-length'] = String(length);
  } else if (offset > 0 || length >= 0)
    headers['range'] = `bytes=${offset}-${length >= 0 ? offset + Math.max(0, length - 1) : ''}`;
  return done({ method: direction === 'download' ? 'GET' : 'PUT', path: `/folder/${path}?${query}`, headers });
};
