/** The registry: one line a platform. Loaded lazily, so a program loads only what its configuration names. */
import type { Platform } from './generic/platform.ts';

export const PLATFORMS: Readonly<Record<string, () => Promise<Platform>>> = {
  libvirt: async () => (await import('./libvirt/platform.ts')).libvirt,
  sim: async () => (await import('./sim/platform.ts')).sim,
  vim25: async () => (await import('./vim25/platform.ts')).vim25,
  xenapi: async () => (await import('./xenapi/platform.ts')).xenapi,
};
