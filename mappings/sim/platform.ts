/** The manifest of the simulated host: no sockets, no state on disk, for machines that have no real one. */
import type { Platform } from '../generic/platform.ts';
import { driver } from './driver.ts';
import { hostSide, sheets } from './host-side.ts';
import { connect } from './transport.ts';
import { SCHEMES } from './uri.ts';

export const sim: Platform = {
  name: 'sim',
  title: 'Built-in simulated host',
  commands: [],
  sheets,
  schemes: SCHEMES,
  driver,
  host: hostSide,
  connect,
};
