/** A transfer of a volume's bytes in, the request of the host that moves them out. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { HttpAsk } from '../../generic/platform.ts';

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
  const query = new URLSearchParams({ session_id: session, vdi: String(args['vdi']), format: 'raw' });
  return done({
    method: direction === 'download' ? 'GET' : 'PUT',
    path: `/${wanted}?${query}`,
    headers: direction === 'upload' ? { 'content-type': 'application/octet-stream' } : {},
  });
};
