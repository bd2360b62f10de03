/** Where a medium lies: hub ids, names or a path in; the storage and volume as the simulated host names them out. */
import type { HubId } from '../../generic/ids.ts';
import type { Medium } from '../../generic/model.ts';
import type { PlanContext } from '../../generic/platform.ts';

export interface Place {
  readonly storage: string;
  readonly name: string;
}

/** undefined: outside every storage. */
export const placeOf = (medium: Medium, host: HubId, { store }: PlanContext): Place | undefined => {
  const volume = medium.volume === undefined ? undefined : store.entry(medium.volume);
  if (volume)
    return {
      storage: volume.native.slice(0, volume.native.indexOf('/')),
      name: volume.native.slice(volume.native.indexOf('/') + 1),
    };
  const storage =
    (medium.storage === undefined ? undefined : store.entry(medium.storage)?.native) ?? medium.storageName;
  if (storage !== '' && medium.volumeName !== undefined) return { storage, name: medium.volumeName };
  for (const entry of store.list('storage', host)) {
    const path = store.generic('storage', entry.id)?.path;
    if (path !== undefined && medium.path?.startsWith(`${path}/`))
      return { storage: entry.native, name: medium.path.slice(path.length + 1) };
  }
  return undefined;
};

/** The medium in the host's own words. */
export const located = (medium: Medium, host: HubId, context: PlanContext): Medium => {
  const place = placeOf(medium, host, context);
  if (!place)
    return {
      storageName: '',
      ...(medium.path === undefined ? {} : { path: medium.path }),
      ...(medium.format === undefined ? {} : { format: medium.format }),
    };
  const entry = context.store.find(host, 'storage', place.storage);
  const path = (entry && context.store.generic('storage', entry.id)?.path) ?? `/sim/${place.storage}`;
  return {
    storageName: place.storage,
    volumeName: place.name,
    path: `${path}/${place.name}`,
    ...(medium.format === undefined ? {} : { format: medium.format }),
  };
};
