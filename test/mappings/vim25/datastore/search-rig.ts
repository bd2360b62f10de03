/** A host whose datastore is searched: what SearchDatastore_Task finds, as the schema has it. */
import { beforeEach, expect } from 'vitest';
import { problemsOf } from '../../../../mappings/vim25/check.ts';
import { encodeAny } from '../../../../mappings/vim25/encode.ts';
import { type TestHost, testHost } from '../central/host.ts';

/** Made anew before each test of the file that imports it. */
export let host: TestHost;
export const anew = (...given: Parameters<typeof testHost>): void => {
  host = testHost(...given);
};
beforeEach(() => anew());

export const BROWSER = { type: 'HostDatastoreBrowser', id: 'ha-host-datastorebrowser' };
export interface Found {
  folderPath: string;
  file: { _type: string; path: string; fileSize?: number; capacityKb?: number }[];
}
export const search = (datastorePath: string, searchSpec: Record<string, unknown> = {}): Found => {
  host.call('SearchDatastore_Task', BROWSER, {
    datastorePath,
    searchSpec: { _type: 'HostDatastoreBrowserSearchSpec', ...searchSpec },
  });
  const last = host.settled.at(-1);
  if (!last?.ok) throw new Error(`the search failed: ${last?.fault.kind}`);
  expect(problemsOf('HostDatastoreBrowserSearchResults', last.value)).toEqual([]);
  expect(encodeAny('result', 'anyType', false, last.value)).toContain('xsi:type="HostDatastoreBrowserSearchResults"');
  return last.value as Found;
};
export const names = (found: Found): string[] => found.file.map(({ path }) => path);
