/** The server's memory for one test: opened on a state directory of its own, closed and opened again as a restart does. */
import { afterEach, beforeEach } from 'vitest';
import { openMemory, stateDirectory } from './memory.ts';

export let state: ReturnType<typeof stateDirectory>;
export let memory: ReturnType<typeof openMemory>;
beforeEach(() => {
  state = stateDirectory();
  memory = openMemory(state.directory);
});
afterEach(() => {
  memory.storage.close();
  state.remove();
});

export const restart = (): void => {
  memory.storage.close();
  memory = openMemory(state.directory);
};
