/** A server killed without warning: what it said before holds after. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createOwn } from '../../transform-server/own/own.ts';
import { listAll, openMemory, stateDirectory, vm } from './memory.ts';

it('keeps ids, versions and own data over kill -9, and takes the directory over at once', () => {
  const state = stateDirectory();
  try {
    const run = spawnSync(process.execPath, [fileURLToPath(new URL('./killed.ts', import.meta.url)), state.directory], {
      encoding: 'utf8',
    });
    expect(run.signal, run.stderr).toBe('SIGKILL');
    const said = JSON.parse(run.stdout) as {
      vm: string;
      version: number;
      disk: string;
      current: number;
      epoch: string;
    };
    const memory = openMemory(state.directory);
    try {
      listAll(memory, [vm('u1', 'alpha|p/a|m1||'), vm('u2', 'beta')]);
      const view = memory.store.view('f');
      const entry = view.find(memory.host, 'vm', 'u1');
      expect(entry).toMatchObject({ id: said.vm, version: said.version });
      expect(entry && view.owned(entry.id, 'disk', 'p/a')).toBe(said.disk);
      expect(view.changedSince(said.current)).toEqual([]);
      expect(memory.versions.epoch).toBe(said.epoch);
      expect(memory.versions.next()).toBeGreaterThan(said.current);
      expect(createOwn(memory.storage).get('names', 'a')).toEqual({ kept: true });
    } finally {
      memory.storage.close();
    }
  } finally {
    state.remove();
  }
});
