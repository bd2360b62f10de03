/** A store on a state directory of its own, and objects of an invented host, for the tests of the server's memory. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HubId } from '../../mappings/generic/ids.ts';
import type { NativeObject, Scan } from '../../mappings/generic/native.ts';
import { createIds } from '../../transform-server/ids/ids.ts';
import { openStorage } from '../../transform-server/storage/storage.ts';
import { createStore } from '../../transform-server/store/memory.ts';
import { createVersions } from '../../transform-server/store/versions.ts';

export const stateDirectory = (): { directory: string; remove: () => void } => {
  const directory = mkdtempSync(join(tmpdir(), 'transvisor-'));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
};

export const openMemory = (directory: string) => {
  const storage = openStorage(directory);
  const ids = createIds(storage, () => 1000);
  const versions = createVersions(storage, (bytes) => randomBytes(bytes));
  const store = createStore(ids, versions);
  const host = ids.mint(undefined, 'host', 'one');
  return { storage, ids, versions, store, host };
};

/** The text is `name|disk,disk|mac,mac|network|storage`; what begins with `<` cannot be read. */
export const vm = (native: string, text: string, facts: NativeObject['facts'] = { state: 1 }): NativeObject => ({
  kind: 'vm',
  native,
  parts: { text },
  facts,
});
export const storageObject = (native: string, text = native, facts: NativeObject['facts'] = {}): NativeObject => ({
  kind: 'storage',
  native,
  parts: { text },
  facts,
});
export const network = (native: string, text = native): NativeObject => ({
  kind: 'network',
  native,
  parts: { text },
  facts: {},
});
export const volume = (native: string, text = native): NativeObject => ({
  kind: 'volume',
  native,
  parts: { text },
  facts: {},
});

const words = (text: string): string[] => text.split(',').filter((word) => word !== '');

export const scan = (object: NativeObject): Scan => {
  const [name = '', disks = '', macs = '', networks = '', storages = ''] = (object.parts['text'] ?? '').split('|');
  if (name.startsWith('<')) throw new Error('not well-formed at 1');
  if (object.kind === 'volume') {
    return {
      name,
      relations: [{ to: 'storage', native: object.native.split('/')[0] ?? '' }],
      owns: [],
      aliases: [`path:/${object.native}`],
    };
  }
  return {
    name,
    uuid: object.native,
    template: name.startsWith('template'),
    relations: [
      ...words(disks).map((native) => ({ to: 'volume' as const, native })),
      ...words(networks).map((native) => ({ to: 'network' as const, native })),
      ...words(storages).map((native) => ({ to: 'storage' as const, native })),
    ],
    owns: [
      ...words(disks).map((match, at) => ({ kind: 'disk' as const, match, slot: `d${at}` })),
      ...words(macs).map((match, at) => ({ kind: 'nic' as const, match, slot: `n${at}` })),
    ],
  };
};

export const listAll = (
  memory: { store: ReturnType<typeof createStore>; host: HubId },
  objects: readonly NativeObject[],
) => {
  memory.store.beginListing(memory.host);
  const counts = memory.store.put(memory.host, objects, scan);
  return { counts, lost: memory.store.endListing(memory.host) };
};
