/** An address in, where a libvirt daemon would be there; an open conversation in, what it is. */
import type { Detection } from '../generic/platform.ts';

/** virGetVersion's form: major * 1,000,000 + minor * 1000 + release. */
const version = (number: unknown): string => {
  const n = Number(number);
  return Number.isSafeInteger(n) && n > 0
    ? `${Math.floor(n / 1_000_000)}.${Math.floor(n / 1000) % 1000}.${n % 1000}`
    : '';
};

export const detection: Detection = {
  uris: (address) => (address === '' ? ['qemu:///system'] : [`qemu+tcp://${address}/system`]),
  identify: async (uri, call) => {
    const [type, library] = [await call('CONNECT_GET_TYPE', {}), await call('CONNECT_GET_LIB_VERSION', {})];
    if (!type.ok || !library.ok) return undefined;
    return { product: `libvirt ${String(type.value['type'])}`, version: version(library.value['lib_ver']), uri };
  },
};
