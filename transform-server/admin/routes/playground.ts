/** The playground: a document or a client's request in, every hop of it out, with a sheet as it is and as somebody would have it. Nothing is changed. */
import { z } from 'zod';
import { safeCopy } from '../../../runtime/redaction.ts';
import type { Sheet } from '../../engine/library.ts';
import { cutText } from '../found-object.ts';
import { hopsOf, type Made, verdictOf } from '../playground/hops.ts';
import { readRequest } from '../playground/request.ts';
import { sourceOf } from '../playground/source.ts';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const CHARACTERS = 256 * 1024;
const ROOM = 256 * 1024;
const name = z.string().max(64);
const document = z.string().min(1).max(CHARACTERS);
const made = z.strictObject({
  text: z.string().optional(),
  problem: z.string().optional().describe('Why there is no text, or why the hub does not understand it.'),
});
const hop = z.strictObject({
  shape: z.enum(['native', 'generic', 'rendered', 'after', 'changed']),
  sheet: z.string().optional().describe('Id of the sheet that made it.'),
  made,
  changed: made.optional().describe('With the other text of the sheet.'),
});
const verdict = z.strictObject({
  problem: z.string().optional().describe('It does not compile.'),
  pairs: z.array(
    z.strictObject({
      name: z.string(),
      before: z.string().optional().describe('Why it does not come out with the sheet in use; absent: it does.'),
      why: z.string().optional().describe('Why it does not come out with the other text; absent: it does.'),
    }),
  ),
});
const anything = z.unknown();
const command = z.strictObject({ verb: z.string(), host: z.string(), target: z.string(), params: anything });
const request = z.strictObject({
  path: z.string(),
  call: z.strictObject({
    method: z.string(),
    target: z.strictObject({ type: z.string(), id: z.string() }),
    args: anything,
    version: z.string(),
    operation: z.string(),
  }),
  row: anything.optional().describe('Of the command table.'),
  route: z.string().describe('With what the arguments make of it.'),
  command: command.optional().describe('What it would become: it is not carried out.'),
  instead: z.string().optional().describe('Why there is no command, or what is answered in its place.'),
});

const TEXTS = /<!(?:DOCTYPE|ENTITY)/i;
const madeOf = ({ text, problem }: Made): z.input<typeof made> => ({
  ...(text === undefined ? {} : { text: cutText(text) }),
  ...(problem === undefined ? {} : { problem }),
});

export const playgroundRoutes = ({ inspected, clock }: Sources): readonly Route[] => [
  route({
    method: 'POST',
    path: '/playground',
    access: 'viewer',
    reads: true,
    summary: 'What becomes of a document or a request, hop by hop. Nothing is changed and nothing sent to a host.',
    tag: 'mappings',
    body: z.strictObject({
      platform: name.describe('Of the host, or of the client for a request.'),
      kind: z.enum(['native', 'golden', 'object', 'request']).describe('What `document` is.'),
      document: document.describe('The text; or the name of a golden pair, or the id of an object.'),
      front: name.optional().describe('The API in whose words it is shown; for a request, the front that got it.'),
      after: document.optional().describe('The generic document as it shall be: a change of the native one.'),
      sheet: z
        .strictObject({ id: z.string().max(200), text: document })
        .optional()
        .describe('Another text of a sheet.'),
    }),
    answer: z.strictObject({
      hops: z.array(hop),
      verdict: verdict.optional().describe('What the golden pairs say of the other text.'),
      request: request.optional(),
    }),
    problems: {
      404: 'There is no such object.',
      422: 'A text is not what it should be, or holds a document type or entities.',
      503: 'Too much is tried at once.',
    },
    act: async ({ body, who }) => {
      const { platform: wanted, kind, document: given, front: shown, after, sheet: other } = body;
      for (const [what, text] of Object.entries({ document: given, after, sheet: other?.text }))
        if (text !== undefined && TEXTS.test(text))
          throw new Problem(422, `${what}: document types and entities are refused`);
      const { library } = inspected;
      const platforms = await library.platforms();
      const platform = platforms.find((one) => one.name === wanted);
      if (platform === undefined) throw new Problem(422, 'there is no such platform');
      if (kind === 'request') {
        const fronts = inspected.parts().flatMap((parts) => parts.hosts.fronts().map((front) => ({ front, parts })));
        const served = fronts.find(
          ({ front: { instance } }) => instance.platform === wanted && (shown === undefined || instance.name === shown),
        );
        const read = await readRequest(given, platform, served, { nowMs: clock.now(), user: who.name });
        return { hops: [], request: safeCopy(read, { left: ROOM }) as z.input<typeof request> };
      }
      const front = shown === undefined ? undefined : platforms.find((one) => one.name === shown);
      if (shown !== undefined && front?.render === undefined) throw new Problem(422, 'no client is shown that');
      const source = sourceOf(inspected, platform, { given: kind, document: given, after });
      const sheets = await library.sheets();
      const sheet = other && sheets.find(({ id, path }) => id === other.id || path === other.id);
      if (other !== undefined && sheet === undefined) throw new Problem(422, 'there is no such sheet');
      const busy = (): never => {
        throw new Problem(503, 'others try sheets just now; come again in a moment', { 'retry-after': '5' });
      };
      await using plain = library.tried() ?? busy();
      if (other === undefined || sheet === undefined) {
        const hops = await hopsOf(source, front, plain, undefined);
        return { hops: hops.map((one) => ({ ...one, made: madeOf(one.made), changed: undefined })) };
      }
      await using changed = library.tried({ sheet: sheet as Sheet, text: other.text }) ?? busy();
      const hops = await hopsOf(source, front, plain, changed);
      return {
        hops: hops.map((one) => ({ ...one, made: madeOf(one.made), changed: one.changed && madeOf(one.changed) })),
        verdict: (await verdictOf(library, sheet, changed)) as z.input<typeof verdict>,
      };
    },
  }),
];
