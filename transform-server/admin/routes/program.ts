/** The running program: its process, a reload of its mappings, a successor. */
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import type { Sources } from '../sources.ts';

const tag = 'program';
const program = z.strictObject({
  pid: z.int(),
  refused: z
    .strictObject({ times: z.int(), why: z.string().describe('Of the last one.') })
    .describe('Take-overs that this program refused: it stayed.'),
});
const report = z.strictObject({
  changed: z.array(z.string()).describe('Files that differ from those in use.'),
  refused: z
    .array(z.strictObject({ name: z.string(), why: z.string() }))
    .describe('Empty: the changed files are in use.'),
  pairs: z.int().describe('Golden pairs that judged.'),
});

export const programRoutes = ({ reload, takeOver, inspected }: Sources): readonly Route[] => {
  const told = (): z.input<typeof program> => ({
    pid: process.pid,
    refused: takeOver?.refused() ?? { times: 0, why: '' },
  });
  return [
    route({
      method: 'GET',
      path: '/program',
      access: 'viewer',
      summary: 'The process that answers.',
      tag,
      answer: program,
      act: told,
    }),
    route({
      method: 'POST',
      path: '/reload',
      access: 'administrator',
      summary: 'Take changed sheets and tables into use, if every golden pair still comes out.',
      tag,
      answer: report,
      act: async () => {
        if (reload === undefined) throw new Problem(501, 'this program reloads nothing');
        return { ...(await reload()) } as z.input<typeof report>;
      },
    }),
    route({
      method: 'POST',
      path: '/take-over',
      access: 'administrator',
      summary: 'Let the code on disk take this program’s place; clients and their waits go on.',
      tag,
      status: 202,
      answer: program,
      act: () => {
        if (takeOver === undefined) throw new Problem(501, 'this program has no successor');
        const before = told();
        takeOver.ask();
        return before;
      },
    }),
    route({
      method: 'GET',
      path: '/cells',
      access: 'viewer',
      summary: 'Of one among several servers: which hosts’ cells are here, and who has the others.',
      tag,
      answer: z.strictObject({
        here: z.array(z.strictObject({ cell: z.string(), available: z.boolean(), agents: z.int() })),
        elsewhere: z.array(z.strictObject({ cell: z.string(), server: z.string() })),
        servers: z.array(z.strictObject({ server: z.string(), address: z.string() })),
      }),
      act: async () =>
        inspected.cells === undefined ? { here: [], elsewhere: [], servers: [] } : ((await inspected.cells()) as never),
    }),
  ];
};
