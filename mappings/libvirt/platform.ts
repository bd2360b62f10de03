/** The manifest of libvirt: a host, driven by its RPC protocol. */
import type { Platform } from '../generic/platform.ts';
import { detection } from './detection.ts';
import { driver } from './driver.ts';
import { hostSide, sheets } from './host-side.ts';
import { connect } from './transport.ts';
import { SCHEMES } from './uri.ts';

export const libvirt: Platform = {
  name: 'libvirt',
  title: 'libvirt RPC protocol',
  commands: [],
  sheets,
  schemes: SCHEMES,
  driver,
  host: hostSide,
  connect,
  detection,
};
