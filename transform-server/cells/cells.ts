/** The cells of this server: names of hosts in, the cells that it holds, and who holds the others, out. */
import { LIMITS } from '../../runtime/limits.ts';
import { LinkDown } from '../../runtime/link.ts';
import type { ServerRecord, SharedState } from '../storage/cell-contract.ts';
import { type Cell, type CellOptions, openCell } from './cell.ts';

export type Found =
  | { readonly kind: 'here'; readonly cell: Cell }
  | { readonly kind: 'elsewhere'; readonly owner: ServerRecord };

export interface Cells {
  /** Claims the cell when nobody has it. LinkDown, with the reason, while nobody can be asked. */
  find(name: string): Promise<Found>;
  held(name: string): Cell | undefined;
  /** It can be had by another server at once. */
  release(name: string, why: string): Promise<void>;
  list(): readonly Cell[];
  /** Of cells that were asked for and are not here: who has them, as far as this server knows. */
  elsewhere(): ReadonlyMap<string, ServerRecord>;
  /** Claims nothing any more. */
  rest(): void;
  close(): Promise<void>;
}

interface CellsOptions extends Pick<CellOptions, 'clock' | 'log' | 'random'> {
  readonly state: Pick<SharedState, 'claim' | 'numbers'>;
  readonly shared: Omit<CellOptions['shared'], 'reserve'>;
  /** Of now: mappings may have been reloaded. */
  readonly platforms: () => CellOptions['platforms'];
  readonly assigned: Readonly<Record<string, string>>;
  /** How many exchanges the log of each keeps. */
  readonly exchanges?: number | undefined;
}

/** What may stand in the key of a cell. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const createCells = (options: CellsOptions): Cells => {
  const { state, clock, log, assigned } = options;
  const cells = new Map<string, Cell>();
  const elsewhere = new Map<string, ServerRecord>();
  const finding = new Map<string, Promise<Found>>();
  const closing = new Map<string, Promise<void>>();
  const conflicts = new Map<string, string>();
  let resting = false;

  const close = (cell: Cell, why: string, release: boolean): Promise<void> => {
    const done = cell.close(why, release).finally(() => {
      if (closing.get(cell.name) === done) closing.delete(cell.name);
    });
    closing.set(cell.name, done);
    return done;
  };

  const claim = async (name: string): Promise<Found> => {
    await closing.get(name);
    if (resting) throw new LinkDown('this server is ending');
    const claimed = await state.claim(name).catch((error: unknown) => {
      throw new LinkDown(`the shared store does not give ${name}: ${error instanceof Error ? error.message : error}`);
    });
    if (claimed.kind === 'conflict') {
      if (conflicts.get(name) !== claimed.text) log.error({ host: name }, `cell: it stays closed: ${claimed.text}`);
      conflicts.set(name, claimed.text);
      throw new LinkDown(claimed.text);
    }
    conflicts.delete(name);
    if (claimed.kind === 'elsewhere') {
      elsewhere.set(name, claimed.owner);
      return claimed;
    }
    elsewhere.delete(name);
    const { storage } = claimed;
    let cell: Cell;
    try {
      cell = openCell({
        ...options,
        name,
        storage,
        shared: { ...options.shared, reserve: (size) => state.numbers(size, name) },
        platforms: options.platforms(),
        assigned: assigned[name],
        exchanges: options.exchanges,
      });
    } catch (error) {
      log.error({ host: name, error }, 'cell: it could not be opened');
      await storage.release().catch(() => {}); // its claim ends by itself as well
      storage.close();
      throw new LinkDown(`the cell of ${name} could not be opened`);
    }
    cells.set(name, cell);
    void cell.ended.then(() => {
      if (cells.get(name) === cell) cells.delete(name);
    });
    log.info({ host: name }, 'cell: it is here');
    if (resting) {
      await close(cell, 'this server is ending', true);
      throw new LinkDown('this server is ending');
    }
    return { kind: 'here', cell };
  };

  const stopSweep = clock.every(LIMITS.cellSweepMs, () => {
    for (const cell of cells.values()) {
      const { idleSinceMs, name } = cell;
      const isIdle = idleSinceMs !== undefined && clock.now() - idleSinceMs > LIMITS.cellIdleMs;
      if (!isIdle || cell.server.underWay().jobs > 0) continue;
      close(cell, 'no agent has its host', true).catch((error: unknown) =>
        log.error({ host: name, error }, 'cell: it could not be released'),
      );
    }
  });

  return {
    find: async (name) => {
      if (!NAME.test(name)) throw new Error(`"${name.slice(0, 100)}" is no name of a host`);
      const cell = cells.get(name);
      if (cell !== undefined) return { kind: 'here', cell };
      let found = finding.get(name);
      if (found === undefined) {
        found = claim(name).finally(() => finding.delete(name));
        finding.set(name, found);
      }
      return found;
    },
    held: (name) => cells.get(name),
    release: async (name, why) => {
      const cell = cells.get(name);
      if (cell !== undefined) await close(cell, why, true);
    },
    list: () => [...cells.values()],
    elsewhere: () => elsewhere,
    rest: () => {
      resting = true;
    },
    close: async () => {
      resting = true;
      stopSweep();
      await Promise.allSettled(finding.values());
      const done = await Promise.allSettled(
        [...cells.values()].map((cell) => close(cell, 'this server is ending', true)),
      );
      for (const one of done)
        if (one.status === 'rejected') log.warn({ error: one.reason }, 'cell: not released; it is free after a while');
    },
  };
};
