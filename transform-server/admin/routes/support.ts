/** The support bundle: one archive of what a report needs. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { TAR_END, tarPieces } from '../../../runtime/tar.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';
import { supportFiles } from '../support.ts';

const TYPE = 'application/gzip';
const packed = promisify(gzip);

export const supportRoutes = ({ version, inspected, own, log, clock }: Sources): readonly Route[] => [
  route({
    method: 'GET',
    path: '/support-bundle',
    access: 'administrator',
    summary:
      'A tar.gz of versions, configuration, health, figures, the last exchanges and jobs, audit lines and the end of the log, without secrets.',
    tag: 'program',
    answer: { type: TYPE },
    act: async ({ reply }) => {
      const files = await supportFiles({
        version,
        ...own,
        logTail: () => log.tail?.() ?? [],
        health: () => inspected.health(),
      });
      const archive = await packed(Buffer.concat([tarPieces(files, clock.now()), TAR_END]));
      reply.type(TYPE).header('content-disposition', 'attachment; filename="transvisor-support.tar.gz"').send(archive);
    },
  }),
];
