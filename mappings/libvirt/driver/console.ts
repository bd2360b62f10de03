/** A running domain in, where its screen listens out: the VNC server of its own process, or else its first serial line as a stream of libvirt. */
import { done, fault, type Outcome, refused } from '../../generic/faults.ts';
import type { NativeCall } from '../../generic/native.ts';
import type { DriverSend } from '../../generic/platform.ts';
import { attribute, child, children, parseSpans, type Span } from '../spans.ts';
import { domain } from './arguments.ts';
import { ask } from './conversation.ts';

/** Of what is written where it listens the element `listen` is the newer spelling (libvirt 0.9.4), the attributes are still there. */
const screenOf = (xml: string, graphics: Span): NativeCall | undefined => {
  const listen = child(graphics, 'listen');
  const path = attribute(xml, graphics, 'socket') ?? (listen && attribute(xml, listen, 'socket'));
  if (path !== undefined) return { procedure: 'host.socket', args: { path } };
  const port = Number(attribute(xml, graphics, 'port'));
  // -1: none yet.
  if (!Number.isInteger(port) || port < 1) return undefined;
  const address = (listen && attribute(xml, listen, 'address')) ?? attribute(xml, graphics, 'listen') ?? '';
  return { procedure: 'host.socket', args: { address, port } };
};

export const openConsole = async (send: DriverSend, uuid: string): Promise<Outcome<NativeCall>> => {
  const state = await ask(send, 'DOMAIN_GET_STATE', { dom: domain(uuid), flags: 0 });
  if (!state.ok) return state;
  // VIR_DOMAIN_SHUTDOWN and beyond: no process, no screen.
  if (state.value.state === 0 || state.value.state > 3)
    return refused(fault('wrong-state', { requested: 'running', existing: 'stopped' }, 'the domain does not run'));
  const live = await ask(send, 'DOMAIN_GET_XML_DESC', { dom: domain(uuid), flags: 0 });
  if (!live.ok) return live;
  const { xml } = live.value;
  const devices = child(parseSpans(xml), 'devices');
  for (const graphics of children(devices, 'graphics')) {
    const screen = attribute(xml, graphics, 'type') === 'vnc' ? screenOf(xml, graphics) : undefined;
    if (screen !== undefined) return done(screen);
  }
  if (children(devices, 'serial').length > 0 || children(devices, 'console').length > 0)
    return done({ procedure: 'DOMAIN_OPEN_CONSOLE', args: { dom: domain(uuid), dev_name: null, flags: 0 } });
  return refused(fault('not-supported', {}, 'the domain has neither a VNC screen nor a serial line'));
};
