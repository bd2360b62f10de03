/** The server half of libvirt: native objects in, scans, sheet inputs and plans out. All of it pure. */
import type { HostSide, Sheets } from '../generic/platform.ts';
import { fromGenericInput } from './from-generic-input.ts';
import { plan } from './plans.ts';
import { scan } from './scan.ts';
import { toGenericInput } from './to-generic-input.ts';

/*
 * What a native object holds (the driver fills it, everything in this half reads it):
 * - vm, native = uuid. Parts: `domain` (the stored definition, flags INACTIVE; of a transient domain the live one), `live` (only while
 *   active), `snapshot:<name>`. Facts: state and reason (virDomainState), id (-1 inactive), persistent, autostart, managedSave,
 *   hasSnapshots, currentSnapshot ('' none), agent (optional: the guest agent answers).
 * - storage, native = uuid. Part `pool`. Facts: name, state (virStoragePoolState), capacity, allocation, available (decimal text, bytes),
 *   autostart.
 * - volume, native = `<pool uuid>/<volume name>`. Part `volume`. Fact pool (the pool's name).
 * - network, native = uuid. Part `network`. Facts: active, autostart.
 * - host, native = uuid. Parts `capabilities`, `nics` and `sysinfo` (optional). Facts: hostname, model, memoryKiB, cpus, mhz, nodes, sockets,
 *   cores, threads, type, version, libVersion, maxCpus, connected, bootedMs (optional).
 *
 * Relations are told by aliases (scan.ts): a domain knows volumes by path and networks by name, and each object lists its aliases.
 */
const sheet = (file: string): URL => new URL(file, import.meta.url);

export const sheets: Sheets = {
  toGeneric: {
    vm: sheet('to-generic/vm.xsl'),
    storage: sheet('to-generic/storage.xsl'),
    volume: sheet('to-generic/volume.xsl'),
    network: sheet('to-generic/network.xsl'),
    host: sheet('to-generic/host.xsl'),
  },
  fromGeneric: {
    vm: sheet('from-generic/vm.xsl'),
    storage: sheet('from-generic/storage.xsl'),
    volume: sheet('from-generic/volume.xsl'),
    network: sheet('from-generic/network.xsl'),
  },
};

export const hostSide: HostSide = { scan, toGenericInput, fromGenericInput, plan };
