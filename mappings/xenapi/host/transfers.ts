/** A transfer of a volume's bytes in, the request of the host that moves them out. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { HttpAsk } from '../../generic/platform.ts';

/** In a path it would be told to whoever is told of the path. */
export const sessionCookie = (session: string): string => `session_id=${session}`;

/** `export_raw_vdi` and `import_raw_vdi` { vdi: reference }: raw bytes of the whole image. */
export const transferAsk = (
  procedure: string,
  args: Readonly<Record<string, unknown>>,
  direction: 'download' | 'upload',
  session: string,
): Outcome<HttpAsk> => {
  const wanted = direction === 'download' ? 'export_raw_vdi' : 'import_raw_vdi';
  if (procedure !== wanted)
    return refused(fault('not-supported', {}, `"${procedure.slice(0, 100)}" moves no bytes that way`));
  const offset = Number(args['offsetBytes'] ?? 0);
  const length = Number(args['lengthBytes'] ?? -1);
  if (direction === 'upload' && offset > 0)
    return refused(fault('not-supported', {}, 'The bytes of an image are written from its beginning.'));
  // A host that knows no ranges sends all, and what is before and behind is left out.
  const ranged = direction === 'download' && (offset > 0 || length >= 0);
  const query = new URLSearchParams({ vdi: String(args['vdi']), format: 'raw' });
  return done({
    method: direction === 'download' ? 'GET' : 'PUT',
    path: `/${wanted}?${query}`,
    headers: {
      cookie: sessionCookie(session),
      ...(ranged ? { range: `bytes=${offset}-${length < 0 ? '' : offset + length - 1}` } : {}),
      ...(direction === 'upload' ? { 'content-type': 'application/octet-stream' } : {}),
    },
  });
};
