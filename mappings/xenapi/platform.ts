/** The manifest of XenAPI: a front with the personality of a pool of one host, and hosts driven by it. */
import type { Platform } from '../generic/platform.ts';
import { createBroker } from './broker/broker.ts';
import { centralCall, centralFollow } from './central/central.ts';
import { clientNames } from './client-names.ts';
import { commands } from './commands.ts';
import { detection } from './detection.ts';
import { converse } from './host/conversation.ts';
import { driver } from './host/driver.ts';
import { hostSide, toGenericSheets } from './host/host-side.ts';
import { SCHEMES } from './host/uri.ts';
import { front } from './http.ts';
import { renderSide, sheets } from './render/render-side.ts';
import { xenStream, xenTransferred } from './streams/streams.ts';

export const xenapi: Platform = {
  name: 'xenapi',
  title: 'XenServer Management API (XenAPI)',
  commands,
  sheets: { ...sheets, toGeneric: toGenericSheets, toHost: {} },
  front,
  render: renderSide,
  clientNames,
  broker: createBroker({ central: centralCall, follow: centralFollow, stream: xenStream, transferred: xenTransferred }),
  schemes: SCHEMES,
  driver,
  host: hostSide,
  converse,
  detection,
};
