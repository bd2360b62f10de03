/** HostDatastoreBrowser: a search of one directory or of all below it in, a task with the files found out. */
import type { Call } from '../../generic/call.ts';
import { done } from '../../generic/faults.ts';
import type { BrokerContext, Brokered } from '../../generic/platform.ts';
import { settle } from '../central/effects.ts';
import { invalidArgument, refuse } from '../central/refusal.ts';
import { refOf } from '../ids.ts';
import { formatDatastorePath } from '../names.ts';
import { type DataObject, typed } from '../values.ts';
import { fileInfos, type SearchSpec, searchSpecOf } from './listing.ts';
import { below, childrenOf, type Datastores, datastores, existing, type Place, placeOf, shownPath } from './tree.ts';

/** As ESXi writes them: `[ds]` for the top, `[ds] dir/` below it. */
const folderPath = ({ tree, path }: Place): string =>
  path === '' ? `[${tree.storage.doc.name}]` : formatDatastorePath(tree.storage.doc.name, `${path}/`);

function* resultsOf(place: Place, spec: SearchSpec, all: Datastores, context: BrokerContext): Brokered<DataObject> {
  return {
    _type: 'HostDatastoreBrowserSearchResults',
    datastore: refOf(place.tree.storage.id),
    folderPath: folderPath(place),
    file: yield* fileInfos(childrenOf(place.tree, place.path), spec, all, context),
  };
}

function* directoryOfCall(
  call: Call,
  context: BrokerContext,
): Brokered<{ all: Datastores; place: Place; spec: SearchSpec }> {
  const spec =
    searchSpecOf(call.args['searchSpec'] as DataObject | undefined) ?? invalidArgument('searchSpec.matchPattern');
  const all = yield* datastores(context);
  const place = placeOf(all, call.args['datastorePath'] as string);
  // The normal answer to a client that is about to create a machine.
  if (existing(place).kind !== 'directory') refuse('file-not-found', { path: shownPath(place) });
  return { all, place, spec };
}

export function* searchDatastore(call: Call, context: BrokerContext): Brokered {
  const { all, place, spec } = yield* directoryOfCall(call, context);
  const results = yield* resultsOf(place, spec, all, context);
  return yield* settle(call, place.tree.storage.id, done(results));
}

export function* searchDatastoreSubFolders(call: Call, context: BrokerContext): Brokered {
  const { all, place, spec } = yield* directoryOfCall(call, context);
  const directories = below(place.tree, place.path).filter(({ kind }) => kind === 'directory');
  const paths = [place.path, ...directories.map(({ path }) => path)].sort();
  const results: DataObject[] = [];
  for (const path of paths) results.push(yield* resultsOf({ tree: place.tree, path }, spec, all, context));
  return yield* settle(call, place.tree.storage.id, done(typed('ArrayOfHostDatastoreBrowserSearchResults', results)));
}
