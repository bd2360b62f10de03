/** The version counter: durable in reserved blocks, so that a restart never gives a number twice; listeners are woken once a turn. */
import type { HubId } from '../../mappings/generic/ids.ts';
import type { Storage } from '../storage/contract.ts';
import type { Versions } from './store.ts';

const BLOCK = 100_000;
const MIGRATIONS = [
  'CREATE TABLE versions (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL, reserved INTEGER NOT NULL);',
];

export const createVersions = (storage: Storage, random: (bytes: number) => Uint8Array): Versions => {
  storage.migrate('versions', MIGRATIONS);
  const found = storage.prepare('SELECT epoch, reserved FROM versions WHERE one = 1').get();
  const epoch = found === undefined ? Buffer.from(random(6)).toString('hex') : String(found['epoch']);
  let current = found === undefined ? 0 : Number(found['reserved']);
  let reserved = current;
  /** The newest that concerns all hosts. */
  let general = current;
  const ofHosts = new Map<HubId, number>();
  const reserve = storage.prepare('INSERT OR REPLACE INTO versions VALUES (1, ?, ?)');
  const listeners = new Set<(version: number) => void>();
  let waking = false;

  const wake = (): void => {
    if (waking || listeners.size === 0) return;
    waking = true;
    setImmediate(() => {
      waking = false;
      for (const listener of [...listeners]) listener(current);
    });
  };

  return {
    epoch,
    get current() {
      return current;
    },
    of: (host) => Math.max(general, ofHosts.get(host) ?? 0),
    next: (host) => {
      current += 1;
      if (host === undefined) general = current;
      else ofHosts.set(host, current);
      if (current > reserved) {
        // The reservation is in the same batch as what the number stands for, and no number is shown before its batch is on disk.
        reserved += BLOCK;
        reserve.run(epoch, reserved);
      }
      wake();
      return current;
    },
    wake,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
