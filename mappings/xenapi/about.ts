/** Who a front says it is: software_version of the host, versions of the API, what is restricted; the same in every record that repeats it. */
import type { Host } from '../generic/model.ts';

export const API_VERSION = { major: 2, minor: 23, vendor: 'XenSource' } as const;

/**
 * Clients choose what they call by product_version (numbers only) and platform_version (semver), and whose updates they look for by product_brand. The brand is the
 * API's, not the host's: it is the one for which clients call no plug-ins of the host. Who really answers, and what really
 * runs the VMs, stands beside it.
 */
export const softwareVersion = (host: Host): Record<string, string> => ({
  product_version: '8.4.0',
  product_version_text: '8.4',
  product_version_text_short: '8.4',
  product_brand: 'XenServer',
  platform_name: 'XCP',
  platform_version: '3.4.0',
  build_number: '0',
  hostname: 'localhost',
  date: '1970-01-01',
  dbv: '0.0.1',
  xapi: '23.31',
  xapi_build: '23.31.0',
  network_backend: 'bridge',
  served_by: 'Transvisor',
  hypervisor: host.hypervisor,
  hypervisor_version: host.hypervisorVersion,
});

/** What clients need not try. */
export const RESTRICTIONS: Readonly<Record<string, string>> = {
  restrict_zstd_export: 'true',
  restrict_vtpm: 'true',
  restrict_vswitch_controller: 'true',
  restrict_pool_attached_storage: 'false',
  restrict_hotfix_apply: 'true',
  restrict_vm_migration: 'true',
  restrict_storage_xen_motion: 'true',
  restrict_gpu: 'true',
  restrict_usb_passthrough: 'true',
  restrict_pvs_proxy: 'true',
  restrict_wlb: 'true',
  restrict_ha: 'true',
  restrict_ad: 'true',
  restrict_checkpoint: 'false',
  restrict_vmss: 'true',
};

/** The capabilities by which clients know that a host runs unmodified guests. */
export const CAPABILITIES = ['hvm-3.0-x86_32', 'hvm-3.0-x86_32p', 'hvm-3.0-x86_64'] as const;
