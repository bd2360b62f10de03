/** A path inside a datastore (`vm/vm.vmdk`) as the flat name of a volume (`vm%2fvm.vmdk`) and back: hosts refuse `/` in volume names. */

export const volumeNameOf = (path: string): string => path.replaceAll('%', '%25').replaceAll('/', '%2f');

/** Any name is some path: one that we did not make holds no escape of ours and stays as it is. */
export const pathOfVolume = (volumeName: string): string =>
  volumeName.replace(/%(25|2f)/g, (_, code: string) => (code === '25' ? '%' : '/'));
