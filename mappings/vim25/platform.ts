/** The manifest of vim25: a front with the personality of a standalone ESXi host; and a host, ESXi or a vCenter, that is driven by it. */
import type { Platform } from '../generic/platform.ts';
import { createBroker } from './broker/broker.ts';
import { centralCall } from './central/central.ts';
import { clientNames } from './client-names.ts';
import { commands } from './commands.ts';
import { datastoreStream } from './datastore/stream.ts';
import { detection } from './detection.ts';
import { converse } from './host/conversation.ts';
import { driver } from './host/driver.ts';
import { hostSide } from './host/host-side.ts';
import { parseUri, SCHEMES } from './host/uri.ts';
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
  clientNames,
  schemes: SCHEMES,
  driver,
  host: hostSide,
  converse: (uri) => {
    const parsed = parseUri(uri);
    if (!parsed.ok) return parsed;
    return { ok: true, value: { endpoint: parsed.value.endpoint, open: () => converse(parsed.value) } };
  },
  detection,
};
