/** The cells of this server in; its health, figures and logs as one server's, and who has which cell, out. */
import type { Figure, Inspected } from '../admin/parts.ts';
import type { SharedState } from '../storage/cell-contract.ts';
import type { Cells } from './cells.ts';

export const inspectCells = (options: {
  readonly cells: Cells;
  readonly state: Pick<SharedState, 'available' | 'servers'>;
  readonly agents: () => number;
  readonly isOpen: () => boolean;
  readonly library: Inspected['library'];
}): Inspected => {
  const { cells, state, agents, isOpen, library } = options;
  const all = (): readonly Inspected[] => cells.list().map(({ server }) => server.inspected);
  return {
    health: () => ({
      ok: isOpen() && state.available && cells.list().every(({ available }) => available),
      hosts: all().flatMap((one) => one.health().hosts),
    }),
    figures: () => {
      const sums: Record<string, Figure> = {};
      for (const one of all())
        for (const [name, figure] of Object.entries(one.figures())) {
          const before = sums[name]?.value ?? 0;
          const value = figure.largest === true ? Math.max(before, figure.value) : before + figure.value;
          sums[name] = { ...figure, value };
        }
      return {
        ...sums,
        agents: { help: 'Agents attached.', value: agents() },
        cells: { help: 'Cells that this server holds.', value: cells.list().length },
        shared_store_up: { help: 'The Redis that servers share answers: 1, or 0.', value: state.available ? 1 : 0 },
      };
    },
    library,
    parts: () => all().flatMap((one) => one.parts()),
    cells: async () => ({
      here: cells.list().map(({ name, available, links }) => ({ cell: name, available, agents: links })),
      elsewhere: [...cells.elsewhere()].map(([cell, { server }]) => ({ cell, server })),
      servers: state.available ? await state.servers().catch(() => []) : [],
    }),
  };
};
