/** The native name of a volume: the moid of its datastore and its path there, `datastore-12/dir%2fdisk.vmdk`. */
import { pathOfVolume, volumeNameOf } from '../../generic/volume-path.ts';

export const volumeNative = (datastore: string, path: string): string => `${datastore}/${volumeNameOf(path)}`;

export const splitVolumeNative = (native: string): { datastore: string; path: string } => {
  const slash = native.indexOf('/');
  return { datastore: native.slice(0, slash), path: pathOfVolume(native.slice(slash + 1)) };
};
