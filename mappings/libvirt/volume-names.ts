/** A path in the virtual datastore to the flat volume name that libvirt takes, and back: a dir pool refuses `/` (libvirt 9.0). */

export const formatVolumeName = (path: string): string => path.replaceAll('%', '%25').replaceAll('/', '%2f');

export const parseVolumeName = (name: string): string => name.replaceAll('%2f', '/').replaceAll('%25', '%');

/** A volume's native name: its own is unique in its pool only. */
export const volumeNative = (poolUuid: string, name: string): string => `${poolUuid}/${name}`;

export const splitVolumeNative = (native: string): { poolUuid: string; name: string } => {
  const slash = native.indexOf('/');
  return { poolUuid: native.slice(0, slash), name: native.slice(slash + 1) };
};
