/** The manifest of vim25: a front with the personality of a standalone ESXi host. */
import type { Platform } from '../generic/platform.ts';
import { createBroker } from './broker/broker.ts';
import { centralCall } from './central/central.ts';
import { commands } from './commands.ts';
import { datastoreStream } from './datastore/stream.ts';
import { detection } from './detection.ts';
import { front } from './http.ts';
import { renderSide, sheets } from './render/render-side.ts';

export const vim25: Platform = {
  name: 'vim25',
  title: 'VMware vSphere Web Services API',
  commands,
  sheets,
  front,
  broker: createBroker({ central: centralCall, stream: datastoreStream }),
  render: renderSide,
  detection,
};
