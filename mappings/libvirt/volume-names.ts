/** A volume's native name: its own is unique in its pool only. */

export const volumeNative = (poolUuid: string, name: string): string => `${poolUuid}/${name}`;

export const splitVolumeNative = (native: string): { poolUuid: string; name: string } => {
  const slash = native.indexOf('/');
  return { poolUuid: native.slice(0, slash), name: native.slice(slash + 1) };
};
