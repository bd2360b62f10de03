/** State that several servers in one process share, with its bad days: servers that die, a store that does not answer, two truths of a cell. */
import { join } from 'node:path';
import type { CellStorage, Claim, ServerRecord, SharedState } from '../../../transform-server/storage/cell-contract.ts';
import { openStorage } from '../../../transform-server/storage/storage.ts';

interface Held {
  readonly owner: string;
  lose(why: string): void;
  tell(available: boolean): void;
  close(): void;
}

export interface SharedServer extends SharedState {
  /** As kill -9: what it has stays its own until `world.expire`. */
  die(): void;
  /** The store answers the others alone. */
  cut(): void;
}

export const createWorld = (directory: string) => {
  const held = new Map<string, Held>();
  const conflicts = new Map<string, string>();
  const servers = new Map<string, ServerRecord>();
  const secrets = new Map<string, Uint8Array>();
  const texts = new Map<string, string>();
  let version = 0;
  const listeners = new Set<(available: boolean) => void>();
  let available = true;
  let next = 1;
  let token = 0;

  const set = (now: boolean): void => {
    if (available === now) return;
    available = now;
    for (const one of held.values()) one.tell(now);
    for (const listener of listeners) listener(now);
  };

  const join_ = (server: string): SharedServer => {
    const record = { server, address: server };
    servers.set(server, record);
    let dead = false;
    let isCut = false;
    const own = new Set<(available: boolean) => void>();

    const hold = (cell: string): CellStorage => {
      const storage = openStorage(join(directory, cell));
      const { promise: lost, resolve: lose } = Promise.withResolvers<string>();
      const told = new Set<(available: boolean) => void>();
      let closed = false;
      const close = (): void => {
        if (closed) return;
        closed = true;
        storage.close();
      };
      const mine: Held = {
        owner: server,
        lose,
        tell: (now) => {
          for (const listener of told) listener(now);
        },
        close,
      };
      held.set(cell, mine);
      const give = (): void => {
        if (held.get(cell) === mine) held.delete(cell);
      };
      return {
        ...storage,
        get dirty() {
          return storage.dirty;
        },
        token: ++token,
        get available() {
          return available && !isCut && !closed;
        },
        onAvailable: (listener) => {
          told.add(listener);
          return () => told.delete(listener);
        },
        lost,
        flush: async () => {
          if (!available) throw new Error('the store does not answer');
          await storage.flush();
        },
        release: async () => {
          close();
          give();
        },
        close,
        [Symbol.dispose]: close,
      };
    };
    const answering = (): void => {
      if (!available || isCut || dead) throw new Error('the store does not answer');
    };

    return {
      claim: async (cell): Promise<Claim> => {
        answering();
        const text = conflicts.get(cell);
        if (text !== undefined) return { kind: 'conflict', text };
        const other = held.get(cell);
        if (other === undefined) return { kind: 'held', storage: hold(cell) };
        return { kind: 'elsewhere', owner: { server: other.owner, address: other.owner } };
      },
      numbers: async (size) => {
        answering();
        const from = next;
        next += size;
        return { from, to: next };
      },
      secret: async (name, make) => {
        const known = secrets.get(name) ?? make();
        secrets.set(name, known);
        return known;
      },
      texts: {
        version: async () => {
          answering();
          return version;
        },
        read: async () => ({ version, texts: new Map(texts) }),
        write: async (upon, name, text) => {
          answering();
          if (upon !== version) return false;
          version += 1;
          if (text === undefined) texts.delete(name);
          else texts.set(name, text);
          return true;
        },
      },
      servers: async () => [...servers.values()],
      get available() {
        return available && !isCut;
      },
      onAvailable: (listener) => {
        listeners.add(listener);
        own.add(listener);
        return () => listeners.delete(listener);
      },
      cut: () => {
        isCut = true;
        for (const one of held.values()) if (one.owner === server) one.tell(false);
        for (const listener of own) listener(false);
      },
      warnings: [],
      close: async () => void servers.delete(server),
      die: () => {
        dead = true;
        servers.delete(server);
        for (const one of held.values()) if (one.owner === server) one.close();
      },
      [Symbol.asyncDispose]: async () => void servers.delete(server),
    };
  };

  return {
    join: join_,
    holder: (cell: string): string | undefined => held.get(cell)?.owner,
    away: () => set(false),
    back: () => set(true),
    /** What a dead server had is free. */
    expire: (server: string) => {
      for (const [cell, one] of held) {
        if (one.owner !== server) continue;
        held.delete(cell);
        one.close();
      }
    },
    /** The cell stays closed. */
    conflict: (cell: string, text: string) => {
      conflicts.set(cell, text);
      const one = held.get(cell);
      held.delete(cell);
      one?.close();
      one?.lose(text);
    },
    decide: (cell: string) => void conflicts.delete(cell),
  };
};
