/** All that is durable, as one file. */
import { createReadStream, rm, statSync } from 'node:fs';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const TYPE = 'application/octet-stream';

export const backupRoutes = ({ backup }: Sources): readonly Route[] => {
  let underWay = false;
  return [
    route({
      method: 'POST',
      path: '/backup',
      access: 'administrator',
      summary: 'A backup of this server, as `transvisor restore` takes it; it holds keys and the hashes of passwords.',
      tag: 'program',
      answer: { type: TYPE },
      problems: { 409: 'Another one is under way.', 501: 'This program keeps nothing.' },
      act: async ({ reply }) => {
        if (backup === undefined) throw new Problem(501, 'this program keeps nothing');
        if (underWay) throw new Problem(409, 'a backup is under way');
        underWay = true;
        const path = await backup().catch((error: unknown) => {
          underWay = false;
          throw error;
        });
        const stream = createReadStream(path);
        // At the end, and when the client goes before it.
        stream.once('close', () => {
          // The next one is written to the same place.
          rm(path, { force: true }, () => {
            underWay = false;
          });
        });
        reply.type(TYPE).header('content-length', statSync(path).size).send(stream);
      },
    }),
  ];
};
