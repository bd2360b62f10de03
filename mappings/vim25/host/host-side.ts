/** The server half of a vim25 host: native objects in, scans, sheet inputs and plans out. All of it pure. */
import type { HostSide } from '../../generic/platform.ts';
import { fromGenericInput } from './from-generic-input.ts';
import { plan } from './plans.ts';
import { scan } from './scan.ts';
import { toGenericInput } from './to-generic-input.ts';

/*
 * What a native object holds (the driver fills it, everything in this half reads it). Documents are the host's own properties, nested by
 * their paths, without namespaces but xsi.
 * - vm, native = moid. Parts: `vm` (VirtualMachine), `networks` (the names of those it is on). Facts: power, autostart.
 * - storage, native = moid. Part `datastore`. Facts: browser, and where a VM in it is made: datacenter, datacenterName, vmFolder, pool, host,
 *   datastoreSystem ('' where there is none).
 * - volume, native = `<datastore's moid>/<flat path>`. Part `file` (FileInfo). Facts: datastore (its name), datacenterName, path, type, size,
 *   capacity.
 * - network, native = `<type>:<moid>`. Part `network`. Facts: bridge; vlan and networkSystem of a port group; portgroupKey and switchUuid of
 *   a distributed one.
 * - host, native = `host`. Parts: `about`, `host:<moid>` of every HostSystem. Facts: host, networkSystem, datastoreSystem, `autoStart:<moid>`.
 */
export const hostSide: HostSide = { scan, toGenericInput, fromGenericInput, plan };
